//! How many nodes a demand wants: pure arithmetic, and the local copy's part in it.
//!
//! K differs from node to node. The ready ones count with their own K; what is missing beyond them
//! is divided by the K of a node of speed 1.0. Where all nodes are alike this is ceil(D / (K * target)).

use cluster::config::Local;

use super::Settings;
use super::cpu::CpuSum;
use super::level::{above, below};

/// Nodes and what they handle well together.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Supply {
    pub(super) nodes: u32,
    pub(super) capacity: f64,
}

/// What the want is made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Want<'a> {
    pub(super) settings: &'a Settings,
    /// The larger of the two windows, in requests in flight.
    pub(super) demand: f64,
    /// The ready nodes it is spread over.
    pub(super) supply: Supply,
    /// Whether a node is ready or on its way: the local copy then keeps to `low`, else to `high`.
    pub(super) has_children: bool,
    /// Whether the local copy may be sent requests.
    pub(super) local_ready: bool,
    /// CPU used by the ready nodes; 0.0 when CPU is not looked at.
    pub(super) cpu: f64,
}

impl Want<'_> {
    /// Nodes wanted, before `min`, `max` and floors. At least one while the local copy is not ready.
    pub(super) fn nodes(&self) -> u32 {
        let by_load = match self.settings.local {
            Local::Auto => self.beside_no_local(),
            Local::Always => self.beside_the_local(),
        };
        let least = u32::from(!self.local_ready);
        by_load.max(self.by_cpu()).max(least)
    }

    /// The local copy serves alone or not at all.
    fn beside_no_local(&self) -> u32 {
        let Settings { scaling, k_local, .. } = self.settings;
        let local_suffices = if self.has_children {
            below(self.demand, scaling.low * k_local)
        } else {
            !above(self.demand, scaling.high * k_local)
        };
        if local_suffices { 0 } else { self.nodes_for(self.demand / scaling.target).max(1) }
    }

    /// The local copy is the first child; while it is not ready it takes no part.
    fn beside_the_local(&self) -> u32 {
        let local = if self.local_ready { self.settings.k_local } else { 0.0 };
        self.nodes_for(self.demand / self.settings.scaling.target - local)
    }

    /// Nodes whose K together is at least `needed`.
    fn nodes_for(&self, needed: f64) -> u32 {
        let Supply { nodes, capacity } = self.supply;
        if above(needed, capacity) {
            nodes.saturating_add(whole((needed - capacity) / self.settings.capacity))
        } else {
            whole(needed / (capacity / f64::from(nodes)))
        }
    }

    /// Nodes that keep the CPU at its target. None where so little is used that the local copy may
    /// take over: the same share below the target at which it does so by requests.
    fn by_cpu(&self) -> u32 {
        let scaling = &self.settings.scaling;
        let Some(target) = scaling.cpu_target else { return 0 };
        if below(self.cpu, last_cpu_limit(self.settings, target)) { 0 } else { whole(self.cpu / target) }
    }
}

impl Supply {
    pub(super) fn add(&mut self, k: f64) {
        self.nodes = self.nodes.saturating_add(1);
        self.capacity += k;
    }

    /// Without one node of that K.
    pub(super) fn without(self, k: f64) -> Self {
        Self { nodes: self.nodes.saturating_sub(1), capacity: (self.capacity - k).max(0.0) }
    }
}

impl CpuSum {
    /// The larger of two means: the way down looks at both.
    pub(super) fn larger(self) -> f64 {
        self.known.max(self.pessimistic)
    }
}

/// Below this sum of CPU shares the last node is not needed for its CPU.
pub(super) fn last_cpu_limit(settings: &Settings, cpu_target: f64) -> f64 {
    cpu_target * settings.scaling.low / settings.scaling.target
}

/// Rounded up, but not for a rounding error: 4.8 / 4.8 is one node. `as` saturates, and what is not
/// a number becomes 0.
fn whole(nodes: f64) -> u32 {
    (nodes - 1e-9).ceil() as u32
}

#[cfg(test)]
mod tests {
    use cluster::config::{Local, Scaling};

    use super::{Supply, Want};
    use crate::decider::{Learned, Settings};

    fn settings(local: Local) -> Settings {
        Settings {
            scaling: Scaling::default(),
            local,
            k_local: 8.0,
            learned: Learned::Nothing,
            capacity: 8.0,
            min: 0,
            max: 8,
            pool: 8,
            standby: 0,
        }
    }

    fn want(settings: &Settings, demand: f64, ks: &[f64]) -> u32 {
        let mut supply = Supply::default();
        ks.iter().for_each(|k| supply.add(*k));
        let has_children = !ks.is_empty();
        Want { settings, demand, supply, has_children, local_ready: true, cpu: 0.0 }.nodes()
    }

    #[test]
    fn without_a_child_none_is_wanted_up_to_high() {
        let settings = settings(Local::Auto);
        assert_eq!(want(&settings, 0.0, &[]), 0);
        assert_eq!(want(&settings, 6.0, &[]), 0);
        assert_eq!(want(&settings, 6.1, &[]), 2);
    }

    #[test]
    fn with_a_child_none_is_wanted_below_low_and_else_at_least_one() {
        let settings = settings(Local::Auto);
        assert_eq!(want(&settings, 2.7, &[8.0]), 0);
        assert_eq!(want(&settings, 2.8, &[8.0]), 1);
        assert_eq!(want(&settings, 4.8, &[8.0, 8.0]), 1);
        assert_eq!(want(&settings, 4.81, &[8.0, 8.0]), 2);
        assert_eq!(want(&settings, 24.0, &[8.0]), 5);
    }

    #[test]
    fn a_local_copy_that_always_serves_takes_its_part_of_the_demand() {
        let settings = settings(Local::Always);
        assert_eq!(want(&settings, 4.8, &[]), 0);
        assert_eq!(want(&settings, 4.81, &[]), 1);
        assert_eq!(want(&settings, 9.6, &[8.0]), 1);
        assert_eq!(want(&settings, 9.61, &[8.0]), 2);
    }

    #[test]
    fn at_least_one_is_wanted_while_the_local_copy_is_not_ready() {
        for local in [Local::Auto, Local::Always] {
            let settings = settings(local);
            let supply = Supply::default();
            let want = Want {
                settings: &settings,
                demand: 0.0,
                supply,
                has_children: false,
                local_ready: false,
                cpu: 0.0,
            };
            assert_eq!(want.nodes(), 1);
        }
    }

    #[test]
    fn slow_nodes_are_worth_less_and_fast_ones_more() {
        let settings = settings(Local::Auto);
        // 19.2 / 0.6 = 32: of two slow nodes there are 8, three more of 8 make it up.
        assert_eq!(want(&settings, 19.2, &[4.0, 4.0]), 5);
        // Two fast ones have just that.
        assert_eq!(want(&settings, 19.2, &[16.0, 16.0]), 2);
        assert_eq!(want(&settings, 9.6, &[16.0, 16.0]), 1);
    }

    #[test]
    fn cpu_wants_nodes_of_its_own() {
        let mut settings = settings(Local::Auto);
        settings.scaling.cpu_target = Some(0.6);
        let supply = Supply { nodes: 1, capacity: 8.0 };
        let want = |cpu, demand| {
            Want { settings: &settings, demand, supply, has_children: true, local_ready: true, cpu }.nodes()
        };
        assert_eq!(want(0.9, 3.0), 2);
        assert_eq!(want(0.36, 1.0), 1);
        // Below 0.35 / 0.60 of its target the last node may go.
        assert_eq!(want(0.34, 1.0), 0);
    }
}
