//! The local copy's part: alone, beside children, and not ready.

use cluster::config::Local;
use cluster::level::Level;

use super::diary::{Diary, add, drain, settings};
use crate::decider::{Reason, Settings};

fn always() -> Settings {
    Settings { local: Local::Always, ..settings() }
}

#[test]
fn beside_children_its_load_is_demand_but_its_capacity_does_not_count() {
    let mut diary = Diary::new(settings()).with_nodes(&["a"]);
    diary.load(6.5);
    diary.sample.local_in_flight_mean = 1.0;
    let decision = diary.second();
    assert_eq!((decision.level, decision.figures.capacity), (Level::High, 8.0));
}

#[test]
fn one_that_always_serves_is_the_first_child() {
    let mut diary = Diary::new(always()).with_nodes(&["a"]);
    // 12 of 16 is Medium; above it is High, and 12.1 / 0.6 - 8 want two more of 8.
    diary.load(12.0);
    assert_eq!(diary.holds(60).figures.capacity, 16.0);
    diary.load(12.1);
    diary.holds(1);
    assert_eq!(diary.second().action, add(1));
}

#[test]
fn one_that_always_serves_lets_the_last_node_go_at_4_8_and_below() {
    let mut diary = Diary::new(always()).with_nodes(&["a"]);
    diary.load(4.9);
    diary.holds(300);
    diary.load(4.8);
    assert_eq!(diary.until_decided(160).1.action, drain(&["a"]));
}

#[test]
fn while_it_is_not_ready_at_least_one_node_is_wanted() {
    let mut diary = Diary::new(settings());
    diary.sample.local_ready = false;
    // Nothing can serve: after two ticks a node is ordered, without any load.
    assert_eq!(diary.second().level, Level::High);
    let decision = diary.second();
    assert_eq!((decision.action, decision.reason), (add(1), Reason::NothingServes { ready: 0, want: 1 }));
}

#[test]
fn while_it_is_not_ready_and_a_request_waits_a_node_is_ordered_at_once() {
    let mut diary = Diary::new(settings());
    diary.sample.local_ready = false;
    diary.sample.queued = 1;
    assert_eq!(diary.second().action, add(1));
}

#[test]
fn the_last_node_stays_until_it_is_ready_and_has_been_for_the_down_window() {
    let mut diary = Diary::new(settings()).with_nodes(&["a"]);
    diary.sample.local_ready = false;
    assert_eq!(diary.holds(300).reason, Reason::LowLocalNotReady);
    diary.sample.local_ready = true;
    assert_eq!(diary.holds(119).reason.name(), "wanted-lately");
    assert_eq!(diary.second().action, drain(&["a"]));
}
