//! One made-up day: three services on twenty nodes, faults until the calm, and what has to have come
//! right some time after it (I6 of `leases`).

use crate::faults::{self, CALM};
use crate::pool;
use crate::standing;
use crate::world::{Trace, World};
use e2e::dice::Dice;

const SECOND: u64 = 1_000_000;

/// How long everything may take to come right after the last fault.
const CALM_LASTS: u64 = 180 * SECOND;

/// Plays the day of that seed until everything has come right after the last fault; how many events that
/// took.
pub(crate) fn play(seed: u64, trace: Option<Trace>) -> u64 {
    let mut dice = Dice::new(seed);
    let cluster = pool::day(&mut dice);
    let (services, nodes) = (cluster.services.len(), cluster.nodes.len());
    let faults = faults::draw(&mut dice, services, nodes);
    let mut world = World::new(dice, cluster, CALM, trace);
    for service in 0..services {
        world.start_manager(service);
    }
    for (at, fault) in faults {
        world.plan(at, fault);
    }
    let mut now = CALM + SECOND;
    loop {
        world.run(now);
        let wrong = wrong(&world);
        if wrong.is_empty() {
            return world.events();
        }
        assert!(now < CALM + CALM_LASTS, "I6: {}", wrong.join("; "));
        now += SECOND;
    }
}

/// What is not yet as it has to be once nothing fails any more.
fn wrong(world: &World) -> Vec<String> {
    let Some(standings) = standing::of_all(world) else {
        return vec!["somebody has not said what it wants".to_owned()];
    };
    let mut wrong = standing::in_limbo(world);
    for (service, standing) in standings.iter().enumerate() {
        if standing.ready < standing.share && !standing::is_nothing_left_for(world, &standings, service) {
            let name = &standing.claim.service;
            wrong.push(format!("{name} has {} of a share of {}", standing.ready, standing.share));
            wrong.extend(standing::view(world, service));
        }
    }
    wrong
}
