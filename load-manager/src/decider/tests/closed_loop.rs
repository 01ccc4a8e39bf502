//! The decider in the simulated world, with each decision at hand.

use std::time::Duration;

use cluster::config::Policy;

use crate::decider::{Decider, Decision, Fleet, Sample, Settings, Share};
use crate::simulation::{self, Rule, Simulation, Verdict, World};

/// A simulation whose rule is the decider's own.
#[derive(Clone)]
pub(super) struct ClosedLoop {
    simulation: Simulation,
    /// Which of the ready nodes are out, by their place; those behind the last are in.
    pub(super) out: Vec<bool>,
}

/// What one step was like.
pub(super) struct Step {
    pub(super) decision: Decision,
    /// Nodes ready before the decision.
    pub(super) ready: u32,
    /// Nodes after it that take requests and are not out.
    pub(super) left: usize,
    /// Nodes ready or on their way after it.
    pub(super) held: u32,
    /// Requests that had to wait at its end.
    pub(super) queued: u32,
}

impl ClosedLoop {
    pub(super) fn new(settings: Settings, world: World) -> Self {
        let rule = match settings.scaling.policy {
            Policy::Adaptive => Rule::Adaptive,
            Policy::Classic => Rule::Classic,
        };
        Self { simulation: Simulation::new(&settings, &world, rule, 0), out: Vec::new() }
    }

    /// A second at a load that would keep so many requests in flight if none had to wait: one tick,
    /// and further decisions while requests wait.
    pub(super) fn second(&mut self, offered: f64) -> Vec<Step> {
        let until = self.simulation.now + Duration::from_secs(1);
        let mut steps = Vec::new();
        while self.simulation.now < until {
            self.simulation.site.put_out(&self.out);
            let step = self.simulation.step(offered, until);
            let site = &self.simulation.site;
            let left = site.fleet().ready.iter().filter(|node| !node.is_out).count();
            let (held, queued) = (site.fleet().held(), site.sample().queued);
            if let Verdict::Decided(decision) = step.verdict {
                steps.push(Step { decision: *decision, ready: step.ready, left, held, queued });
            }
        }
        steps
    }

    /// From now on so many nodes are to be held whatever the load.
    pub(super) fn hold(&mut self, floor: u32) {
        self.simulation.site.set_floor(floor);
    }

    /// What it is due from now on while another one is short.
    pub(super) fn share(&mut self, share: Option<Share>) {
        self.simulation.site.set_share(share);
    }

    /// A second and its last decision.
    pub(super) fn step(&mut self, offered: f64) -> Step {
        self.second(offered).pop().expect("a second ends with a tick")
    }

    /// The fleet as it is now.
    pub(super) fn fleet(&self) -> &Fleet {
        self.simulation.site.fleet()
    }

    pub(super) fn now(&self) -> Duration {
        self.simulation.now
    }

    /// The decider as it is now.
    pub(super) fn decider(&self) -> Decider {
        let simulation::Policy::Decider(decider) = &self.simulation.policy else { panic!("it is ours") };
        Decider::clone(decider)
    }

    /// The counts of a further second at that load, and the fleet that goes with them.
    pub(super) fn further(&self, offered: f64) -> (Sample, Fleet) {
        let mut site = self.simulation.site.clone();
        site.serve(offered, Duration::from_secs(1));
        (site.sample().clone(), site.fleet().clone())
    }
}
