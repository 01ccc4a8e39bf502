//! Nodes that join the pool and leave it while requests run.

use super::diary::*;
use crate::holder::*;
use crate::node::{DrainStep, Membership};

/// cluster.toml with these nodes, in this order.
fn pool(members: &[usize]) -> Settings {
    let all = settings(3);
    let nodes = members.iter().map(|&node| all.nodes[node].clone()).collect();
    Settings { nodes, order: (0..members.len()).collect(), ..all }
}

/// The same with the first node at another address.
fn moved() -> Settings {
    let mut moved = pool(&[0, 1]);
    moved.nodes[0].control = "127.0.0.21:7400".parse().unwrap();
    moved
}

fn left(day: &Diary, node: usize) -> bool {
    day.node(node).membership == Membership::Left
}

/// The drain of a node at the front end is over, and the node has answered it.
fn drained(day: &mut Diary, node: usize) {
    day.front_is_empty();
    assert_eq!(day.drain_step(node), Some(DrainStep::AtNode));
    day.hear(Heard::NodeDrained { node, lease_id: lease(node).id, result: Ok(()) });
}

#[test]
fn a_node_that_joins_is_linked_and_borrowed_when_it_answers() {
    let mut day = Diary::with_children();
    day.reload(pool(&[0, 1, 2]));
    assert_eq!(day.done, [Effect::OpenLink { node: 2 }]);
    assert_eq!(
        (day.entries.last().unwrap().reason(), day.entries.last().unwrap().nodes()),
        ("joined", vec!["c3"])
    );
    day.linked(2, Vec::new());
    day.says(2, Vec::new());
    day.wait_for(30.0);
    assert_eq!(day.ordered(), [2]);
}

#[test]
fn a_node_that_leaves_is_drained_replaced_given_back_and_then_not_spoken_to() {
    let mut day = Diary::with_children();
    day.reload(pool(&[0, 1, 2]));
    day.linked(2, Vec::new());
    day.says(2, Vec::new());
    day.reload(pool(&[1, 2]));
    assert_eq!(day.listed(), [("c1", ChildState::Draining), ("c2", ChildState::Ready)]);
    assert_eq!(day.ordered(), [2], "another one takes its place at once");
    assert_eq!(day.reasons()[2..], ["removed", "replaced"]);
    drained(&mut day, 0);
    // Whatever the load is meanwhile.
    day.wait_for(80.0);
    assert_eq!((day.ordered(), day.drain_step(0)), (vec![], Some(DrainStep::Ending)));
    day.hear(Heard::Released { node: 0, lease_id: lease(0).id, result: Ok(()) });
    assert!(day.done.contains(&Effect::CloseLink { node: 0 }), "{:?}", day.done);
    assert!(left(&day, 0));
    assert_eq!(day.news.last(), Some(&News::Left { node: 0 }));
    // What was on its way from it changes nothing.
    day.linked(0, vec![adopted(0, LeaseState::Ready)]);
    day.says(0, vec![lease_word(0, LeaseState::Ready)]);
    day.wait_for(80.0);
    assert_eq!((day.ordered(), day.is_free(0)), (vec![], true));
}

#[test]
fn nodes_that_hold_nothing_leave_at_once() {
    let mut day = Diary::settled();
    day.reload(pool(&[1]));
    assert!(day.done.contains(&Effect::CloseLink { node: 0 }) && left(&day, 0));
    assert_eq!(day.reasons(), ["removed"]);
    day.wait_for(80.0);
    assert_eq!(day.ordered(), [1]);
}

#[test]
fn a_node_that_was_asked_what_it_holds_leaves_when_that_is_drained() {
    let mut day = Diary::settled();
    day.says(0, vec![lease_word(0, LeaseState::Ready)]);
    assert_eq!(day.done, [Effect::Adopt { node: 0 }]);
    day.reload(pool(&[1]));
    assert!(!left(&day, 0));
    let result = Ok(vec![adopted(0, LeaseState::Ready)]);
    day.hear(Heard::Adopted { node: 0, result, asked_at: day.now });
    assert_eq!(day.listed(), [("c1", ChildState::Draining)]);
    let mut day = Diary::settled();
    day.says(0, vec![lease_word(0, LeaseState::Ready)]);
    day.reload(pool(&[1]));
    day.hear(Heard::Adopted { node: 0, result: Err("it does not answer".into()), asked_at: day.now });
    assert!(left(&day, 0));
}

#[test]
fn a_node_that_is_back_before_its_requests_have_ended_stays() {
    let mut day = Diary::with_children();
    day.reload(pool(&[1]));
    assert_eq!(day.drain_step(0), Some(DrainStep::AtFront));
    day.reload(pool(&[0, 1]));
    assert!(day.is_ready(0));
    assert_eq!(day.listed(), [("c1", ChildState::Ready), ("c2", ChildState::Ready)]);
    assert_eq!(day.reasons()[1..], ["removed", "replaced", "joined"]);
}

#[test]
fn a_node_that_is_back_while_it_counts_down_takes_requests_again() {
    let mut day = Diary::with_children();
    day.reload(pool(&[1]));
    day.front_is_empty();
    assert_eq!(day.drain_step(0), Some(DrainStep::AtNode));
    day.reload(pool(&[0, 1]));
    assert!(day.done.contains(&Effect::Undrain { node: 0, lease: lease(0).reference() }), "{:?}", day.done);
    day.hear(Heard::Undrained { node: 0, lease_id: lease(0).id, result: Ok(()) });
    assert!(day.is_ready(0));
}

#[test]
fn a_node_that_leaves_while_it_returns_is_drained_when_it_has() {
    let mut day = Diary::with_children();
    day.drain(0);
    day.front_is_empty();
    day.take_back(0);
    day.reload(pool(&[1]));
    day.hear(Heard::Undrained { node: 0, lease_id: lease(0).id, result: Ok(()) });
    assert_eq!(day.drain_step(0), Some(DrainStep::AtFront));
}

#[test]
fn a_node_that_is_back_after_it_has_left_is_linked_anew_and_waited_for() {
    let mut day = Diary::settled();
    day.act(Holder::decide);
    day.reload(pool(&[1]));
    day.reload(pool(&[0, 1]));
    assert_eq!(day.done, [Effect::OpenLink { node: 0 }]);
    day.wait_for(4.0);
    assert_eq!(day.ordered(), [1], "nothing is asked of a node before its link is up");
    day.linked(0, Vec::new());
    day.says(0, Vec::new());
    day.wait_for(80.0);
    assert_eq!(day.ordered(), [0]);
}

#[test]
fn a_node_that_leaves_while_its_service_starts_gets_no_request() {
    let mut day = Diary::settled();
    day.wait_for(4.0);
    day.granted(0);
    day.reload(pool(&[1]));
    day.started(0);
    assert_eq!(day.drain_step(0), Some(DrainStep::AtFront));
    assert!(!day.listed().contains(&("c1", ChildState::Ready)));
    drained(&mut day, 0);
    day.hear(Heard::Released { node: 0, lease_id: lease(0).id, result: Ok(()) });
    assert!(left(&day, 0));
}

#[test]
fn a_node_that_is_lost_while_it_leaves_has_left() {
    let mut day = Diary::with_children();
    day.reload(pool(&[1]));
    day.hear(Heard::LinkRefused { node: 0, words: "nothing listens".into() });
    assert!(left(&day, 0));
    assert_eq!(day.listed(), [("c2", ChildState::Ready)]);
}

#[test]
fn at_another_address_it_is_another_node_that_joins_when_the_first_has_left() {
    let mut day = Diary::with_children();
    day.reload(moved());
    assert_eq!(day.drain_step(0), Some(DrainStep::AtFront));
    assert_eq!(day.holder.settings().order, [1]);
    let words = |entry: &Entry| entry.reason() == "removed" && entry.sentence().contains("127.0.0.21:7400");
    assert!(day.entries.iter().any(words), "{:?}", day.entries);
    drained(&mut day, 0);
    day.hear(Heard::Released { node: 0, lease_id: lease(0).id, result: Ok(()) });
    assert!(left(&day, 0));
    assert!(day.done.contains(&Effect::OpenLink { node: 2 }), "{:?}", day.done);
    assert_eq!((day.node(2).name.as_str(), day.holder.settings().order.as_slice()), ("c1", &[2, 1][..]));
    // Back where it was: it is the first one again.
    day.reload(pool(&[0, 1]));
    assert_eq!(day.holder.settings().order, [0, 1]);
    assert!(left(&day, 2));
}

#[test]
fn another_speed_is_told_with_the_list_and_counts_in_the_capacity() {
    let mut day = Diary::with_children();
    let generation = day.holder.list().generation;
    let mut faster = pool(&[0, 1]);
    faster.nodes[1].speed = 2.0;
    day.reload(faster.clone());
    let speeds: Vec<f64> = day.holder.list().children.iter().map(|child| child.speed).collect();
    assert_eq!((day.holder.list().generation, speeds), (generation + 1, vec![1.0, 2.0]));
    day.act(Holder::decide);
    assert_eq!(day.holder.last().unwrap().figures.capacity, 24.0);
    day.reload(faster);
    assert_eq!(day.done, [], "the same file again changes nothing");
}

#[test]
fn nodes_are_tried_in_the_order_that_the_file_has_now() {
    let mut day = Diary::settled();
    day.reload(pool(&[1, 0]));
    day.wait_for(4.0);
    assert_eq!(day.ordered(), [1]);
}

#[test]
fn a_smaller_max_and_a_larger_min_hold_from_the_next_decision_on() {
    let mut day = Diary::settled();
    let mut wider = pool(&[0, 1]);
    wider.decider.min = 2;
    day.reload(wider);
    day.counts(0, &[]);
    day.now += s(1);
    day.act(Holder::decide);
    assert_eq!(day.ordered(), [0, 1]);
}

#[test]
fn a_service_manager_that_comes_up_with_a_leaving_child_has_it_drained() {
    let mut day = Diary::with_children();
    day.reload(pool(&[1]));
    day.hear(Heard::FrontDown("gone".into()));
    day.hear(Heard::FrontUp(ChildList { generation: 50, children: vec![child(0, ChildState::Ready)] }));
    assert_eq!(day.listed(), [("c1", ChildState::Draining), ("c2", ChildState::Ready)]);
}
