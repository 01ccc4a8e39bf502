//! SHARE: what a service may order and has to give back while another one is short of nodes.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::closed_loop::ClosedLoop;
use super::diary::{Diary, add, classic, drain, draining, node, settings};
use super::properties::{large, world};
use crate::decider::{Action, ReadyNode, Reason, Settings, Share};

/// A share of so many, and no limit to what may go.
fn share(nodes: u32) -> Option<Share> {
    Some(Share { nodes, give_back_max: 9, observe_only: false })
}

fn limited(nodes: u32, give_back_max: u32) -> Option<Share> {
    Some(Share { nodes, give_back_max, observe_only: false })
}

#[test]
fn no_more_than_the_share_is_ordered_while_another_is_short() {
    let mut diary = Diary::new(settings()).with_nodes(&["a"]);
    diary.fleet.share = share(2);
    // Five are wanted, and that is what is said to the others; one more is due.
    diary.load(24.0);
    let decision = diary.second();
    assert_eq!((decision.action, decision.figures.want), (add(1), 5));
    diary.fleet.ordered = 1;
    let decision = diary.holds(5);
    assert_eq!((decision.figures.want, decision.reason), (5, Reason::AtShare { held: 2, share: 2 }));
    // Once nobody is short, what is free may be borrowed.
    diary.fleet.share = None;
    assert_eq!(diary.until_decided(3).1.action, add(3));
}

#[test]
fn at_its_share_it_takes_no_drain_back() {
    let mut diary = Diary::new(settings()).with_nodes(&["a"]);
    diary.fleet.draining = vec![draining("b", true)];
    diary.fleet.share = share(1);
    diary.load(24.0);
    let reason = diary.holds(5).reason;
    assert_eq!(
        reason.to_string(),
        "more are wanted, but the share of the pool is 1 while another service is short (1 node is held)"
    );
}

#[test]
fn a_silent_node_counts_against_the_share() {
    // It is a lease all the same: its replacement would be one more than the service is due.
    let mut diary = Diary::new(settings()).with_nodes(&["a", "b"]);
    diary.fleet.ready[0].data_age = Duration::from_secs(7);
    diary.fleet.share = share(2);
    diary.load(12.0);
    assert_eq!(diary.holds(5).reason, Reason::AtShare { held: 2, share: 2 });
}

#[test]
fn min_is_its_own_whatever_the_share_and_a_schedule_is_not() {
    for settings in [settings(), classic()] {
        let mut diary = Diary::new(Settings { min: 1, ..settings });
        diary.fleet.floor = 3;
        diary.fleet.share = share(0);
        let (_, decision) = diary.until_decided(5);
        assert_eq!(decision.action, add(1));
        diary.fleet.ready = vec![node("a")];
        diary.children(&[("a", 1.0)]);
        assert_eq!(diary.holds(10).reason, Reason::AtShare { held: 1, share: 1 });
    }
}

#[test]
fn what_is_over_the_share_goes_at_once_however_high_the_load() {
    for settings in [settings(), classic()] {
        let mut diary = Diary::new(settings).with_node_count(6);
        let children: Vec<_> = ["c1", "c2", "c3", "c4", "c5", "c6"].map(|name| (name, 7.0)).to_vec();
        diary.children(&children);
        // Young nodes and an add just now keep nothing.
        diary.fleet.ready.iter_mut().for_each(|node| node.age = Duration::from_secs(1));
        diary.fleet.share = share(4);
        let decision = diary.second();
        assert_eq!(decision.action.count(), 2);
        assert_eq!(decision.reason, Reason::OverShare { held: 6, share: 4 });
        // The next second the same again: no period of its own.
        diary.fleet.ready.truncate(4);
        diary.fleet.share = share(3);
        assert_eq!(diary.second().action.count(), 1);
    }
}

#[test]
fn no_more_go_than_may_go_now() {
    for settings in [settings(), classic()] {
        let mut diary = Diary::new(settings).with_node_count(6);
        diary.children(&["c1", "c2", "c3", "c4", "c5", "c6"].map(|name| (name, 5.0)));
        diary.fleet.share = limited(2, 1);
        assert_eq!(diary.second().action.count(), 1);
        diary.fleet.ready.pop();
        diary.fleet.share = limited(2, 0);
        let decision = diary.holds(5);
        assert_eq!(decision.reason, Reason::OverShareHeld { held: 5, share: 2 });
    }
}

#[test]
fn where_none_may_go_the_ordinary_way_down_is_still_open() {
    let mut diary = Diary::new(settings()).with_nodes(&["a", "b", "c"]);
    diary.load(1.0);
    diary.fleet.share = limited(1, 0);
    let (after, decision) = diary.until_decided(160);
    assert!(after >= 120, "{after} s");
    assert_eq!(decision.reason.name(), "low");
}

#[test]
fn where_sharing_is_only_observed_it_is_said_what_would_go() {
    for settings in [settings(), classic()] {
        let mut diary = Diary::new(settings).with_nodes(&["a", "b"]);
        diary.children(&[("a", 5.0), ("b", 5.0)]);
        diary.fleet.share = Some(Share { nodes: 1, give_back_max: 9, observe_only: true });
        let decision = diary.holds(10);
        assert_eq!(decision.reason, Reason::WouldGiveBack { held: 2, share: 1 });
    }
}

#[test]
fn what_serves_nothing_goes_first_then_as_in_any_drain() {
    let mut diary = Diary::new(settings());
    diary.fleet.ready = vec![
        node("idle"),
        ReadyNode { in_flight: 3, ..node("busy") },
        ReadyNode { in_flight: 8, data_age: Duration::from_secs(9), ..node("silent") },
        ReadyNode { in_flight: 8, long_lived: 1, is_out: true, ..node("out") },
        ReadyNode { long_lived: 1, ..node("long-lived") },
    ];
    diary.load(20.0);
    let mut order = Vec::new();
    for left in (0..5).rev() {
        diary.fleet.share = share(left);
        let Action::Drain { nodes } = diary.second().action else { panic!("one is to go") };
        diary.fleet.ready.retain(|node| !nodes.contains(&node.node));
        order.extend(nodes);
    }
    assert_eq!(order, ["silent", "out", "idle", "busy", "long-lived"]);
}

#[test]
fn nodes_on_their_way_count_and_leave_one_that_serves() {
    let mut diary = Diary::new(settings()).with_nodes(&["a", "b"]);
    diary.load(12.0);
    diary.fleet.ordered = 3;
    diary.fleet.share = share(2);
    // Three too many, of which those on their way cannot be called off; the last that serves stays.
    assert_eq!(diary.second().action.count(), 1);
    diary.fleet.ready.pop();
    assert_eq!(diary.holds(3).reason, Reason::OverShareHeld { held: 4, share: 2 });
    // When they are there, the others go.
    diary.fleet.ready.extend([node("c"), node("d"), node("e")]);
    diary.fleet.ordered = 0;
    assert_eq!(diary.second().action.count(), 2);
}

#[test]
fn what_was_given_back_is_not_lost() {
    let mut diary = Diary::new(settings()).with_nodes(&["a", "b"]);
    diary.load(11.0);
    diary.fleet.share = share(1);
    assert_eq!(diary.second().action, drain(&["a"]));
    diary.fleet.ready.remove(0);
    diary.fleet.share = None;
    // Half the load is gone too: one node is Medium, though two would be wanted at the target.
    diary.load(5.5);
    for _ in 0..60 {
        assert_ne!(diary.second().reason.name(), "lost");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_share_is_kept_to_and_never_costs_min(
        steps in vec((proptest::option::of(0..20_u32), 0..5_u32, 0.0..80.0_f64, 1..90_usize), 1..8),
        world in world(),
        min in 0..4_u32,
        standby in 0..4_u32,
        is_classic in any::<bool>(),
    ) {
        let scaling = if is_classic { classic().scaling } else { settings().scaling };
        let mut simulation = ClosedLoop::new(Settings { min, standby, scaling, ..large() }, world);
        for (nodes, give_back_max, load, seconds) in steps {
            simulation.share(nodes.and_then(|nodes| limited(nodes, give_back_max)));
            for step in (0..seconds).flat_map(|_| simulation.second(load)) {
                let figures = &step.decision.figures;
                let (held, count) = (figures.ready + figures.ordered, step.decision.action.count());
                let due = nodes.map_or(u32::MAX, |nodes| nodes.max(min));
                match &step.decision.action {
                    Action::Hold | Action::Rest { .. } => {}
                    Action::Add { activate, .. } if activate.len() == count as usize => {}
                    Action::Add { .. } => prop_assert!(step.held <= due, "{}", step.decision.reason),
                    Action::Drain { .. } => {
                        let serve_less = step.left < figures.ready as usize;
                        prop_assert!(!serve_less || step.left >= min as usize, "{}", step.decision.reason);
                        let gives_back = step.decision.reason.name() == "over-share";
                        prop_assert!(!gives_back || (count <= give_back_max && step.held >= due));
                    }
                }
                let may_go = figures.ready.saturating_sub(min.max(due.min(1))).min(give_back_max);
                prop_assert!(held <= due || may_go == 0 || count > 0, "{}", step.decision.reason);
            }
        }
    }
}

#[test]
fn a_load_that_is_not_high_asks_the_pool_for_no_more_than_is_held() {
    // Two nodes are High above 12; more than 9.6 would be wanted to have three.
    let mut diary = Diary::new(settings()).with_nodes(&["a", "b"]);
    diary.load(11.0);
    assert_eq!((diary.holds(40).figures.want, diary.decider.want_of_pool()), (3, 2));
    // From the first High second on it asks, whether or not a node is there to be ordered.
    diary.fleet.available = 0;
    diary.load(15.0);
    assert_eq!((diary.holds(40).figures.want, diary.decider.want_of_pool()), (4, 4));
    // And what is wanted less is said at once, long before it is drained.
    diary.load(4.0);
    assert_eq!((diary.holds(40).figures.want, diary.decider.want_of_pool()), (1, 1));
}

#[test]
fn what_is_kept_for_a_service_it_asks_for_whatever_the_load() {
    let mut diary = Diary::new(Settings { min: 3, ..settings() }).with_nodes(&["a", "b"]);
    diary.fleet.available = 0;
    diary.load(4.0);
    assert_eq!((diary.holds(5).figures.want, diary.decider.want_of_pool()), (3, 3));
}
