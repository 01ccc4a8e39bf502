//! DOWN: what Low asks for, and what keeps a node although it is Low.

use std::time::Duration;

use cluster::level::Level;

use super::diary::{Diary, OLD, drain, draining, node, settings};
use crate::decider::{Action, Reason, Settings};

#[test]
fn two_become_one_at_4_8_and_below() {
    let mut diary = Diary::new(settings()).with_nodes(&["a", "b"]);
    // 4.9 in flight want two nodes to stay at the target.
    diary.load(4.9);
    let decision = diary.holds(300);
    assert_eq!((decision.level, decision.figures.want), (Level::Medium, 2));
    // At 4.8 one will do; once that has been so for 120 s (and the slow mean 30 s before), one goes.
    diary.load(4.8);
    let (after, decision) = diary.until_decided(160);
    assert!((120..=151).contains(&after), "{after} s");
    assert_eq!(decision.level, Level::Low);
    assert_eq!(decision.action.count(), 1);
    assert!(matches!(decision.reason, Reason::Low { want_max: 1, ready: 2, .. }), "{}", decision.reason);
}

#[test]
fn the_last_one_goes_below_2_8() {
    let mut diary = Diary::new(settings()).with_nodes(&["a"]);
    diary.load(2.8);
    assert_eq!(diary.holds(300).level, Level::Medium);
    diary.load(2.7);
    let (after, decision) = diary.until_decided(160);
    assert!((120..=151).contains(&after), "{after} s");
    assert_eq!(decision.action, drain(&["a"]));
    assert_eq!(decision.reason.name(), "last-low");
}

#[test]
fn a_window_that_is_not_yet_full_is_not_low() {
    // A restarted decider finds four nodes and no load, and drains nothing until its down window is full.
    let mut diary = Diary::new(settings()).with_node_count(4);
    let decision = diary.holds(40);
    assert_eq!((decision.level, decision.action), (Level::Medium, Action::Hold));
    assert_eq!(decision.reason.to_string(), "Low, but the window is not full for another 81 s");
    let (after, decision) = diary.until_decided(82);
    assert_eq!((after, decision.level), (81, Level::Low));
}

#[test]
fn the_largest_want_of_the_last_120_s_counts() {
    let mut diary = Diary::new(settings()).with_nodes(&["a", "b"]);
    diary.load(1.0);
    diary.holds(110);
    // Shortly before the window is full, nine are in flight for a few seconds.
    diary.load(9.0);
    diary.holds(3);
    diary.load(1.0);
    let decision = diary.holds(60);
    assert_eq!(decision.reason.name(), "wanted-lately");
    // 120 s after the fast window has forgotten them, one goes.
    let (after, _) = diary.until_decided(80);
    assert!((60..=64).contains(&after), "{after} s");
}

#[test]
fn what_remains_must_not_be_near_high() {
    // A big node that is idle, and a small one: by number one would do, but the small one could not.
    let mut diary = Diary::new(settings()).with_nodes(&["big", "small"]);
    diary.fleet.ready[0].k = 16.0;
    diary.fleet.ready[1].in_flight = 7;
    diary.load(7.0);
    let decision = diary.holds(300);
    assert_eq!(decision.level, Level::Medium);
    assert!(matches!(decision.reason, Reason::Projection { .. }), "{}", decision.reason);
    // 5 of 8 is below 0.85 x 0.75.
    diary.load(5.0);
    assert_eq!(diary.until_decided(160).1.action, drain(&["big"]));
}

#[test]
fn nothing_is_drained_while_a_node_is_on_its_way() {
    let mut diary = Diary::new(settings()).with_nodes(&["a", "b"]);
    diary.load(1.0);
    diary.fleet.ordered = 1;
    let decision = diary.holds(200);
    assert_eq!((decision.level, decision.reason), (Level::Low, Reason::LowOnTheirWay { ordered: 1 }));
    diary.fleet.ordered = 0;
    assert_eq!(diary.second().action.name(), "drain");
}

#[test]
fn nothing_is_drained_within_60_s_of_the_last_add() {
    let mut settings = settings();
    settings.scaling.down_window = Duration::from_secs(20);
    settings.scaling.slow_window = Duration::from_secs(5);
    let mut diary = Diary::new(settings).with_nodes(&["a"]);
    diary.load(7.0);
    diary.holds(1);
    assert_eq!(diary.second().action.name(), "add");
    diary.fleet.ready.push(node("b"));
    // The load is gone at once, and the short windows have forgotten it after 25 s.
    diary.load(3.0);
    let decision = diary.holds(34);
    assert_eq!(decision.level, Level::Low);
    assert_eq!(decision.reason.to_string(), "Low, but 34 s since the last add (of 60 s)");
    assert_eq!(diary.until_decided(30).0, 26);
}

#[test]
fn a_node_younger_than_60_s_is_not_drained() {
    let mut diary = Diary::new(settings()).with_nodes(&["a", "b"]);
    diary.load(1.0);
    for node in &mut diary.fleet.ready {
        node.age = Duration::from_secs(59);
    }
    let (age, needed) = (Duration::from_secs(59), Duration::from_secs(60));
    assert_eq!(diary.holds(200).reason, Reason::LowYoung { age, needed });
    // The youngest goes first, but it has to be old enough.
    diary.fleet.ready[1].age = Duration::from_secs(60);
    assert_eq!(diary.second().action, drain(&["b"]));
}

#[test]
fn one_in_ten_goes_every_10_s() {
    let mut diary = Diary::new(Settings { max: 40, pool: 40, ..settings() }).with_node_count(30);
    diary.load(20.0);
    diary.holds(120);
    // 30, 27, 25, 23: a tenth each, at least one.
    for expected in [3, 2, 2, 2] {
        let decision = diary.second();
        assert_eq!(decision.action.count(), expected, "{}", decision.reason);
        let Action::Drain { nodes } = decision.action else { panic!("a drain is expected") };
        diary.fleet.ready.retain(|node| !nodes.contains(&node.node));
        let waiting = diary.holds(9).reason;
        assert_eq!(waiting.name(), "low-after-drain");
    }
}

#[test]
fn never_so_many_go_that_more_were_wanted() {
    let mut settings = Settings { max: 40, pool: 40, ..settings() };
    settings.scaling.drain_share = 1.0;
    let mut diary = Diary::new(settings).with_node_count(30);
    // 20 / 4.8 want five.
    diary.load(20.0);
    assert_eq!(diary.until_decided(121).1.action.count(), 25);
}

#[test]
fn the_one_with_the_fewest_long_lived_then_in_flight_then_the_youngest_goes() {
    let with = |name: &str, long_lived, in_flight, age| {
        let age = OLD + Duration::from_secs(age);
        crate::decider::ReadyNode { long_lived, in_flight, age, ..node(name) }
    };
    let mut diary = Diary::new(settings());
    diary.fleet.ready = vec![
        with("long-lived", 1, 0, 0),
        with("busy", 0, 2, 0),
        with("old", 0, 1, 9),
        with("young", 0, 1, 5),
    ];
    diary.load(3.0);
    let mut order = Vec::new();
    while diary.fleet.ready.len() > 1 {
        let Action::Drain { nodes } = diary.until_decided(200).1.action else {
            panic!("a drain is expected")
        };
        diary.fleet.ready.retain(|node| !nodes.contains(&node.node));
        order.extend(nodes);
    }
    assert_eq!(order, ["young", "old", "busy"]);
}

#[test]
fn min_and_floors_are_kept() {
    let mut diary = Diary::new(Settings { min: 1, ..settings() }).with_nodes(&["a", "b"]);
    diary.until_decided(121);
    diary.fleet.ready.pop();
    assert_eq!(diary.holds(300).reason, Reason::LowMin { min: 1 });

    let mut diary = Diary::new(settings()).with_nodes(&["a", "b"]);
    diary.fleet.floor = 2;
    assert_eq!(diary.holds(300).reason, Reason::LowFloor { kept: 2 });
}

#[test]
fn nothing_is_drained_while_a_request_waits() {
    let mut diary = Diary::new(settings()).with_nodes(&["a", "b"]);
    diary.load(1.0);
    diary.holds(120);
    diary.sample.queued = 1;
    assert_eq!(diary.second().reason, Reason::LowQueued { queued: 1 });
    diary.sample.queued = 0;
    assert_eq!(diary.second().action.name(), "drain");
}

#[test]
fn a_lowered_max_is_drained_down_to_a_few_at_a_time() {
    let mut diary = Diary::new(settings()).with_node_count(6);
    diary.load(30.0);
    diary.holds(10);
    diary.decider.reload(Settings { max: 4, ..settings() });
    // However high the load: the operator said so. One now, the next 10 s later.
    let decision = diary.second();
    assert_eq!(decision.reason, Reason::AboveMax { ready: 6, max: 4 });
    assert_eq!(decision.action.count(), 1);
    diary.fleet.ready.pop();
    diary.fleet.draining = vec![draining("c6", true)];
    assert_eq!(diary.holds(9).reason.name(), "above-max-after-drain");
    assert_eq!(diary.second().action.count(), 1);
    // And none of them comes back, although it is High.
    diary.fleet.ready.pop();
    assert_eq!(diary.holds(30).reason, Reason::AtMax { more: 3, max: 4 });
}

#[test]
fn a_longer_down_window_has_to_fill_up_after_a_reload() {
    let mut diary = Diary::new(settings()).with_node_count(2);
    diary.load(6.5);
    diary.holds(125);
    diary.load(1.0);
    diary.holds(100);
    let mut longer = settings();
    longer.scaling.down_window = Duration::from_secs(300);
    diary.decider.reload(longer);
    let (after, _) = diary.until_decided(300);
    assert!(after > 180, "{after} s");
}
