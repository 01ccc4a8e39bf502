//! OUT: a child that the front end has put out is no capacity on the way up and full on the way down, and
//! it stays one of those that are held.

use std::time::Duration;

use cluster::config::Policy;
use cluster::level::Level;
use proptest::collection::vec;
use proptest::prelude::*;

use super::closed_loop::ClosedLoop;
use super::diary::{Diary, add, classic, drain, settings};
use super::properties::{large, world};
use crate::decider::{Action, CpuUse, Decision, Reason, Settings};

impl Diary {
    fn put_out(&mut self, nodes: &[usize]) {
        nodes.iter().for_each(|&node| self.fleet.ready[node].is_out = true);
    }

    fn let_in(&mut self) {
        self.fleet.ready.iter_mut().for_each(|node| node.is_out = false);
    }
}

#[test]
fn it_is_no_capacity_on_the_way_up() {
    let mut diary = Diary::new(settings()).with_nodes(&["a", "b"]);
    diary.load(6.5);
    let figures = diary.holds(10).figures;
    assert_eq!((figures.capacity, figures.out), (16.0, 0));
    // 6.5 on what one handles are High, and at the second tick another is ordered.
    diary.put_out(&[1]);
    let decision = diary.second();
    assert_eq!((decision.level, decision.figures.capacity, decision.figures.out), (Level::High, 8.0, 1));
    assert_eq!(decision.reason, Reason::HighTooShort { ticks: 1, needed: 2 });
    let decision = diary.second();
    assert_eq!((decision.action, decision.reason.name()), (add(1), "high"));
}

#[test]
fn where_the_others_carry_the_load_none_is_ordered_in_its_place() {
    let mut diary = Diary::new(settings()).with_nodes(&["a", "b"]);
    diary.load(6.0);
    diary.holds(10);
    // It is not lost: 6 on 8 is Medium, and it will be in again.
    diary.put_out(&[0]);
    assert_eq!(diary.holds(200).level, Level::Medium);
    diary.let_in();
    diary.holds(10);
}

#[test]
fn it_is_full_on_the_way_down() {
    let mut diary = Diary::new(settings()).with_node_count(3);
    diary.load(1.0);
    diary.put_out(&[1]);
    // Its 8 and the 1 want two nodes: one may go, the next may not.
    let (_, decision) = diary.until_decided(122);
    assert_eq!(decision.action.count(), 1);
    diary.fleet.ready.remove(0);
    let decision = diary.holds(60);
    assert_eq!(decision.reason, Reason::LowOut { out: 1 });
    assert_eq!(decision.reason.to_string(), "Low, but 1 node is out and taken as full");
    diary.let_in();
    assert_eq!(diary.second().action.name(), "drain");
}

#[test]
fn at_max_none_comes_in_its_place_so_that_none_goes_when_it_is_back() {
    for settings in [settings(), classic()] {
        let mut diary = Diary::new(Settings { max: 2, ..settings }).with_nodes(&["a", "b"]);
        diary.children(&[("a", 6.5), ("b", 3.0)]);
        diary.holds(10);
        diary.put_out(&[1]);
        diary.children(&[("a", 8.0), ("b", 1.5)]);
        diary.sample.queued = 4;
        // Of the two, one is there for the classic rule to judge: all children are High.
        let decision = diary.holds(20);
        assert_eq!(decision.reason.name(), "at-max", "{}", decision.reason);
        diary.let_in();
        diary.children(&[("a", 6.5), ("b", 3.0)]);
        diary.holds(200);
    }
}

#[test]
fn it_is_one_of_those_that_are_kept_whatever_the_load() {
    for settings in [settings(), classic()] {
        let mut diary = Diary::new(Settings { min: 2, ..settings }).with_nodes(&["a", "b"]);
        diary.children(&[("a", 0.5), ("b", 0.5)]);
        diary.holds(10);
        diary.put_out(&[0]);
        diary.holds(200);
    }
}

#[test]
fn down_to_max_it_goes_before_those_that_serve() {
    let mut diary = Diary::new(settings()).with_nodes(&["a", "b", "c"]);
    diary.load(14.0);
    diary.holds(10);
    // It has more in flight than the others, which would keep it longest if it served.
    diary.put_out(&[1]);
    diary.fleet.ready[1].in_flight = 7;
    diary.decider.reload(Settings { max: 2, ..settings() });
    let decision = diary.second();
    assert_eq!((decision.action, decision.reason), (drain(&["b"]), Reason::AboveMax { ready: 3, max: 2 }));
}

#[test]
fn where_it_is_the_only_child_and_no_local_copy_is_ready_another_is_ordered() {
    let mut diary = Diary::new(settings()).with_nodes(&["a"]);
    diary.sample.local_ready = false;
    diary.put_out(&[0]);
    diary.holds(1);
    let decision = diary.second();
    assert_eq!((decision.action, decision.reason), (add(1), Reason::NothingServes { ready: 1, want: 1 }));
}

#[test]
fn one_that_is_silent_too_is_lost_like_any_other() {
    let mut diary = Diary::new(Settings { max: 2, ..settings() }).with_nodes(&["a", "b"]);
    diary.load(9.0);
    diary.holds(10);
    diary.put_out(&[1]);
    diary.holds(1);
    // As one that takes no connection for as long as a silent node is given.
    diary.fleet.ready[1].data_age = Duration::from_secs(6);
    let decision = diary.second();
    assert_eq!((decision.action, decision.figures.out), (add(1), 0));
}

#[test]
fn its_cpu_is_demand_on_the_way_up_and_a_whole_node_on_the_way_down() {
    let mut settings = settings();
    settings.scaling.cpu_target = Some(0.6);
    let mut diary = Diary::new(settings).with_nodes(&["a", "b", "c"]);
    diary.load(1.0);
    let quarter = CpuUse { used: 0.5, allowed: 2.0 };
    diary.fleet.ready.iter_mut().for_each(|node| node.cpu = Some(quarter));
    diary.put_out(&[2]);
    let decision = diary.holds(200);
    assert_eq!(decision.figures.cpu, 0.75);
    // By their CPU two would do (0.75 / 0.6), with one of them taken as full three are needed (1.5 / 0.6).
    assert_eq!((decision.figures.want, decision.reason), (2, Reason::LowOut { out: 1 }));
}

#[test]
fn by_the_classic_rule_it_is_not_judged_and_keeps_the_others() {
    let mut diary = Diary::new(Settings { max: 4, ..classic() }).with_nodes(&["a", "b", "c"]);
    diary.children(&[("a", 1.0), ("b", 1.0), ("c", 0.0)]);
    diary.put_out(&[2]);
    assert_eq!(diary.holds(200).reason, Reason::LowOut { out: 1 });
    // That it has nothing to do is no reason not to be High.
    diary.children(&[("a", 8.0), ("b", 8.0), ("c", 0.0)]);
    let (_, decision) = diary.until_decided(3);
    assert_eq!((decision.action, decision.reason), (add(1), Reason::AllHigh { children: 2 }));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn a_drain_leaves_what_carries_the_load_without_those_that_are_out(
        steps in vec((0.0..60.0_f64, 1..200_usize, vec(prop::bool::weighted(0.3), 12)), 1..8),
        world in world(),
        policy in prop_oneof![Just(Policy::Adaptive), Just(Policy::Classic)],
    ) {
        let mut settings = large();
        settings.scaling.policy = policy;
        let mut closed_loop = ClosedLoop::new(settings, world);
        for (load, long, out) in steps {
            closed_loop.out = out;
            for step in (0..long).flat_map(|_| closed_loop.second(load)).collect::<Vec<_>>() {
                let Action::Drain { nodes } = &step.decision.action else { continue };
                let Decision { reason, figures, .. } = &step.decision;
                prop_assert!(policy == Policy::Adaptive || figures.out == 0, "{reason}");
                let is_last = step.ready as usize == nodes.len();
                let limit = if is_last { 0.35 * 8.0 } else { 0.85 * 0.75 * 8.0 * step.left as f64 };
                let demand = figures.demand();
                prop_assert!(policy == Policy::Classic || demand < limit, "{demand} on {} nodes: {reason}", step.left);
            }
        }
    }
}
