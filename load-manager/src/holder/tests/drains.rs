//! Drains, step by step, and taken back.

use super::diary::*;
use crate::holder::*;
use crate::node::{DrainStep, FrontCount};

#[test]
fn a_drain_waits_for_a_count_that_was_taken_after_every_worker_had_the_list() {
    let mut day = Diary::with_children();
    day.drain(0);
    assert_eq!(day.listed(), [("c1", ChildState::Draining), ("c2", ChildState::Ready)]);
    let mark = day.holder.list().generation;
    // Counted before the workers had the list: a request may still be on its way to it.
    day.counts(mark - 1, &[(0, in_flight(0))]);
    day.hear(Heard::ListApplied(mark));
    assert_eq!(day.drain_step(0), Some(DrainStep::AtFront));
    // Counted after, and one still runs.
    day.counts(mark, &[(0, in_flight(1))]);
    assert_eq!(day.drain_step(0), Some(DrainStep::AtFront));
    // None runs: the node is asked to count down too, and nobody is sent there.
    day.counts(mark, &[(0, in_flight(0))]);
    assert_eq!(day.drain_step(0), Some(DrainStep::AtNode));
    assert_eq!(day.done[0], Effect::Drain { node: 0, lease: lease(0).reference(), parting: s(0) });
    assert_eq!(day.listed(), [("c2", ChildState::Ready)]);
}

#[test]
fn drains_that_begin_together_are_one_list_which_marks_them_all() {
    let mut day = Diary::with_children();
    let before = day.holder.list().generation;
    day.act(|holder| [0, 1].into_iter().for_each(|node| holder.begin_drain(name(node), "test")));
    assert_eq!(day.holder.list().generation, before + 1);
    assert_eq!(day.listed(), [("c1", ChildState::Draining), ("c2", ChildState::Draining)]);
    day.hear(Heard::ListApplied(before));
    day.counts(before, &[]);
    assert_eq!(day.drain_step(0), Some(DrainStep::AtFront));
    day.front_is_empty();
    assert_eq!([day.drain_step(0), day.drain_step(1)], [Some(DrainStep::AtNode); 2]);
}

#[test]
fn a_second_drain_waits_for_a_list_of_its_own() {
    let mut day = Diary::with_children();
    day.drain(0);
    day.take_back(0);
    let before = day.holder.list().generation;
    day.drain(0);
    day.hear(Heard::ListApplied(before));
    day.counts(before, &[]);
    assert_eq!(day.drain_step(0), Some(DrainStep::AtFront));
    day.front_is_empty();
    assert_eq!(day.drain_step(0), Some(DrainStep::AtNode));
}

#[test]
fn long_lived_requests_hold_a_drain_up_for_their_time_only() {
    let mut day = Diary::with_children();
    day.drain(0);
    let mark = day.holder.list().generation;
    day.hear(Heard::ListApplied(mark));
    let long_lived = FrontCount { in_flight: 2, long_lived: 2, ..FrontCount::default() };
    day.counts(mark, &[(0, long_lived)]);
    assert_eq!(day.drain_step(0), Some(DrainStep::AtFront));
    day.now += s(300);
    // One that is not long-lived is waited for all the same.
    day.counts(mark, &[(0, FrontCount { in_flight: 3, ..long_lived })]);
    assert_eq!(day.drain_step(0), Some(DrainStep::AtFront));
    day.counts(mark, &[(0, long_lived)]);
    assert_eq!(day.drain_step(0), Some(DrainStep::AtNode));
}

#[test]
fn a_drain_can_be_taken_back_until_the_stop() {
    let mut day = Diary::with_children();
    day.drain(0);
    day.take_back(0);
    assert!(day.is_ready(0));
    day.drain(0);
    day.front_is_empty();
    assert_eq!(day.drain_step(0), Some(DrainStep::AtNode));
    // The node was told: it is asked to take requests again, once, and nobody waits for its drain.
    day.take_back(0);
    let lease_0 = lease(0).reference();
    assert_eq!(
        day.done,
        [Effect::StopWaiting { node: 0 }, Effect::Undrain { node: 0, lease: lease_0.clone() }]
    );
    assert_eq!(day.drain_step(0), Some(DrainStep::Returning));
    day.take_back(0);
    assert_eq!(day.done, []);
    day.hear(Heard::Undrained { node: 0, lease_id: lease(0).id, result: Ok(()) });
    assert_eq!(day.listed(), [("c2", ChildState::Ready), ("c1", ChildState::Ready)]);
    // Drained again, to the end.
    day.drain(0);
    day.front_is_empty();
    day.hear(Heard::NodeDrained { node: 0, lease_id: lease(0).id, result: Ok(()) });
    assert_eq!(day.done, [Effect::StopAndRelease { node: 0, lease: lease_0 }]);
    day.take_back(0);
    assert_eq!(day.drain_step(0), Some(DrainStep::Ending));
    day.hear(Heard::Released { node: 0, lease_id: lease(0).id, result: Ok(()) });
    assert!(day.is_free(0));
    assert_eq!(day.renewed[0], []);
}

#[test]
fn a_drain_that_cannot_be_taken_back_goes_on() {
    let mut day = Diary::with_children();
    day.drain(0);
    day.front_is_empty();
    day.take_back(0);
    day.hear(Heard::Undrained { node: 0, lease_id: lease(0).id, result: Err("it stops".into()) });
    assert_eq!(day.drain_step(0), Some(DrainStep::Ending));
    assert_eq!(day.done, [Effect::StopAndRelease { node: 0, lease: lease(0).reference() }]);
    // Whether it was given back is not known: its time to live frees the slot.
    day.hear(Heard::Released { node: 0, lease_id: lease(0).id, result: Err("no answer".into()) });
    assert!(day.is_free(0));
    assert_eq!(day.node(0).detail, "giving it back failed: no answer");
}

#[test]
fn several_that_fall_silent_leave_in_one_list() {
    let mut day = Diary::with_children();
    day.later(7);
    let before = day.holder.list().generation;
    day.later(1);
    assert!(day.listed().is_empty());
    assert_eq!(day.holder.list().generation, before + 1);
}

#[test]
fn what_is_answered_of_another_lease_changes_nothing() {
    let mut day = Diary::with_children();
    day.drain(0);
    day.front_is_empty();
    let other = || "lease-of-before".to_owned();
    day.hear(Heard::NodeDrained { node: 0, lease_id: other(), result: Ok(()) });
    assert_eq!(day.drain_step(0), Some(DrainStep::AtNode));
    day.take_back(0);
    day.hear(Heard::Undrained { node: 0, lease_id: other(), result: Ok(()) });
    assert_eq!(day.drain_step(0), Some(DrainStep::Returning));
    day.hear(Heard::Released { node: 0, lease_id: lease(0).id, result: Ok(()) });
    assert_eq!(day.drain_step(0), Some(DrainStep::Returning));
}

#[test]
fn a_reclaim_drains_the_child_and_another_takes_its_place_where_it_is_wanted() {
    let mut day = Diary::settled();
    day.wait_for(4.0);
    day.granted(0);
    day.started(0);
    let reclaim = Some(Reclaim { notice: s(30), reason: "an operator drained the node".into() });
    day.says(0, vec![LeaseWord { reclaim, ..lease_word(0, LeaseState::Ready) }]);
    assert_eq!(day.listed(), [("c1", ChildState::Draining)]);
    assert_eq!(day.ordered(), [1]);
    assert_eq!(day.reasons(), ["queued", "reclaimed", "replaced"]);
    assert_eq!(day.entries.last().unwrap().sentence(), "1 are wanted and 0 are left");
}

#[test]
fn a_node_that_drains_by_itself_is_drained_and_one_that_stops_is_lost() {
    let mut day = Diary::with_children();
    day.says(0, vec![lease_word(0, LeaseState::Draining)]);
    assert_eq!(day.listed(), [("c1", ChildState::Draining), ("c2", ChildState::Ready)]);
    // Two are wanted and the second is gone: the drain of the first is taken back.
    day.says(1, vec![lease_word(1, LeaseState::Stopping)]);
    assert_eq!(day.listed(), [("c1", ChildState::Ready)]);
    assert!(day.is_free(1));
}

#[test]
fn a_drain_that_the_node_asked_for_is_taken_back_only_when_it_asks_no_more() {
    let mut day = Diary::with_children();
    let wanted = Reclaim { notice: s(30), reason: "another service is below its min".into() };
    day.says(0, vec![LeaseWord { reclaim: Some(wanted), ..lease_word(0, LeaseState::Ready) }]);
    assert_eq!(day.drain_step(0), Some(DrainStep::AtFront));
    let undrainable = |day: &Diary| day.holder.fleet().draining[0].undrainable;
    assert!(!undrainable(&day), "it would be drained again at the node's next word");
    day.says(0, vec![lease_word(0, LeaseState::Ready)]);
    assert!(undrainable(&day));
}

#[test]
fn one_that_returns_and_is_drained_again_by_the_same_input_is_not_waited_for_in_vain() {
    let mut day = Diary::with_children();
    day.drain(0);
    let generation = day.holder.list().generation;
    day.act(|holder| {
        holder.take_back("c1");
        holder.begin_drain("c1", "again");
    });
    assert_eq!(day.holder.list().generation, generation, "the list says so already");
    day.front_is_empty();
    assert_eq!(day.drain_step(0), Some(DrainStep::AtNode));
}
