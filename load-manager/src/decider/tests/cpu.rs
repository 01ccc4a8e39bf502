//! CPU, where `cpu_target` is set: the larger want counts.

use super::diary::{Diary, add, settings};
use crate::decider::{CpuUse, Settings};

fn with_target() -> Settings {
    let mut settings = settings();
    settings.scaling.cpu_target = Some(0.6);
    settings
}

/// Every ready node uses this share of its two CPUs.
fn cpu(diary: &mut Diary, share: f64) {
    for node in &mut diary.fleet.ready {
        node.cpu = Some(CpuUse { used: 2.0 * share, allowed: 2.0 });
    }
}

#[test]
fn without_a_target_it_is_not_looked_at() {
    let mut diary = Diary::new(settings()).with_nodes(&["a"]);
    cpu(&mut diary, 1.0);
    diary.load(3.0);
    assert_eq!(diary.holds(60).figures.cpu, 0.0);
}

#[test]
fn above_its_target_it_orders_nodes_that_the_requests_do_not_want() {
    let mut diary = Diary::new(with_target()).with_nodes(&["a", "b"]);
    diary.load(5.0);
    cpu(&mut diary, 0.6);
    diary.holds(60);
    // The mean over the slow window passes 0.6 a node: 1.22 of two nodes want a third.
    cpu(&mut diary, 0.7);
    let (_, decision) = diary.until_decided(10);
    assert_eq!((decision.action, decision.reason.name()), (add(1), "cpu-high"));
}

#[test]
fn what_remains_must_stay_below_its_target() {
    let mut diary = Diary::new(with_target()).with_nodes(&["a", "b"]);
    diary.load(3.0);
    // 0.29 of each are 0.58 of one: one would do, but too near the target.
    cpu(&mut diary, 0.29);
    assert_eq!(diary.holds(300).reason.name(), "cpu-projection");
    cpu(&mut diary, 0.25);
    assert_eq!(diary.until_decided(160).1.action.name(), "drain");
}

#[test]
fn the_last_node_goes_when_next_to_no_cpu_is_used() {
    let mut diary = Diary::new(with_target()).with_nodes(&["a"]);
    diary.load(1.0);
    cpu(&mut diary, 0.4);
    diary.holds(300);
    cpu(&mut diary, 0.02);
    assert_eq!(diary.until_decided(160).1.reason.name(), "last-low");
}

#[test]
fn a_node_that_does_not_say_counts_as_busy_on_the_way_down() {
    let mut diary = Diary::new(with_target()).with_nodes(&["a", "b"]);
    diary.load(3.0);
    cpu(&mut diary, 0.1);
    diary.fleet.ready[0].cpu = None;
    diary.holds(300);
}
