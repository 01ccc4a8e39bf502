//! Nodes that fall silent, vanish or lose their service.

use super::diary::*;
use crate::holder::*;
use crate::node::DrainStep;

#[test]
fn a_daemon_that_is_gone_takes_its_child_off_the_list_at_once() {
    let mut day = Diary::with_children();
    day.hear(Heard::LinkRefused { node: 0, words: "nothing listens".into() });
    assert_eq!(day.listed(), [("c2", ChildState::Ready)]);
    assert_eq!(day.state(0), "unreachable");
    assert!(day.reasons().contains(&"lost"));
    assert_eq!(day.renewed[0], []);
}

#[test]
fn a_daemon_that_was_started_anew_has_lost_its_lease() {
    let mut day = Diary::with_children();
    let word = NodeWord { incarnation: 2, ..word(Vec::new()) };
    day.hear(Heard::Renewed { node: 0, word, sent_at: Some(day.now) });
    assert_eq!(day.listed(), [("c2", ChildState::Ready)]);
    // It is there again, and wanted; who joins is put behind those that are there.
    assert_eq!(day.ordered(), [0]);
    day.granted(0);
    day.started(0);
    assert_eq!(day.listed(), [("c2", ChildState::Ready), ("c1", ChildState::Ready)]);
}

#[test]
fn a_service_that_crashes_soon_after_its_start_backs_its_node_off() {
    let mut day = Diary::with_children();
    day.says(0, vec![lease_word(0, LeaseState::Gone)]);
    assert_eq!(day.listed(), [("c2", ChildState::Ready)]);
    assert_eq!(day.state(0), "backing off");
}

#[test]
fn a_young_lease_that_its_node_ends_is_no_crash() {
    // The slot is not for this service.
    let ended = |day: &mut Diary, state| {
        let leases = vec![LeaseWord { ended_by_node: true, ..lease_word(0, state) }];
        let word = NodeWord { slots_free: 0, ..word(leases) };
        day.hear(Heard::Renewed { node: 0, word, sent_at: Some(day.now) });
    };
    // Its last request outlived the notice of a reclaim.
    let mut day = Diary::with_children();
    let reclaim = Some(Reclaim { notice: s(30), reason: "another service is short of its share".into() });
    day.says(0, vec![LeaseWord { reclaim, ..lease_word(0, LeaseState::Ready) }]);
    day.later(3);
    ended(&mut day, LeaseState::Stopping);
    assert_eq!(day.state(0), "draining");
    ended(&mut day, LeaseState::Gone);
    assert_eq!((day.state(0), day.node(0).detail.as_str()), ("taken", "lost: the node ends the lease"));
    // The notice was not heard here.
    let mut day = Diary::with_children();
    ended(&mut day, LeaseState::Stopping);
    assert_eq!(day.state(0), "taken");
}

#[test]
fn a_silent_child_is_the_last_to_be_asked_until_it_answers_again() {
    let mut day = Diary::with_children();
    day.later(5);
    day.says(1, Vec::new());
    // Nothing was heard of the first for 6 s.
    day.later(1);
    assert_eq!(day.listed(), [("c1", ChildState::Jeopardy), ("c2", ChildState::Ready)]);
    // The answer to a question of before does not make it any younger.
    let sent_at = Some(day.now - s(6));
    day.hear(Heard::Renewed { node: 0, word: word(Vec::new()), sent_at });
    assert_eq!(day.state(0), "jeopardy");
    day.says(0, Vec::new());
    assert_eq!(day.listed(), [("c1", ChildState::Ready), ("c2", ChildState::Ready)]);
}

#[test]
fn a_child_that_stays_silent_is_given_up_before_its_node_gives_it_away() {
    let mut day = Diary::with_children();
    day.later(6);
    day.says(1, Vec::new());
    // 0.8 of the 10 s for which the node keeps the lease.
    day.later(2);
    assert_eq!(day.listed(), [("c2", ChildState::Ready)]);
    assert_eq!((day.is_free(0), day.renewed[0].len()), (true, 0));
    assert!(day.node(0).detail.contains("silent for so long"));
}

#[test]
fn a_loss_ends_the_wait_for_a_drain() {
    let mut day = Diary::with_children();
    day.drain(0);
    day.front_is_empty();
    assert_eq!(day.drain_step(0), Some(DrainStep::AtNode));
    day.hear(Heard::LinkRefused { node: 0, words: "nothing listens".into() });
    assert_eq!(day.done[0], Effect::StopWaiting { node: 0 });
    // The other child does not drain: nobody waits there.
    day.hear(Heard::LinkRefused { node: 1, words: "nothing listens".into() });
    assert!(!day.done.contains(&Effect::StopWaiting { node: 1 }), "{:?}", day.done);
}

#[test]
fn a_loss_is_followed_by_an_order_at_once() {
    let mut day = Diary::settled();
    day.wait_for(4.0);
    day.granted(0);
    day.started(0);
    day.hear(Heard::LinkRefused { node: 0, words: "nothing listens".into() });
    assert_eq!(day.ordered(), [1]);
    assert_eq!(day.reasons()[..2], ["queued", "lost"]);
}

#[test]
fn the_drain_of_a_silent_child_is_not_taken_back() {
    for silent in [false, true] {
        let mut day = Diary::with_children();
        day.drain(0);
        day.later(5);
        day.says(1, Vec::new());
        if !silent {
            day.says(0, Vec::new());
        }
        day.later(1);
        day.wait_for(9.0);
        assert_eq!(day.is_ready(0), !silent, "{:?}", day.reasons());
    }
}
