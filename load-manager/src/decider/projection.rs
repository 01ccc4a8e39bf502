//! Which nodes would go, and what their load would make of those that remain. The rule before each
//! scale-down that keeps it from being undone by the next scale-up.

use std::fmt;
use std::time::Duration;

use cluster::config::Local;

use super::Reason;
use super::fleet::ReadyNode;
use super::level::below;
use super::situation::Situation;
use super::want::{Supply, last_cpu_limit};

/// Why a node cannot be away for a while.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Away {
    /// Nobody else serves.
    Nobody,
    /// The others would be so full.
    Full {
        /// Share of their capacity.
        projected: f64,
        /// What it has to stay below.
        limit: f64,
    },
    /// The service uses the CPU of so many nodes.
    Cpu {
        /// CPUs in use.
        used: f64,
        /// What the others may carry.
        limit: f64,
    },
}

/// Up to `most` nodes of at least that age, the first to go first: the fewest long-lived requests, then the
/// fewest in flight, then the youngest.
pub(super) fn victims<'a>(
    ready: impl Iterator<Item = &'a ReadyNode>,
    age_min: Duration,
    most: usize,
) -> Vec<&'a ReadyNode> {
    let order = |node: &&ReadyNode| (node.long_lived, node.in_flight, node.age);
    let old_enough = ready.filter(|node| node.age >= age_min);
    if most == 1 {
        return old_enough.min_by_key(order).into_iter().collect();
    }
    let mut nodes: Vec<_> = old_enough.collect();
    nodes.sort_by_key(order);
    nodes.truncate(most);
    nodes
}

/// The age of the oldest node.
pub(super) fn oldest(ready: &[ReadyNode]) -> Duration {
    ready.iter().map(|node| node.age).max().unwrap_or_default()
}

/// Whether `left` can carry the load, and the share of its capacity that would be used.
///
/// # Errors
/// Why it cannot.
pub(super) fn check(situation: &Situation<'_>, left: Supply) -> Result<f64, Reason> {
    let settings = situation.settings;
    let scaling = &settings.scaling;
    let demand = situation.demand_down;
    check_cpu(situation, left)?;
    if left.nodes == 0 && settings.local == Local::Auto {
        let threshold = scaling.low * settings.k_local;
        return match (situation.local_ready, below(demand, threshold)) {
            (false, _) => Err(Reason::LowLocalNotReady),
            (true, false) => Err(Reason::LastBusy { demand, threshold }),
            (true, true) => Ok(demand / settings.k_local),
        };
    }
    let capacity = left.capacity + situation.local_beside_children();
    let limit = scaling.down_projection * scaling.high;
    let projected = if demand > 0.0 { demand / capacity } else { 0.0 };
    if below(projected, limit) { Ok(projected) } else { Err(Reason::Projection { projected, limit }) }
}

/// Whether those that are left carry the load while one node is away. It comes back, so that the last one may go
/// at a higher load than a drain asks for, which is not to be undone by the next scale-up.
///
/// # Errors
/// Why they do not.
pub(super) fn while_away(situation: &Situation<'_>, node: &str) -> Result<(), Away> {
    let Some(node) = situation.fleet.ready.iter().find(|ready| ready.node == node) else { return Ok(()) };
    let left = situation.ready.without(node.k());
    let scaling = &situation.settings.scaling;
    if let Err(Reason::CpuProjection { used, limit, .. }) = check_cpu(situation, left) {
        return Err(Away::Cpu { used, limit });
    }
    let capacity = match (left.nodes, situation.local_ready) {
        (0, false) => return Err(Away::Nobody),
        (0, true) => situation.settings.k_local,
        (_, _) => left.capacity + situation.local_beside_children(),
    };
    let demand = situation.demand_down;
    let projected = if demand > 0.0 { demand / capacity } else { 0.0 };
    let limit = scaling.down_projection * scaling.high;
    if below(projected, limit) { Ok(()) } else { Err(Away::Full { projected, limit }) }
}

impl fmt::Display for Away {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Nobody => f.write_str("nobody would serve"),
            Self::Full { projected, limit } => {
                write!(f, "the rest would be at {projected:.2} of its capacity (not below {limit:.2})")
            }
            Self::Cpu { used, limit } => {
                write!(f, "the rest would have the CPU of {used:.2} nodes to carry (not below {limit:.2})")
            }
        }
    }
}

fn check_cpu(situation: &Situation<'_>, left: Supply) -> Result<(), Reason> {
    let scaling = &situation.settings.scaling;
    let Some(target) = scaling.cpu_target else { return Ok(()) };
    let used = situation.cpu.larger();
    let limit = match left.nodes {
        0 => last_cpu_limit(situation.settings, target),
        nodes => scaling.down_projection * target * f64::from(nodes),
    };
    if below(used, limit) { Ok(()) } else { Err(Reason::CpuProjection { used, limit, left: left.nodes }) }
}
