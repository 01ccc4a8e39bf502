//! The classic rule by the line.

use std::time::Duration;

use cluster::config::Local;
use cluster::level::Level;

use super::diary::{Diary, add, classic, drain, draining};
use crate::decider::{Action, Reason, Settings};

#[test]
fn the_first_node_is_added_when_the_local_copy_is_high() {
    let mut diary = Diary::new(classic());
    diary.load(6.0);
    assert_eq!(diary.holds(60).reason.name(), "local-alone");
    diary.load(6.1);
    let decision = diary.second();
    assert_eq!((decision.level, decision.action), (Level::High, add(1)));
}

#[test]
fn one_is_added_when_all_children_are_high_and_not_before() {
    let mut diary = Diary::new(classic()).with_nodes(&["a", "b"]);
    diary.children(&[("a", 8.0), ("b", 6.0)]);
    assert_eq!(diary.holds(60).reason, Reason::Mixed { low: 0, high: 1, children: 2 });
    // However high: one at a time.
    diary.children(&[("a", 8.0), ("b", 8.0)]);
    diary.sample.queued = 500;
    let decision = diary.second();
    assert_eq!((decision.action, decision.reason), (add(1), Reason::AllHigh { children: 2 }));
}

#[test]
fn the_last_is_drained_when_all_children_are_low_and_not_before() {
    let mut diary = Diary::new(classic()).with_nodes(&["a", "b", "c"]);
    diary.children(&[("a", 2.7), ("b", 0.0), ("c", 2.8)]);
    assert_eq!(diary.holds(121).reason, Reason::Mixed { low: 2, high: 0, children: 3 });
    diary.children(&[("a", 2.7), ("b", 0.0), ("c", 2.7)]);
    let decision = diary.second();
    assert_eq!((decision.level, decision.action), (Level::Low, drain(&["c"])));
}

#[test]
fn nothing_happens_while_a_change_is_on_its_way() {
    let mut diary = Diary::new(classic()).with_nodes(&["a"]);
    diary.children(&[("a", 8.0)]);
    diary.fleet.ordered = 1;
    assert_eq!(diary.holds(30).reason, Reason::Changing { ordered: 1, draining: 0 });
    // The rule's own drain holds up the next one ...
    diary.fleet.ordered = 0;
    diary.fleet.draining = vec![draining("b", true)];
    diary.children(&[("a", 1.0)]);
    assert_eq!(diary.holds(200).reason, Reason::Changing { ordered: 0, draining: 1 });
    // ... and is taken back when it is High: that is quicker than an order.
    diary.children(&[("a", 8.0)]);
    let (_, decision) = diary.until_decided(3);
    assert_eq!(
        decision.action,
        Action::Add { activate: Vec::new(), undrain: vec!["b".to_owned()], count: 0 }
    );
}

#[test]
fn a_drain_that_cannot_be_taken_back_holds_nothing_up() {
    // An operator's, which may last for minutes, or one that is as good as over.
    let mut diary = Diary::new(classic()).with_nodes(&["a", "b"]);
    diary.fleet.draining = vec![draining("c", false)];
    diary.children(&[("a", 8.0), ("b", 8.0)]);
    assert_eq!(diary.until_decided(3).1.action, add(1));
    let mut diary = Diary::new(classic()).with_nodes(&["a", "b"]);
    diary.fleet.draining = vec![draining("c", false)];
    diary.children(&[("a", 0.0), ("b", 0.0)]);
    assert_eq!(diary.until_decided(121).1.action, drain(&["b"]));
}

#[test]
fn after_a_restart_nothing_is_drained_until_the_down_window_is_full() {
    let mut diary = Diary::new(classic()).with_nodes(&["a", "b"]);
    diary.children(&[("a", 0.0), ("b", 0.0)]);
    let decision = diary.holds(40);
    assert_eq!(decision.reason.to_string(), "Low, but the window is not full for another 81 s");
    let (after, decision) = diary.until_decided(82);
    assert_eq!((after, decision.action), (81, drain(&["b"])));
}

#[test]
fn a_lost_child_is_replaced_at_once() {
    let mut diary = Diary::new(classic()).with_nodes(&["a", "b", "c"]);
    diary.children(&[("a", 5.0), ("b", 5.0), ("c", 5.0)]);
    diary.holds(10);
    // The two that are left are Medium, so that the rule alone would do nothing.
    diary.fleet.ready.remove(1);
    diary.children(&[("a", 5.0), ("c", 5.0)]);
    let decision = diary.second();
    assert_eq!((decision.action, decision.reason), (add(1), Reason::Lost { lost: 1, want: 3 }));
    // Once.
    diary.fleet.ordered = 1;
    diary.holds(10);
}

#[test]
fn the_only_child_is_replaced_although_the_local_copy_is_idle() {
    let mut diary = Diary::new(classic()).with_nodes(&["a"]);
    diary.children(&[("a", 5.0)]);
    diary.sample.local_in_flight_mean = 0.0;
    diary.holds(10);
    diary.fleet.ready.clear();
    diary.sample.children.clear();
    assert_eq!(diary.second().action, add(1));
}

#[test]
fn a_loss_whose_replacement_is_on_its_way_already_orders_no_second_one() {
    let mut diary = Diary::new(classic()).with_nodes(&["a", "b"]);
    diary.children(&[("a", 5.0), ("b", 5.0)]);
    diary.holds(10);
    // An operator's drain that was over within a tick: who carried it out has ordered another node.
    diary.fleet.ready.pop();
    diary.fleet.ordered = 1;
    diary.holds(10);
}

#[test]
fn a_silent_child_is_replaced_is_not_judged_and_keeps_the_others() {
    let mut diary = Diary::new(Settings { pool: 9, max: 3, ..classic() }).with_nodes(&["a", "b", "c"]);
    diary.children(&[("a", 5.0), ("b", 5.0), ("c", 5.0)]);
    diary.holds(10);
    diary.fleet.ready[2].data_age = Duration::from_secs(6);
    let decision = diary.second();
    assert_eq!((decision.action, decision.reason), (add(1), Reason::Lost { lost: 1, want: 3 }));
    // It says nothing, so its silence is no Low: two would be too many otherwise.
    diary.children(&[("a", 1.0), ("b", 1.0), ("c", 0.0)]);
    assert_eq!(diary.holds(200).reason, Reason::LowStale { stale: 1 });
    // Nor is it a reason not to be High.
    diary.children(&[("a", 8.0), ("b", 8.0), ("c", 0.0)]);
    assert_eq!(diary.until_decided(3).1.action, add(1));
}

#[test]
fn a_child_is_judged_by_its_mean_over_the_fast_window() {
    let mut diary = Diary::new(classic()).with_nodes(&["a"]);
    diary.children(&[("a", 4.0)]);
    diary.holds(10);
    // A second at 9 makes a mean of 5.7, a second one of 7.3.
    diary.children(&[("a", 9.0)]);
    diary.holds(1);
    assert_eq!(diary.second().action, add(1));
    // A new child is not judged until its window is full.
    diary.children(&[("a", 9.0), ("b", 9.0)]);
    diary.fleet.ready.push(super::diary::node("b"));
    assert_eq!(diary.holds(2).reason, Reason::ChildUnknown { node: "b".to_owned() });
    assert_eq!(diary.second().action, add(1));
}

#[test]
fn min_and_max_are_respected() {
    let bounded = Settings { min: 1, max: 2, ..classic() };
    let mut diary = Diary::new(bounded);
    assert_eq!(diary.second().reason, Reason::BelowMin { held: 0, min: 1 });
    let mut diary = Diary::new(Settings { min: 1, max: 2, ..classic() }).with_nodes(&["a"]);
    diary.children(&[("a", 0.0)]);
    assert_eq!(diary.holds(30).reason, Reason::LowMin { min: 1 });
    diary.fleet.ready.push(super::diary::node("b"));
    diary.children(&[("a", 8.0), ("b", 8.0)]);
    assert_eq!(diary.holds(30).reason, Reason::AtMax { more: 1, max: 2 });
    // A lowered max drains the last, however high.
    diary.decider.reload(Settings { min: 1, max: 1, ..classic() });
    assert_eq!(diary.second().action, drain(&["b"]));
}

#[test]
fn without_counts_nothing_is_decided() {
    let mut diary = Diary::new(classic()).with_nodes(&["a"]);
    diary.children(&[("a", 5.0)]);
    diary.holds(10);
    let decision = diary.silent(Duration::from_secs(3));
    assert_eq!((decision.action, decision.reason.name()), (Action::Hold, "no-data"));
}

#[test]
fn the_last_child_stays_while_the_local_copy_is_not_ready() {
    let mut diary = Diary::new(classic()).with_nodes(&["a"]);
    diary.children(&[("a", 0.0)]);
    diary.sample.local_ready = false;
    assert_eq!(diary.holds(121).reason, Reason::LowLocalNotReady);
    diary.sample.local_ready = true;
    assert_eq!(diary.second().action, drain(&["a"]));
}

#[test]
fn a_local_copy_that_is_not_ready_for_the_whole_window_takes_nothing_more() {
    let mut diary = Diary::new(classic());
    diary.sample.local_ready = false;
    diary.holds(2);
    assert_eq!(diary.second().reason, Reason::NothingServes { ready: 0, want: 1 });
}

#[test]
fn a_local_copy_that_always_serves_is_one_of_the_children() {
    let mut diary = Diary::new(Settings { local: Local::Always, ..classic() }).with_nodes(&["a"]);
    diary.children(&[("a", 8.0)]);
    diary.sample.local_in_flight_mean = 5.0;
    assert_eq!(diary.holds(30).reason, Reason::Mixed { low: 0, high: 1, children: 2 });
    diary.sample.local_in_flight_mean = 7.0;
    let (_, decision) = diary.until_decided(3);
    assert_eq!(decision.reason, Reason::AllHigh { children: 2 });
}
