//! What the nodes say, and what is made of it.

use super::diary::*;
use crate::holder::*;
use crate::node::DrainStep;

#[test]
fn word_from_before_a_stage_does_not_end_it() {
    let mut day = Diary::settled();
    let before = day.now;
    day.now += s(1);
    day.wait_for(4.0);
    day.granted(0);
    day.started(0);
    let said = || word(vec![lease_word(0, LeaseState::Draining)]);
    day.hear(Heard::Renewed { node: 0, word: said(), sent_at: Some(before) });
    assert!(day.is_ready(0));
    // Asked since then, it counts.
    day.hear(Heard::Renewed { node: 0, word: said(), sent_at: Some(day.now) });
    assert_eq!(day.drain_step(0), Some(DrainStep::AtFront));
}

#[test]
fn a_half_started_lease_of_ours_that_nobody_knows_is_given_back() {
    let mut day = Diary::settled();
    day.says(0, vec![lease_word(0, LeaseState::Starting)]);
    assert_eq!(day.drain_step(0), Some(DrainStep::Ending));
    assert!(day.done.contains(&Effect::StopAndRelease { node: 0, lease: lease(0).reference() }));
    assert!(day.listed().is_empty());
}

#[test]
fn a_lease_that_an_order_may_be_about_is_left_alone() {
    let mut day = Diary::settled();
    day.wait_for(4.0);
    day.says(0, vec![lease_word(0, LeaseState::Reserved)]);
    assert_eq!(day.done, []);
}

#[test]
fn what_a_node_says_of_the_lease_held_is_kept() {
    let mut day = Diary::with_children();
    let busy =
        LeaseWord { in_flight: Some(3), cpu: 1.5, memory_bytes: 64, ..lease_word(0, LeaseState::Ready) };
    let other = LeaseWord { lease_id: "other".into(), in_flight: Some(9), ..lease_word(0, LeaseState::Gone) };
    let word = NodeWord { cpu: 0.5, cpus: 4, ..word(vec![other, busy]) };
    day.hear(Heard::Renewed { node: 0, word, sent_at: Some(day.now) });
    let report = day.node(0).report;
    assert_eq!((report.in_flight, report.service_cpu, report.service_memory_bytes), (Some(3), 1.5, 64));
    assert_eq!((report.cpu, report.cpus), (0.5, 4));
}

#[test]
fn the_link_is_said_once_when_it_changes() {
    let mut day = Diary::settled();
    day.news.clear();
    for _ in 0..2 {
        day.hear(Heard::LinkSilent { node: 0, words: "no answer".into() });
    }
    assert_eq!(day.state(0), "unreachable");
    for _ in 0..2 {
        day.linked(0, Vec::new());
    }
    let unreachable = News::Unreachable { node: 0, words: "no answer".into() };
    assert_eq!(day.news, [unreachable, News::Reachable { node: 0 }]);
}

#[test]
fn one_that_was_fenced_says_so_and_does_nothing_more() {
    let mut day = Diary::with_children();
    let word = NodeWord { fenced: true, ..word(Vec::new()) };
    day.hear(Heard::Renewed { node: 1, word, sent_at: Some(day.now) });
    assert_eq!(day.done, [Effect::Fenced("node c2 serves a newer one".into())]);
    day.hear(Heard::LinkRefused { node: 0, words: "nothing listens".into() });
    day.later(100);
    assert_eq!(day.done, []);
    assert_eq!(day.listed(), [("c1", ChildState::Ready), ("c2", ChildState::Ready)]);
}

#[test]
fn no_debug_output_shows_a_token() {
    let day = Diary::with_children();
    let shown = format!("{:?} {:#?} {:?}", day.holder, day.holder.list(), adopted(0, LeaseState::Ready));
    assert!(shown.contains("lease-0") && !shown.contains("secret"), "{shown}");
}
