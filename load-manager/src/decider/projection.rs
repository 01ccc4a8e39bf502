//! Which nodes would go, and what their load would make of those that remain. The rule before each
//! scale-down that keeps it from being undone by the next scale-up.

use std::time::Duration;

use cluster::config::Local;

use super::Reason;
use super::fleet::ReadyNode;
use super::level::below;
use super::situation::Situation;
use super::want::{Supply, last_cpu_limit};

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
