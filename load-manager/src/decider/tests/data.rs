//! DATA: what is missing is never taken for no load.

use std::time::Duration;

use super::diary::{Diary, add, drain, node, settings};
use crate::decider::{Action, ReadyNode, Reason, Settings};

const TENTH: Duration = Duration::from_millis(100);

#[test]
fn without_counts_for_3_s_nothing_is_decided() {
    let mut diary = Diary::new(settings()).with_nodes(&["a", "b"]);
    diary.load(1.0);
    diary.holds(119);
    // A Low load, but the counts stop: at 2.9 s it still decides, ...
    assert_eq!(diary.silent(29 * TENTH).action.name(), "drain");
    // ... from 3 s on it does not, whatever there is to do.
    diary.fleet.floor = 4;
    let decision = diary.silent(5 * TENTH);
    assert_eq!(decision.action, Action::Hold);
    assert_eq!(decision.reason.to_string(), "no load data from the service-manager for 3.4 s");
}

#[test]
fn before_the_first_count_nothing_is_decided() {
    let mut diary = Diary::new(Settings { min: 2, ..settings() });
    let decision = diary.silent(5 * TENTH);
    assert_eq!(decision.action, Action::Hold);
    assert_eq!(decision.reason, Reason::NoDataYet { waited: 5 * TENTH });
}

#[test]
fn the_down_window_fills_from_the_first_count_on() {
    // After a restart, the service-manager is away for 100 s: nothing was seen in them.
    let mut diary = Diary::new(settings()).with_nodes(&["a", "b"]);
    diary.load(1.0);
    diary.silent(Duration::from_secs(100));
    assert_eq!(diary.holds(120).reason.name(), "low-window");
    assert_eq!(diary.second().action.name(), "drain");
}

#[test]
fn a_window_with_a_hole_is_not_full() {
    let mut diary = Diary::new(settings()).with_nodes(&["a", "b"]);
    diary.load(1.0);
    diary.holds(119);
    // Ten seconds are missing: what was wanted in them nobody knows.
    diary.silent(Duration::from_secs(10));
    diary.holds(119);
    assert_eq!(diary.until_decided(5).1.action.name(), "drain");
}

#[test]
fn figures_that_are_no_numbers_count_as_missing() {
    let mut diary = Diary::new(settings());
    diary.load(f64::NAN);
    let decision = diary.holds(5);
    assert_eq!(decision.reason.name(), "no-data-yet");
    diary.load(-1.0);
    assert_eq!(diary.holds(1).reason.name(), "no-data-yet");
}

#[test]
fn a_silent_node_is_no_capacity_on_the_way_up() {
    let mut diary = Diary::new(settings()).with_nodes(&["a", "b"]);
    diary.load(9.0);
    let figures = diary.holds(10).figures;
    assert_eq!(figures.capacity, 16.0);
    // One of the two does not answer: 9 on a capacity of 8 is a surge, and another is ordered at once.
    diary.fleet.ready[1].data_age = Duration::from_secs(6);
    let decision = diary.second();
    assert_eq!((decision.figures.capacity, decision.action), (8.0, add(1)));
    // At 5.9 s it still counts.
    let mut diary = Diary::new(settings()).with_nodes(&["a", "b"]);
    diary.load(9.0);
    diary.fleet.ready[1].data_age = Duration::from_millis(5900);
    diary.holds(10);
}

#[test]
fn a_silent_node_is_full_on_the_way_down() {
    let mut diary = Diary::new(settings()).with_node_count(3);
    diary.load(1.0);
    diary.fleet.ready[1].data_age = Duration::from_secs(6);
    // Its 8 and the 1 want two nodes: one may go, the next may not.
    let (_, decision) = diary.until_decided(122);
    assert_eq!(decision.action.count(), 1);
    diary.fleet.ready.remove(0);
    assert_eq!(diary.holds(60).reason, Reason::LowStale { stale: 1 });
    // It answers again.
    diary.fleet.ready.iter_mut().for_each(|node| node.data_age = Duration::ZERO);
    assert_eq!(diary.second().action.name(), "drain");
}

#[test]
fn a_node_that_fell_silent_is_replaced_at_once_and_once() {
    // Eight are allowed, two more are in the pool.
    let mut diary = Diary::new(Settings { pool: 10, ..settings() }).with_node_count(8);
    diary.load(38.0);
    diary.holds(10);
    // Seven of eight would still be Medium; and the silent one does not keep its replacement out.
    diary.fleet.ready[3].data_age = Duration::from_secs(6);
    let decision = diary.second();
    assert_eq!((decision.action, decision.reason), (add(1), Reason::Lost { lost: 1, want: 8 }));
    diary.fleet.ordered = 1;
    diary.fleet.available = 1;
    diary.holds(2);
    // When it is given up, it is not lost for a second time.
    diary.fleet.ready.remove(3);
    diary.holds(10);
}

#[test]
fn a_silent_node_that_comes_back_beside_its_replacement_does_not_stay_above_max() {
    let mut diary = Diary::new(Settings { max: 2, ..settings() }).with_nodes(&["a", "b"]);
    diary.load(9.0);
    diary.holds(10);
    diary.fleet.ready[1].data_age = Duration::from_secs(6);
    assert_eq!(diary.second().action, add(1));
    diary.fleet.ready.push(node("c"));
    // While it is silent there are two, and none goes.
    diary.holds(60);
    // It answers: three are one too many.
    diary.fleet.ready[1].data_age = Duration::ZERO;
    let decision = diary.second();
    assert_eq!(decision.reason, Reason::AboveMax { ready: 3, max: 2 });
    assert_eq!(decision.action.count(), 1);
}

#[test]
fn down_to_max_none_goes_that_is_silent() {
    let mut diary = Diary::new(settings()).with_nodes(&["a", "b", "c"]);
    diary.load(14.0);
    diary.holds(10);
    // The silent one is given up by itself: were it drained, two would still answer.
    diary.fleet.ready[0].data_age = Duration::from_secs(6);
    diary.fleet.ready[1].in_flight = 7;
    diary.fleet.ready[2].in_flight = 5;
    diary.decider.reload(Settings { max: 1, ..settings() });
    assert_eq!(diary.second().action, drain(&["c"]));
}

#[test]
fn where_no_node_answers_and_no_local_copy_is_ready_one_is_ordered() {
    let mut diary = Diary::new(settings()).with_nodes(&["a"]);
    diary.fleet.ready[0].data_age = Duration::from_secs(7);
    diary.sample.local_ready = false;
    diary.holds(1);
    let decision = diary.second();
    assert_eq!((decision.action, decision.reason), (add(1), Reason::NothingServes { ready: 1, want: 1 }));
}

#[test]
fn time_that_goes_back_stands_still() {
    let mut diary = Diary::new(settings()).with_nodes(&["a"]);
    diary.load(3.0);
    let before = diary.holds(5);
    let decision = diary.decider.tick(Duration::ZERO, &diary.fleet);
    assert_eq!((decision.at, decision.figures), (before.at, before.figures));
}

#[test]
fn unusable_figures_of_a_node_do_not_count() {
    let mut diary = Diary::new(settings());
    let odd = |k| ReadyNode { k, ..ReadyNode::default() };
    diary.fleet.ready = vec![odd(f64::NAN), odd(-8.0), odd(f64::INFINITY)];
    let figures = diary.holds(3).figures;
    assert_eq!((figures.ready, figures.capacity), (3, 0.0));
}
