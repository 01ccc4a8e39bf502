//! STANDBY: nodes kept ready beside those that serve.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::closed_loop::ClosedLoop;
use super::diary::{Diary, add, classic, drain, node, settings};
use super::properties::{large, world};
use crate::decider::{Action, Decision, ReadyNode, Reason, Settings, Share};

fn with_standby(standby: u32) -> Settings {
    Settings { standby, ..settings() }
}

fn activate(nodes: &[&str], count: u32) -> Action {
    let activate = nodes.iter().map(|node| (*node).to_owned()).collect();
    Action::Add { activate, undrain: Vec::new(), count }
}

fn rest(nodes: &[&str]) -> Action {
    Action::Rest { nodes: nodes.iter().map(|node| (*node).to_owned()).collect() }
}

#[test]
fn so_many_are_ordered_beside_those_that_serve() {
    for settings in [settings(), classic()] {
        let mut diary = Diary::new(Settings { standby: 2, ..settings }).with_nodes(&["a"]);
        diary.children(&[("a", 4.0)]);
        let (_, decision) = diary.until_decided(4);
        assert_eq!(
            (decision.action, decision.reason),
            (add(2), Reason::BelowStandby { standby: 0, kept: 2 })
        );
        diary.fleet.ordered = 2;
        diary.holds(5);
        diary.fleet.ordered = 1;
        diary.fleet.standby = vec![node("s")];
        diary.holds(5);
    }
}

#[test]
fn what_stands_by_is_no_capacity() {
    // Alone with the local copy: its capacity is all there is, and it serves alone.
    let mut diary = Diary::new(with_standby(2));
    diary.fleet.standby = vec![node("s"), node("t")];
    diary.load(5.0);
    let decision = diary.holds(200);
    assert_eq!((decision.figures.capacity, decision.figures.ready), (8.0, 0));
    assert_eq!(decision.reason.name(), "local-alone");
    assert_eq!((decision.figures.want, diary.decider.want_of_pool()), (0, 2));
}

#[test]
fn a_surge_sends_requests_there_and_orders_in_its_place_in_one_tick() {
    let mut diary = Diary::new(with_standby(1)).with_nodes(&["a"]);
    diary.fleet.standby = vec![node("s")];
    // Three are wanted: one serves, one stands by, so that one is missing, and one to stand by again.
    diary.load(14.0);
    let decision = diary.second();
    assert_eq!((decision.action, decision.reason.name()), (activate(&["s"], 2), "surge"));
}

#[test]
fn what_stands_by_serves_although_as_many_are_on_their_way() {
    let mut diary = Diary::new(with_standby(1)).with_nodes(&["a"]);
    diary.fleet.standby = vec![node("s")];
    diary.fleet.ordered = 2;
    diary.load(14.0);
    let decision = diary.second();
    assert_eq!(decision.action, activate(&["s"], 0));
    assert_eq!(decision.action.name(), "activate");
}

#[test]
fn a_high_load_waits_for_its_second_tick_here_too() {
    let mut diary = Diary::new(with_standby(1)).with_nodes(&["a"]);
    diary.fleet.standby = vec![node("s")];
    diary.fleet.available = 0;
    diary.load(7.0);
    assert_eq!(diary.second().reason, Reason::HighTooShort { ticks: 1, needed: 2 });
    assert_eq!(diary.second().action, activate(&["s"], 0));
}

#[test]
fn at_max_those_that_stand_by_serve_and_none_is_ordered() {
    let mut diary = Diary::new(Settings { max: 3, ..with_standby(1) }).with_nodes(&["a", "b"]);
    diary.fleet.standby = vec![node("s")];
    diary.load(30.0);
    assert_eq!(diary.second().action, activate(&["s"], 0));
    diary.fleet.ready.extend(diary.fleet.standby.pop());
    assert_eq!(diary.holds(5).reason.name(), "at-max");
    // While all of them are wanted to serve, none is kept to stand by.
    diary.load(12.0);
    assert_eq!(diary.holds(20).reason.name(), "medium");
}

#[test]
fn at_its_share_those_that_stand_by_serve_and_over_it_they_go_before_others() {
    let mut diary = Diary::new(with_standby(1)).with_nodes(&["a", "b"]);
    diary.fleet.standby = vec![node("s")];
    diary.load(18.0);
    diary.fleet.share = Some(Share { nodes: 2, give_back_max: 1, observe_only: false });
    let decision = diary.second();
    assert_eq!((decision.action, decision.reason), (drain(&["s"]), Reason::OverShare { held: 3, share: 2 }));
    diary.fleet.share = Some(Share { nodes: 3, give_back_max: 1, observe_only: false });
    assert_eq!(diary.second().action, activate(&["s"], 0));
}

#[test]
fn the_next_that_would_be_drained_stands_by_where_too_few_do() {
    let mut diary = Diary::new(with_standby(1)).with_nodes(&["a", "b", "c"]);
    diary.load(1.0);
    let (after, decision) = diary.until_decided(160);
    // By the rule of any drain: after the whole window, and one of ten.
    assert!(after >= 120, "{after} s");
    assert_eq!((decision.action, decision.reason.name()), (rest(&["a"]), "low"));
    let resting = diary.fleet.ready.remove(0);
    diary.fleet.standby = vec![resting];
    let (after, decision) = diary.until_decided(20);
    assert_eq!((after, decision.action), (10, drain(&["b"])));
}

#[test]
fn the_last_one_stands_by_while_the_local_copy_serves_alone() {
    for settings in [settings(), classic()] {
        let mut diary = Diary::new(Settings { standby: 1, ..settings }).with_nodes(&["a"]);
        diary.children(&[("a", 1.0)]);
        let (_, decision) = diary.until_decided(160);
        assert_eq!(decision.action, rest(&["a"]));
        diary.fleet.standby = std::mem::take(&mut diary.fleet.ready);
        // It is not lost, and not replaced.
        diary.load(1.0);
        assert_eq!(diary.holds(60).reason.name(), "local-alone");
    }
}

#[test]
fn the_classic_rule_sends_requests_there_first() {
    let mut diary = Diary::new(Settings { standby: 1, ..classic() }).with_nodes(&["a"]);
    diary.fleet.standby = vec![node("s")];
    diary.children(&[("a", 7.0)]);
    let (_, decision) = diary.until_decided(5);
    assert_eq!((decision.action, decision.reason), (activate(&["s"], 1), Reason::AllHigh { children: 1 }));
}

#[test]
fn what_is_more_than_standby_goes_at_once() {
    let mut diary = Diary::new(with_standby(2)).with_nodes(&["a"]);
    diary.fleet.standby = vec![node("s"), ReadyNode { age: Duration::ZERO, ..node("young") }];
    diary.load(4.0);
    diary.holds(5);
    diary.decider.reload(with_standby(1));
    let decision = diary.second();
    assert_eq!(
        (decision.action, decision.reason),
        (drain(&["young"]), Reason::OverStandby { standby: 2, kept: 1 })
    );
    // A lowered max counts them too.
    diary.fleet.standby.pop();
    diary.decider.reload(Settings { max: 1, ..with_standby(1) });
    assert_eq!(diary.second().reason, Reason::OverStandby { standby: 1, kept: 0 });
}

#[test]
fn one_that_could_not_serve_is_replaced_and_goes_when_another_is_there() {
    let out = ReadyNode { is_out: true, ..node("out") };
    let silent = ReadyNode { data_age: Duration::from_secs(7), ..node("silent") };
    for broken in [out, silent] {
        let mut diary = Diary::new(with_standby(1)).with_nodes(&["a"]);
        diary.fleet.standby = vec![broken.clone()];
        diary.load(4.0);
        assert_eq!(diary.second().action, add(1));
        diary.fleet.standby.push(node("s"));
        assert_eq!(diary.second().action, drain(&[&broken.node]));
        // Nor is it sent requests.
        diary.load(9.0);
        let Action::Add { activate, .. } = diary.until_decided(9).1.action else { continue };
        assert!(!activate.contains(&broken.node));
    }
}

#[test]
fn min_is_served_by_those_that_stand_by() {
    let mut diary = Diary::new(Settings { min: 1, ..with_standby(1) });
    diary.fleet.standby = vec![node("s")];
    let decision = diary.second();
    assert_eq!(
        (decision.action, decision.reason),
        (activate(&["s"], 1), Reason::BelowMin { held: 0, min: 1 })
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn standby_is_no_capacity_stays_within_max_and_comes_before_orders(
        loads in vec((0.0..250.0_f64, 1..90_usize), 1..8),
        world in world(),
        max in 0..60_u32,
        standby in 0..8_u32,
        is_classic in any::<bool>(),
    ) {
        let scaling = if is_classic { classic().scaling } else { settings().scaling };
        let mut simulation = ClosedLoop::new(Settings { max, standby, scaling, ..large() }, world);
        for (load, seconds) in loads {
            for _ in 0..seconds {
                let by = simulation.fleet().standby.len();
                let steps = simulation.second(load);
                let decision = &steps.last().unwrap().decision;
                let fleet = simulation.fleet();
                prop_assert!(fleet.held() <= max, "{} of {max}: {}", fleet.held(), decision.reason);
                let figures = &decision.figures;
                let capacity = if figures.ready > 0 { f64::from(figures.ready) * 8.0 } else { 8.0 };
                prop_assert!((figures.capacity - capacity).abs() < 1e-6, "{} by {by}", figures.capacity);
                for step in &steps {
                    let Decision { action: Action::Add { count, .. }, reason, figures, .. } = &step.decision else { continue };
                    let left = !is_classic && *count > 0 && reason.name() != "below-standby" && steps.len() == 1;
                    // What is still standing by after an order for the load is not wanted to serve.
                    let serving = fleet.ready_count();
                    prop_assert!(!left || fleet.standby.is_empty() || serving >= figures.want, "{reason}");
                }
            }
        }
    }

    #[test]
    fn when_a_load_stays_as_many_stand_by_as_are_kept(
        load in 0.0..150.0_f64,
        before in vec((0.0..150.0_f64, 1..90_usize), 0..4),
        world in world(),
        standby in 0..6_u32,
    ) {
        let mut simulation = ClosedLoop::new(Settings { standby, ..large() }, world);
        for (load, seconds) in before {
            (0..seconds).for_each(|_| drop(simulation.second(load)));
        }
        (0..1500).for_each(|_| drop(simulation.second(load)));
        let last = simulation.step(load);
        let fleet = simulation.fleet();
        let want = last.decision.figures.want;
        // A node more than wanted that the projection keeps stands in for one that stands by.
        prop_assert!(fleet.standby_count() <= standby);
        prop_assert!(fleet.standby_count() == standby || fleet.held() >= want + standby, "{fleet:?} {}", last.decision.reason);
        prop_assert_eq!(last.queued, 0);
    }
}
