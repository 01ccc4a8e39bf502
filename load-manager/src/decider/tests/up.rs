//! UP: when more nodes are ordered, how many, and what keeps them.

use std::time::Duration;

use cluster::level::Level;

use super::diary::{Diary, add, draining, settings};
use crate::decider::{Action, Fleet, Reason, Settings};

#[test]
fn the_first_add_comes_above_6_in_flight() {
    let mut diary = Diary::new(settings());
    // Up to 6 of 8 the local copy serves alone, however long.
    diary.load(6.0);
    assert_eq!(diary.holds(200).reason.name(), "local-alone");
    // Above it, it is High, and the second High tick orders what is wanted: 6.1 / 4.8 is two nodes.
    diary.load(6.1);
    assert_eq!(diary.second().reason, Reason::HighTooShort { ticks: 1, needed: 2 });
    let decision = diary.second();
    assert_eq!((decision.level, decision.action), (Level::High, add(2)));
}

#[test]
fn the_second_node_comes_above_6_in_flight() {
    let mut diary = Diary::new(settings()).with_nodes(&["a"]);
    // One node carries 6 of 8, although two were wanted to work at the target.
    diary.load(6.0);
    let decision = diary.holds(200);
    assert_eq!((decision.level, decision.figures.want), (Level::Medium, 2));
    // Above 6 it does not.
    diary.load(6.1);
    diary.holds(1);
    assert_eq!(diary.second().action, add(1));
}

#[test]
fn a_single_high_tick_orders_nothing() {
    let mut diary = Diary::new(settings()).with_nodes(&["a"]);
    diary.load(5.9);
    diary.holds(5);
    // One second at 7 lifts the mean of three seconds above 6, ...
    diary.load(7.0);
    assert_eq!(diary.second().level, Level::High);
    // ... the next brings it down again.
    diary.load(4.9);
    assert_eq!(diary.second().level, Level::Medium);
    diary.holds(10);
}

#[test]
fn a_surge_orders_at_the_first_tick() {
    // Just below 1.5 x 6 it is High like any other.
    let mut calm = Diary::new(settings());
    calm.load(8.9);
    assert_eq!(calm.second().action, Action::Hold);
    // At 9 it does not wait for a second tick.
    let mut diary = Diary::new(settings());
    diary.load(9.0);
    let decision = diary.second();
    assert_eq!(decision.action, add(2));
    assert_eq!(decision.reason.name(), "surge");
}

#[test]
fn a_queue_orders_at_once_even_between_two_ticks() {
    let mut diary = Diary::new(settings());
    diary.load(5.9);
    diary.holds(5);
    // A request has to wait: the sample says so 200 ms after the last tick, with a demand of 12.
    diary.load(20.0);
    diary.sample.interval = Duration::from_millis(200);
    diary.sample.arrivals = 60;
    diary.sample.queued = 1;
    diary.now += Duration::from_millis(200);
    diary.decider.observe(diary.now, &diary.sample);
    let decision = diary.silent(Duration::ZERO);
    assert!(matches!(decision.reason, Reason::Queued { queued: 1, .. }), "{}", decision.reason);
    assert_eq!(decision.action.name(), "add");
}

#[test]
fn ticks_in_between_are_not_counted_as_time() {
    let mut diary = Diary::new(settings()).with_nodes(&["a"]);
    diary.load(6.5);
    diary.holds(1);
    // Wake-ups a tenth of a second apart are not the second tick.
    for _ in 0..8 {
        let decision = diary.silent(Duration::from_millis(100));
        assert_eq!(decision.reason, Reason::HighTooShort { ticks: 1, needed: 2 });
    }
    assert_eq!(diary.silent(Duration::from_millis(200)).action, add(1));
}

#[test]
fn at_most_four_more_or_twice_as_many_come_per_two_seconds() {
    let mut diary = Diary::new(Settings { max: 40, pool: 40, ..settings() });
    diary.fleet.available = 40;
    // 100 in flight want 21 nodes.
    diary.load(100.0);
    let mut ordered = Vec::new();
    for _ in 0..9 {
        let decision = diary.second();
        ordered.push(decision.action.count());
        diary.fleet.ordered += decision.action.count();
        if decision.action == Action::Hold && diary.fleet.ordered < 21 {
            assert_eq!(decision.reason.name(), "add-limit");
        }
    }
    assert_eq!(ordered, [4, 0, 4, 0, 8, 0, 5, 0, 0]);
}

#[test]
fn there_is_no_cooldown_on_the_way_up() {
    let mut diary = Diary::new(settings()).with_nodes(&["a"]);
    diary.load(7.0);
    diary.holds(1);
    assert_eq!(diary.second().action, add(1));
    // The load doubles while the node is on its way: the difference is ordered two seconds later.
    diary.fleet.ordered = 1;
    diary.load(18.0);
    let (after, decision) = diary.until_decided(5);
    assert!(after <= 2, "{after} s");
    assert!(decision.action.count() >= 1);
}

#[test]
fn nodes_on_their_way_are_ordered_but_no_capacity() {
    let mut diary = Diary::new(settings()).with_nodes(&["a"]);
    diary.load(7.0);
    diary.holds(1);
    assert_eq!(diary.second().action, add(1));
    // It takes 20 s to start: the level stays High, the capacity is that of one, none is ordered twice.
    diary.fleet.ordered = 1;
    let decision = diary.holds(20);
    assert_eq!((decision.level, decision.figures.capacity), (Level::High, 8.0));
    assert_eq!(decision.reason, Reason::HighOnTheirWay { ordered: 1 });
}

#[test]
fn drains_are_taken_back_before_nodes_are_ordered() {
    let mut diary = Diary::new(settings()).with_nodes(&["a"]);
    diary.fleet.draining = vec![draining("gone", false), draining("b", true)];
    // 14 in flight want three nodes: one comes back, one is ordered; what is being stopped stays out.
    diary.load(14.0);
    let decision = diary.second();
    assert_eq!(
        decision.action,
        Action::Add { activate: Vec::new(), undrain: vec!["b".to_owned()], count: 1 }
    );
    // Where a drain taken back is all that is needed, nothing is ordered.
    let mut diary = Diary::new(settings()).with_nodes(&["a"]);
    diary.fleet.draining = vec![draining("b", true), draining("c", true)];
    diary.load(7.0);
    diary.holds(1);
    let decision = diary.second();
    assert_eq!(decision.action.name(), "undrain");
    assert_eq!(decision.action.count(), 1);
}

#[test]
fn no_more_than_max_are_ordered() {
    let mut diary = Diary::new(Settings { max: 3, ..settings() }).with_nodes(&["a"]);
    diary.load(100.0);
    assert_eq!(diary.second().action, add(2));
    diary.fleet.ordered = 2;
    assert_eq!(diary.holds(5).reason, Reason::AtMax { more: 18, max: 3 });
}

#[test]
fn where_nothing_is_left_to_borrow_the_reason_says_so() {
    let mut diary = Diary::new(settings()).with_nodes(&["a"]);
    diary.fleet.available = 1;
    // Four are wanted, one can be tried; then none.
    diary.load(24.0);
    assert_eq!(diary.second().action, add(1));
    diary.fleet = Fleet { ordered: 1, available: 0, ..diary.fleet };
    assert_eq!(diary.holds(5).reason, Reason::NothingLeft { held: 2, pool: 8 });
    // A pool smaller than max ends the same way.
    let mut diary = Diary::new(Settings { pool: 2, ..settings() }).with_nodes(&["a", "b"]);
    diary.load(100.0);
    assert_eq!(diary.holds(5).reason, Reason::NothingLeft { held: 2, pool: 2 });
}

#[test]
fn min_and_floors_are_ordered_without_load() {
    let mut diary = Diary::new(Settings { min: 2, ..settings() });
    let decision = diary.second();
    assert_eq!(decision.action, add(2));
    assert_eq!(decision.reason, Reason::BelowMin { held: 0, min: 2 });
    // A schedule asks for three; two of them are held.
    diary.fleet.ordered = 2;
    diary.fleet.floor = 3;
    let decision = diary.second();
    assert_eq!(decision.action, add(1));
    assert_eq!(decision.reason, Reason::BelowFloor { held: 2, floor: 3 });
    // The floor goes no higher than max.
    diary.fleet.ordered = 8;
    diary.fleet.floor = 20;
    diary.holds(3);
}

#[test]
fn a_floor_that_cannot_be_held_says_so() {
    let mut diary = Diary::new(Settings { min: 2, ..settings() });
    diary.fleet.available = 0;
    assert_eq!(diary.second().reason, Reason::FloorHeldBack { held: 0, floor: 2 });
}

#[test]
fn a_lost_node_is_replaced_at_once() {
    let mut diary = Diary::new(settings()).with_node_count(8);
    diary.load(38.0);
    diary.holds(10);
    // Seven of eight would still be Medium, so that the level alone would order nothing.
    diary.fleet.ready.remove(3);
    diary.fleet.available = 1;
    let decision = diary.second();
    assert_eq!((decision.level, decision.action), (Level::Medium, add(1)));
    assert_eq!(decision.reason, Reason::Lost { lost: 1, want: 8 });
    // One that was drained is not lost.
    let mut diary = Diary::new(settings()).with_node_count(8);
    diary.load(38.0);
    diary.holds(10);
    let out = diary.fleet.ready.remove(3);
    diary.fleet.draining = vec![draining(&out.node, false)];
    diary.holds(5);
}

#[test]
fn a_node_that_was_drained_within_a_tick_is_not_lost() {
    let mut diary = Diary::new(settings()).with_nodes(&["a", "b"]);
    diary.load(4.8);
    diary.until_decided(121);
    // It is gone by the next tick, and just then two would be wanted again: 5.9 on one node is Medium.
    diary.fleet.ready.remove(0);
    diary.load(5.9);
    diary.holds(60);
}

#[test]
fn a_demand_on_nothing_that_serves_is_said_so() {
    let mut diary = Diary::new(settings());
    diary.load(0.1);
    diary.sample.local_ready = false;
    let decision = diary.second();
    assert_eq!((decision.action, decision.reason), (add(1), Reason::NothingServes { ready: 0, want: 1 }));
}

#[test]
fn a_pool_that_is_all_held_is_said_so() {
    let mut diary = Diary::new(Settings { max: 9, pool: 2, ..settings() }).with_nodes(&["a", "b"]);
    diary.load(100.0);
    assert_eq!(diary.holds(5).reason.to_string(), "more are wanted, but all 2 nodes of the pool are held");
    // One that is held but cannot be asked, as when an operator drained it, is another matter.
    let mut diary = Diary::new(Settings { pool: 3, ..settings() }).with_nodes(&["a", "b"]);
    diary.load(100.0);
    diary.fleet.available = 0;
    let sentence = diary.holds(5).reason.to_string();
    assert!(
        sentence.starts_with("more are wanted, but no further node of the pool can be had now"),
        "{sentence}"
    );
}

#[test]
fn refused_arrivals_are_demand() {
    let mut diary = Diary::new(settings()).with_nodes(&["a"]);
    // The node is full with 8; 200 arrivals a second of 100 ms each are 20, whether let in or refused.
    diary.load(8.0);
    diary.sample.arrivals = 200;
    let decision = diary.second();
    assert_eq!((decision.figures.demand_fast, decision.figures.want), (20.0, 5));
    assert_eq!(decision.action, add(4));
}

#[test]
fn the_larger_of_the_two_windows_is_the_demand() {
    let mut diary = Diary::new(settings()).with_nodes(&["a", "b"]);
    diary.load(9.0);
    diary.holds(30);
    // A dip of three seconds is all the fast window sees; the slow one remembers.
    diary.load(0.0);
    let figures = diary.holds(3).figures;
    assert_eq!(figures.demand_fast, 0.0);
    assert!((figures.demand_slow - 8.1).abs() < 1e-6, "{}", figures.demand_slow);
    assert_eq!(figures.want, 2);
}
