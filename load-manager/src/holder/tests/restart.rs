//! A start amid what is there: the list of an earlier life, and the leases that the nodes still hold.

use super::diary::*;
use crate::holder::*;
use crate::node::{DrainStep, Lease, LeaseRef};

#[test]
fn a_restarted_load_manager_goes_on_from_the_list_and_the_nodes() {
    // Whichever is heard first, and whatever the lease is at.
    for front_first in [true, false] {
        let mut day = Diary::new();
        let children = vec![child(1, ChildState::Ready), child(0, ChildState::Ready)];
        let list = ChildList { generation: 41, children };
        if front_first {
            day.hear(Heard::FrontUp(list.clone()));
        }
        for (node, state) in [LeaseState::Ready, LeaseState::Draining].into_iter().enumerate() {
            day.linked(node, vec![adopted(node, state)]);
        }
        if !front_first {
            day.hear(Heard::FrontUp(list));
        }
        let expected = [("c2", ChildState::Draining), ("c1", ChildState::Ready)];
        assert_eq!(day.listed(), expected, "front first: {front_first}");
        assert!(day.holder.list().generation > 41);
        let epochs = day.holder.list().children.iter().map(|child| child.lease.epoch);
        assert!(epochs.eq([5, 5]), "the newer epochs count");
    }
}

#[test]
fn before_the_service_manager_was_heard_no_list_is_made() {
    let mut day = Diary::new();
    day.linked(0, vec![adopted(0, LeaseState::Ready)]);
    assert!(day.is_ready(0));
    let renew = Effect::Renew { node: 0, leases: vec![adopted(0, LeaseState::Ready).lease.reference()] };
    assert_eq!(day.done, [renew]);
    day.hear(Heard::FrontUp(ChildList { generation: 41, children: Vec::new() }));
    assert_eq!((day.holder.list().generation, day.listed()), (42, vec![("c1", ChildState::Ready)]));
}

#[test]
fn a_node_that_has_forgotten_the_lease_of_the_list_is_no_child() {
    let mut day = Diary::new();
    let children = vec![child(0, ChildState::Ready)];
    day.hear(Heard::FrontUp(ChildList { generation: 3, children }));
    assert_eq!(day.listed(), [("c1", ChildState::Ready)]);
    day.linked(0, Vec::new());
    assert!(day.listed().is_empty());
}

#[test]
fn one_lease_of_a_node_is_taken_up_and_the_others_are_given_back() {
    let mut day = Diary::new();
    day.hear(Heard::FrontUp(ChildList::default()));
    let named = |id: &str, state| {
        let held = adopted(0, state);
        Adopted { lease: Lease { id: id.into(), ..held.lease }, ..held }
    };
    let leases = [
        named("starting", LeaseState::Starting),
        named("draining", LeaseState::Draining),
        named("orphan", LeaseState::Orphan),
    ];
    day.linked(0, leases.to_vec());
    assert_eq!(day.node(0).lease().unwrap().id, "orphan");
    let given_back = |id: &str| {
        let lease = LeaseRef { id: id.into(), epoch: 5 };
        day.done.contains(&Effect::StopAndRelease { node: 0, lease })
    };
    assert!(given_back("starting") && given_back("draining"), "{:?}", day.done);
}

#[test]
fn a_restarted_service_manager_is_given_the_list_again() {
    let mut day = Diary::with_children();
    let before = day.holder.list().clone();
    day.hear(Heard::FrontDown("gone".into()));
    day.hear(Heard::FrontUp(ChildList::default()));
    let again = ChildList { generation: before.generation + 1, ..before };
    assert_eq!(day.done, [Effect::Publish(again)]);
}

#[test]
fn a_drain_goes_on_over_a_restart_of_the_service_manager() {
    let mut day = Diary::with_children();
    day.drain(0);
    let old_mark = day.holder.list().generation;
    day.hear(Heard::FrontUp(ChildList::default()));
    // What it counted by an earlier list says nothing of this one.
    day.hear(Heard::ListApplied(old_mark));
    day.counts(old_mark, &[]);
    assert_eq!(day.drain_step(0), Some(DrainStep::AtFront));
    day.front_is_empty();
    assert_eq!(day.drain_step(0), Some(DrainStep::AtNode));
}

#[test]
fn a_lease_once_being_ended_is_never_a_child_again_whoever_still_names_it() {
    let mut day = Diary::with_children();
    day.drain(0);
    day.front_is_empty();
    day.hear(Heard::NodeDrained { node: 0, lease_id: lease(0).id, result: Ok(()) });
    // The stop is not answered, the node falls silent, and comes back as though nothing had been asked.
    day.later(8);
    assert!(day.is_free(0));
    day.hear(Heard::LinkSilent { node: 0, words: "no answer".into() });
    day.linked(0, vec![adopted(0, LeaseState::Ready)]);
    let lease = adopted(0, LeaseState::Ready).lease.reference();
    assert!(day.done.contains(&Effect::StopAndRelease { node: 0, lease }), "{:?}", day.done);
    assert_eq!(day.drain_step(0), Some(DrainStep::Ending));
    assert!(day.listed().iter().all(|(node, _)| *node != "c1"));
}
