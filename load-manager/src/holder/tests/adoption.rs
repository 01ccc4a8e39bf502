//! Leases that were let go for silence, and taken up again when their nodes spoke.

use super::diary::*;
use crate::holder::*;
use crate::node::DrainStep;

impl Diary {
    /// The first of two children was silent for so long that its lease is let go.
    fn with_a_silent_one() -> Self {
        let mut day = Self::with_children();
        for _ in 0..2 {
            day.later(4);
            day.says(1, vec![lease_word(1, LeaseState::Ready)]);
        }
        assert_eq!(day.listed(), [("c2", ChildState::Ready)]);
        day
    }

    fn hands_over(&mut self, node: usize, leases: Vec<Adopted>) {
        self.hear(Heard::Adopted { node, result: Ok(leases), asked_at: self.now });
    }

    /// Where the last input asked for what is still held.
    fn adopting(&self) -> Vec<usize> {
        let node = |effect: &Effect| match effect {
            Effect::Adopt { node } => Some(*node),
            _ => None,
        };
        self.done.iter().filter_map(node).collect()
    }
}

#[test]
fn a_node_that_fell_silent_is_asked_nothing_until_it_speaks() {
    let mut day = Diary::with_a_silent_one();
    assert_eq!(day.state(0), "unreachable");
    day.wait_for(9.0);
    assert!(day.ordered().is_empty(), "two are wanted, and it would not answer");
    day.says(0, Vec::new());
    assert_eq!(day.state(0), "free");
    day.wait_for(9.0);
    assert_eq!(day.ordered(), [0], "nor is it backed off");
}

#[test]
fn an_orphan_of_a_silence_is_taken_up_again_in_its_new_epoch() {
    let mut day = Diary::with_a_silent_one();
    day.says(0, vec![lease_word(0, LeaseState::Orphan)]);
    assert_eq!((day.adopting(), day.ordered()), (vec![0], vec![]));
    // It is asked once, and no order goes there meanwhile.
    day.says(0, vec![lease_word(0, LeaseState::Orphan)]);
    day.wait_for(9.0);
    assert_eq!((day.adopting(), day.ordered()), (vec![], vec![]));
    day.hands_over(0, vec![adopted(0, LeaseState::Ready)]);
    assert_eq!(day.listed(), [("c2", ChildState::Ready), ("c1", ChildState::Ready)]);
    assert_eq!(day.renewed[0], [adopted(0, LeaseState::Ready).lease.reference()]);
    assert_eq!(day.reasons().last(), Some(&"adopted"));
}

#[test]
fn one_that_drains_when_it_speaks_again_is_drained_to_its_end() {
    let mut day = Diary::with_a_silent_one();
    day.says(0, vec![lease_word(0, LeaseState::Draining)]);
    day.hands_over(0, vec![adopted(0, LeaseState::Draining)]);
    assert_eq!(day.listed(), [("c2", ChildState::Ready), ("c1", ChildState::Draining)]);
    assert_eq!(day.drain_step(0), Some(DrainStep::AtFront));
}

#[test]
fn what_was_not_handed_over_is_asked_for_again_when_the_node_speaks() {
    let mut day = Diary::with_a_silent_one();
    day.says(0, vec![lease_word(0, LeaseState::Orphan)]);
    day.hear(Heard::Adopted { node: 0, result: Err("no answer".into()), asked_at: day.now });
    assert!(day.is_free(0));
    day.says(0, vec![lease_word(0, LeaseState::Orphan)]);
    assert_eq!(day.adopting(), [0]);
    // The node has ended it by now.
    day.hands_over(0, Vec::new());
    day.wait_for(9.0);
    assert_eq!(day.ordered(), [0]);
}

#[test]
fn an_answer_that_a_new_connection_overtook_changes_nothing() {
    let mut day = Diary::with_a_silent_one();
    day.says(0, vec![lease_word(0, LeaseState::Orphan)]);
    let asked_at = day.now;
    day.now += s(1);
    day.linked(0, vec![adopted(0, LeaseState::Ready)]);
    assert!(day.is_ready(0));
    let mut crashed = lease_word(0, LeaseState::Gone);
    crashed.detail = "it was killed".into();
    day.says(0, vec![crashed]);
    day.hear(Heard::Adopted { node: 0, result: Ok(vec![adopted(0, LeaseState::Ready)]), asked_at });
    assert!(day.is_free(0), "{:?}", day.node(0).stage);
}

#[test]
fn a_lease_whose_end_was_begun_here_is_given_back_and_not_taken_up() {
    let mut day = Diary::with_children();
    day.drain(0);
    day.front_is_empty();
    day.hear(Heard::NodeDrained { node: 0, lease_id: lease(0).id, result: Ok(()) });
    // The stop is not answered, and the node falls silent.
    day.later(8);
    assert!(day.is_free(0));
    day.says(0, vec![lease_word(0, LeaseState::Orphan)]);
    assert!(day.adopting().is_empty());
    assert!(day.done.contains(&Effect::StopAndRelease { node: 0, lease: lease(0).reference() }));
    // Its end is what was asked for: no crash that backs the node off.
    day.says(0, vec![lease_word(0, LeaseState::Gone)]);
    assert_eq!(day.state(0), "free");
}

#[test]
fn a_load_manager_that_overslept_hears_the_nodes_before_it_gives_anything_up() {
    let mut day = Diary::with_children();
    let list = day.holder.list().clone();
    day.entries.clear();
    day.sleeps(30);
    // Requests wait, and nothing is ordered: what it has it does not know.
    day.wait_for(40.0);
    assert_eq!((day.done.len(), day.entries.len()), (0, 0), "{:?}", day.done);
    for node in 0..2 {
        day.says(node, vec![lease_word(node, LeaseState::Ready)]);
    }
    day.later(1);
    assert_eq!((day.holder.list(), day.is_ready(0), day.is_ready(1)), (&list, true, true));
    day.wait_for(4.0);
    assert_eq!(day.entries.len(), 1, "it decides again");
}

#[test]
fn what_no_node_speaks_of_two_seconds_after_a_sleep_is_let_go() {
    let mut day = Diary::with_children();
    day.sleeps(30);
    day.says(1, vec![lease_word(1, LeaseState::Ready)]);
    day.later(1);
    assert_eq!(day.listed(), [("c1", ChildState::Ready), ("c2", ChildState::Ready)]);
    day.later(1);
    assert_eq!((day.listed(), day.state(0)), (vec![("c2", ChildState::Ready)], "unreachable"));
}

#[test]
fn a_lease_that_ran_out_while_the_load_manager_slept_is_no_crash() {
    let mut day = Diary::with_children();
    day.sleeps(30);
    day.says(0, vec![lease_word(0, LeaseState::Gone)]);
    assert_eq!((day.listed(), day.state(0)), (vec![("c2", ChildState::Ready)], "free"));
}
