//! The four cases of the paper's section 3.2, played through by both rules: (1) the front end serves
//! alone, (2) it becomes High and borrows a node, (3) the nodes become High and another comes, (4) the
//! load falls and the nodes go back.

use std::time::Duration;

use super::closed_loop::{ClosedLoop, Step};
use super::diary::{classic, settings};
use crate::decider::{Action, Settings};
use crate::simulation::World;

/// A demo service of 50 ms on nodes that start in a second.
fn world() -> World {
    let (service_time, start_time) = (Duration::from_millis(50), Duration::from_secs(1));
    World { service_time, start_time, ..World::default() }
}

fn ready_after(simulation: &mut ClosedLoop, offered: f64, seconds: u32) -> u32 {
    (0..seconds).map(|_| simulation.step(offered).ready).last().expect("at least one second")
}

fn the_four_cases(settings: Settings) -> ClosedLoop {
    let mut simulation = ClosedLoop::new(settings, world());
    // (1) Low: the local copy alone.
    assert_eq!(ready_after(&mut simulation, 2.0, 60), 0);
    // (2) The front end becomes High: nodes serve in its place.
    let borrowed = ready_after(&mut simulation, 7.0, 30);
    assert!((1..=2).contains(&borrowed), "{borrowed} nodes");
    // (3) The nodes become High: more come, until they can carry it.
    let more = ready_after(&mut simulation, 20.0, 30);
    assert!((3..=5).contains(&more), "{more} nodes");
    assert_eq!(simulation.step(20.0).queued, 0);
    // (4) The load falls: all of them go back.
    assert_eq!(ready_after(&mut simulation, 1.0, 300), 0);
    simulation
}

#[test]
fn the_classic_rule_goes_through_all_four_cases() {
    the_four_cases(classic());
}

#[test]
fn the_adaptive_rule_goes_through_all_four_cases() {
    the_four_cases(settings());
}

#[test]
fn the_classic_rule_changes_one_node_at_a_time() {
    let mut simulation = ClosedLoop::new(classic(), world());
    for second in 0..240 {
        let offered = if second < 120 { 40.0 } else { 0.0 };
        for Step { decision, .. } in simulation.second(offered) {
            assert!(decision.action.count() <= 1, "{}", decision.reason);
            if decision.action != Action::Hold {
                assert_eq!(decision.figures.ordered + decision.figures.draining, 0);
            }
        }
    }
}
