//! Nodes that stand by: ready, and on no list until they are needed.

use super::diary::*;
use crate::holder::*;
use crate::node::FrontCount;

impl Diary {
    /// One of two nodes is to stand by.
    fn standby() -> Self {
        let mut settings = settings(2);
        settings.decider.standby = 1;
        let mut day = Self::of(settings);
        day.settle();
        day
    }

    /// Nothing waits, and so many requests run on the local copy.
    fn calm(&mut self) {
        self.now += s(1);
        self.counts(self.holder.list().generation, &[]);
        self.act(Holder::decide);
    }
}

/// The first node stands by.
fn standing_by() -> Diary {
    let mut day = Diary::standby();
    day.calm();
    assert_eq!(day.ordered(), [0], "without any load");
    day.granted(0);
    day.started(0);
    day
}

#[test]
fn a_node_that_stands_by_is_held_and_on_no_list() {
    let day = standing_by();
    assert_eq!((day.state(0), day.listed()), ("standby", vec![]));
    assert_eq!(day.renewed[0], [lease(0).reference()]);
    assert_eq!(day.claims.last().map(|(claim, _)| (claim.held, claim.want)), Some((1, 1)));
}

#[test]
fn a_surge_puts_it_into_service_at_once_and_orders_another_in_its_place() {
    let mut day = standing_by();
    day.wait_for(4.0);
    assert_eq!(day.listed(), [("c1", ChildState::Ready)]);
    assert_eq!((day.state(0), day.ordered()), ("ready", vec![1]));
}

#[test]
fn a_child_that_rests_serves_what_it_has_and_then_stands_by() {
    let mut day = standing_by();
    day.wait_for(4.0);
    day.act(|holder| holder.begin_rest("c1"));
    assert_eq!(day.listed(), [("c1", ChildState::Draining)]);
    let generation = day.holder.list().generation;
    day.hear(Heard::ListApplied(generation));
    day.counts(generation, &[(0, FrontCount { in_flight: 1, ..FrontCount::default() })]);
    assert_eq!(day.state(0), "draining", "one of its requests still runs");
    day.counts(generation, &[(0, FrontCount::default())]);
    assert_eq!((day.state(0), day.listed()), ("standby", vec![]));
    assert_eq!(day.renewed[0], [lease(0).reference()], "it is held on, and its node was told nothing");
}

#[test]
fn one_that_is_about_to_stand_by_is_put_back_into_service() {
    let mut day = standing_by();
    day.wait_for(4.0);
    day.act(|holder| holder.begin_rest("c1"));
    day.act(|holder| holder.activate("c1"));
    assert_eq!((day.state(0), day.listed()), ("ready", vec![("c1", ChildState::Ready)]));
}

#[test]
fn one_that_stood_by_and_was_lost_serves_like_any_other_when_it_comes_again() {
    let mut day = standing_by();
    day.hear(Heard::LinkRefused { node: 0, words: "gone".into() });
    assert!(!day.node(0).stands_by);
}

#[test]
fn one_that_stands_by_is_drained_like_any_other() {
    let mut day = standing_by();
    day.act(|holder| holder.begin_drain("c1", "a test"));
    let drains = day.done.iter().any(|effect| matches!(effect, Effect::Drain { node: 0, .. }));
    assert!(drains && !day.node(0).stands_by, "nobody is sent there, so nothing waits for a list");
}
