//! What must hold for every load, every fleet and every sample.

use std::time::Duration;

use cluster::config::{Local, Policy};
use proptest::collection::vec;
use proptest::prelude::*;

use super::closed_loop::{ClosedLoop, Step};
use super::diary::settings;
use crate::decider::{
    Action, ChildLoad, CpuUse, Decider, Decision, DrainingNode, Figures, Fleet, ReadyNode, Reason, Sample,
    Settings, Share,
};
use crate::simulation::World;

pub(super) fn large() -> Settings {
    Settings { max: 60, pool: 60, ..settings() }
}

pub(super) fn world() -> impl Strategy<Value = World> {
    (0.02..2.0_f64, 0..20_u64, 0..20_u64).prop_map(|(service_seconds, start, drain)| World {
        service_time: Duration::from_secs_f64(service_seconds),
        start_time: Duration::from_secs(start),
        drain_time: Duration::from_secs(drain),
        ..World::default()
    })
}

/// Loads that stay, jump and fall.
fn loads() -> impl Strategy<Value = Vec<f64>> {
    vec((0.0..250.0_f64, 1..90_usize), 1..8)
        .prop_map(|steps| steps.into_iter().flat_map(|(load, long)| vec![load; long]).collect())
}

/// +1 for more nodes, -1 for fewer, with the second at which it was decided.
fn moves(decisions: &[Decision]) -> Vec<(Duration, i8)> {
    let direction = |decision: &Decision| match decision.action {
        Action::Hold => None,
        Action::Add { .. } => Some((decision.at, 1)),
        Action::Drain { .. } | Action::Rest { .. } => Some((decision.at, -1)),
    };
    decisions.iter().filter_map(direction).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn noise_of_15_percent_flips_nothing(
        load in 0.5..200.0_f64,
        noise in vec(-0.15..0.15_f64, 900),
        world in world(),
        local in prop_oneof![Just(Local::Auto), Just(Local::Always)],
    ) {
        let settings = Settings { local, ..large() };
        let window = settings.scaling.down_window;
        let mut simulation = ClosedLoop::new(settings, world);
        let decisions: Vec<_> =
            noise.iter().flat_map(|noise| simulation.second(load * (1.0 + noise))).map(|step| step.decision).collect();
        for pair in moves(&decisions).windows(2) {
            let ((before, first), (after, second)) = (pair[0], pair[1]);
            prop_assert!(first == second || after - before >= window, "{first} at {before:?}, {second} at {after:?}");
        }
    }

    #[test]
    fn a_drain_leaves_what_carries_the_load(loads in loads(), world in world()) {
        let settings = large();
        let mut simulation = ClosedLoop::new(settings.clone(), world);
        for step in loads.into_iter().flat_map(|load| simulation.second(load)) {
            let Action::Drain { nodes } = &step.decision.action else { continue };
            let left = f64::from(step.ready) - nodes.len() as f64;
            let demand = step.decision.figures.demand();
            let limit = if left > 0.0 { 0.85 * 0.75 * 8.0 * left } else { 0.35 * 8.0 };
            prop_assert!(demand < limit, "{demand} on {left} nodes: {}", step.decision.reason);
            prop_assert!(left >= f64::from(step.decision.figures.want_max));
            prop_assert_eq!(step.decision.figures.ordered, 0);
        }
    }

    #[test]
    fn orders_are_bounded(loads in loads(), world in world(), max in 0..60_u32, pool in 0..60_u32) {
        let settings = Settings { max, pool, ..settings() };
        let mut simulation = ClosedLoop::new(settings.clone(), world);
        let mut orders: Vec<(Duration, u32, u32)> = Vec::new();
        for Step { decision, .. } in loads.into_iter().flat_map(|load| simulation.second(load)) {
            let Action::Add { undrain, count, .. } = &decision.action else { continue };
            let held = decision.figures.ready + decision.figures.ordered;
            let back = u32::try_from(undrain.len()).unwrap();
            prop_assert!(held + back + count <= max.min(pool), "{held} + {back} + {count}");
            if *count == 0 {
                // Drains taken back are no orders.
                continue;
            }
            orders.push((decision.at, held, *count));
            // Whatever two seconds are looked at, they order no more than the rule allows.
            let period = orders.iter().filter(|(at, ..)| decision.at - *at < settings.scaling.add_period);
            let base = period.clone().next().map_or(0, |(_, held, _)| *held);
            let ordered: u32 = period.map(|(.., count)| count).sum();
            prop_assert!(ordered <= base.max(4), "{ordered} from {base}");
        }
    }

    #[test]
    fn all_ends_well_when_a_load_stays(load in 0.0..200.0_f64, world in world(), before in loads()) {
        let mut simulation = ClosedLoop::new(large(), world);
        for earlier in before {
            simulation.step(earlier);
        }
        let step = (0..1500).map(|_| simulation.step(load)).last().unwrap();
        // Not High, nothing waits, and not more than the want and what the projection keeps.
        let enough = if step.ready == 0 { 8.0 } else { f64::from(step.ready) * 8.0 };
        prop_assert!(load <= enough * 0.76 + 0.1, "{load} on {} nodes", step.ready);
        prop_assert_eq!(step.queued, 0);
        prop_assert!(f64::from(step.ready) <= (load / 4.8).ceil() + 2.0, "{load} on {} nodes", step.ready);
    }
}

/// The same second with `factor` times the demand, and requests as long as before.
fn scaled(sample: &Sample, factor: f64) -> Sample {
    let whole = |number: f64| (number * factor).ceil();
    Sample {
        in_flight_mean: sample.in_flight_mean * factor,
        local_in_flight_mean: sample.local_in_flight_mean * factor,
        arrivals: whole(sample.arrivals as f64) as u64,
        queued: whole(f64::from(sample.queued)) as u32,
        ..sample.clone()
    }
}

/// Nodes ordered and taken back less nodes drained.
fn net(decision: &Decision) -> i64 {
    let count = i64::from(decision.action.count());
    if matches!(decision.action, Action::Drain { .. }) { -count } else { count }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn more_demand_never_leads_to_fewer_nodes(
        loads in loads(),
        load in 0.0..250.0_f64,
        factor in 1.0..4.0_f64,
        silent in vec(0..9_u64, 60),
        world in world(),
        local in prop_oneof![Just(Local::Auto), Just(Local::Always)],
    ) {
        let mut simulation = ClosedLoop::new(Settings { local, ..large() }, world);
        for earlier in loads {
            simulation.step(earlier);
        }
        // The same state, the same fleet, and only the last second differs.
        let now = simulation.now() + Duration::from_secs(1);
        let (sample, mut fleet) = simulation.further(load);
        for (node, age) in fleet.ready.iter_mut().zip(silent) {
            node.data_age = Duration::from_secs(age);
        }
        let decide = |sample: &Sample| {
            let mut decider = simulation.decider();
            decider.observe(now, sample);
            decider.tick(now, &fleet)
        };
        let (less, more) = (decide(&sample), decide(&scaled(&sample, factor)));
        prop_assert!(net(&less) <= net(&more), "{}: {:?}\n{}: {:?}", less.reason, less.action, more.reason, more.action);
    }

    #[test]
    fn without_data_nothing_is_decided(
        loads in loads(),
        world in world(),
        age in 3.0..1000.0_f64,
        min in 0..9_u32,
        policy in prop_oneof![Just(Policy::Adaptive), Just(Policy::Classic)],
    ) {
        let mut settings = Settings { min, ..large() };
        settings.scaling.policy = policy;
        let mut simulation = ClosedLoop::new(settings, world);
        for load in loads {
            simulation.step(load);
        }
        let (_, fleet) = simulation.further(0.0);
        let decision = simulation.decider().tick(simulation.now() + Duration::from_secs_f64(age), &fleet);
        prop_assert_eq!(decision.action, Action::Hold);
        prop_assert!(matches!(decision.reason, Reason::NoData { .. }), "{}", decision.reason);
    }
}

/// Numbers as a broken peer may send them.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![6 => 0.0..50.0_f64, 1 => Just(0.0), 1 => any::<f64>(), 1 => Just(f64::NAN), 1 => Just(f64::MAX)]
}

fn time() -> impl Strategy<Value = Duration> {
    let seconds = |seconds| Duration::from_secs_f64(seconds);
    prop_oneof![6 => (0.0..4.0_f64).prop_map(seconds), 1 => Just(Duration::ZERO), 1 => Just(Duration::MAX), 1 => (0.0..400.0_f64).prop_map(seconds)]
}

prop_compose! {
    fn any_sample()(
        interval in time(),
        in_flight_mean in number(),
        arrivals in prop_oneof![4 => 0..500_u64, 1 => any::<u64>()],
        ended in prop_oneof![4 => 0..500_u64, 1 => any::<u64>()],
        service_time_sum in time(),
        queued in prop_oneof![4 => Just(0_u32), 1 => any::<u32>()],
        refused in any::<u64>(),
        local_ready in any::<bool>(),
        learned_capacity in proptest::option::weighted(0.2, prop_oneof![4 => 1.0..1000.0_f64, 1 => number()]),
        local_in_flight_mean in number(),
        children in vec((0..6_u8, number(), any::<u32>(), any::<u32>()), 0..6),
    ) -> Sample {
        let child = |(node, in_flight_mean, in_flight, long_lived): (u8, _, _, _)| {
            ChildLoad { node: format!("c{node}"), in_flight_mean, in_flight, long_lived }
        };
        let children = children.into_iter().map(child).collect();
        Sample {
            interval, in_flight_mean, arrivals, ended, service_time_sum, queued, refused, local_ready,
            learned_capacity, has_learned: true, local_in_flight_mean, children,
        }
    }
}

prop_compose! {
    fn any_node()(
        node in 0..6_u8,
        k in prop_oneof![4 => Just(8.0), 1 => number()],
        age in time(),
        (long_lived, in_flight) in any::<(u32, u32)>(),
        cpu in proptest::option::of((number(), number())),
        data_age in prop_oneof![3 => Just(Duration::ZERO), 1 => time()],
        is_out in prop::bool::weighted(0.2),
    ) -> ReadyNode {
        let cpu = cpu.map(|(used, allowed)| CpuUse { used, allowed });
        ReadyNode { node: format!("c{node}"), k, age, long_lived, in_flight, cpu, data_age, is_out }
    }
}

prop_compose! {
    fn any_fleet()(
        ready in vec(any_node(), 0..6),
        ordered in prop_oneof![4 => 0..4_u32, 1 => any::<u32>()],
        draining in vec((6..9_u8, any::<bool>(), time()), 0..3),
        floor in prop_oneof![4 => 0..3_u32, 1 => any::<u32>()],
        available in prop_oneof![4 => 0..9_u32, 1 => any::<u32>()],
        share in proptest::option::of(any_share()),
        mut standby in vec(any_node(), 0..4),
    ) -> Fleet {
        standby.iter_mut().for_each(|node| node.node.push_str("-by"));
        let drain = |(node, undrainable, since): (u8, _, _)| {
            DrainingNode { node: format!("c{node}"), undrainable, since }
        };
        let draining = draining.into_iter().map(drain).collect();
        Fleet { ready, standby, ordered, draining, floor, available, share }
    }
}

prop_compose! {
    fn any_share()(nodes in prop_oneof![4 => 0..9_u32, 1 => any::<u32>()], give_back_max in 0..4_u32, observe_only in any::<bool>()) -> Share {
        Share { nodes, give_back_max, observe_only }
    }
}

prop_compose! {
    fn any_settings()(
        classic in any::<bool>(),
        always in any::<bool>(),
        cpu_target in proptest::option::of(0.01..1.0_f64),
        (min, max, pool) in (0..9_u32, prop_oneof![0..9_u32, Just(u32::MAX)], prop_oneof![0..9_u32, Just(u32::MAX)]),
        down_window in 0..150_u64,
        standby in prop_oneof![3 => Just(0), 2 => 0..5_u32, 1 => any::<u32>()],
    ) -> Settings {
        let mut settings = Settings { min, max, pool, standby, ..settings() };
        settings.local = if always { Local::Always } else { Local::Auto };
        settings.scaling.policy = if classic { Policy::Classic } else { Policy::Adaptive };
        settings.scaling.cpu_target = cpu_target;
        settings.scaling.down_window = Duration::from_secs(down_window);
        settings
    }
}

fn are_numbers(figures: &Figures) -> bool {
    let Figures { demand_fast, demand_slow, in_flight_fast, in_flight_slow, .. } = *figures;
    let Figures { arrivals_per_s, service_time_ms, capacity, cpu, .. } = *figures;
    [demand_fast, demand_slow, in_flight_fast, in_flight_slow, arrivals_per_s, service_time_ms, capacity, cpu]
        .iter()
        .all(|figure| figure.is_finite() && *figure >= 0.0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_in_a_decision_with_numbers_and_a_sentence_comes_out(
        settings in any_settings(),
        other in any_settings(),
        steps in vec((time(), any_sample(), any_fleet()), 1..40),
        reload in 0..40_usize,
    ) {
        let mut now = Duration::from_secs(5);
        let mut decider = Decider::new(settings.clone(), now);
        let mut bound = settings.max.min(settings.pool);
        for (step, (later, sample, fleet)) in steps.into_iter().enumerate() {
            now = now.saturating_add(later);
            if step == reload {
                decider.reload(other.clone());
                bound = other.max.min(other.pool);
            }
            decider.observe(now, &sample);
            let Decision { action, reason, figures, .. } = decider.tick(now, &fleet);
            prop_assert!(!reason.to_string().is_empty() && !reason.name().is_empty());
            prop_assert!(!reason.to_string().contains("NaN"), "{reason}");
            prop_assert!(are_numbers(&figures), "{figures:?}");
            prop_assert!(action == Action::Hold || action.count() > 0, "{reason}");
            let answering = fleet.ready.iter().filter(|node| node.data_age < Duration::from_secs(6)).count();
            let held = (answering as u64) + u64::from(fleet.ordered);
            let Action::Add { activate, .. } = &action else { continue };
            prop_assert!(held + u64::from(action.count()) <= u64::from(bound), "{reason}");
            let ordered = u64::from(action.count()) - activate.len() as u64;
            let standby = fleet.standby.len() as u64;
            prop_assert!(ordered == 0 || held + standby + ordered <= u64::from(bound), "{reason}");
        }
    }
}
