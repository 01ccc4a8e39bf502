//! The way down: what keeps a Low load's nodes, how many go at a time, and which.

use std::time::Duration;

use cluster::config::Local;

use super::Memory;
use crate::decider::fleet::ReadyNode;
use crate::decider::projection;
use crate::decider::situation::Situation;
use crate::decider::{Action, Reason};

/// The drain of a Low load.
///
/// # Errors
/// Why nothing is drained.
pub(super) fn drain(situation: &Situation<'_>, memory: &Memory) -> Result<(Action, Reason), Reason> {
    let scaling = &situation.settings.scaling;
    if situation.figures.queued > 0 {
        return Err(Reason::LowQueued { queued: situation.figures.queued });
    }
    if situation.fleet.ordered > 0 {
        return Err(Reason::LowOnTheirWay { ordered: situation.fleet.ordered });
    }
    if let Some(since) = too_recent(situation, memory.last_up, scaling.down_after_up) {
        return Err(Reason::LowAfterUp { since, needed: scaling.down_after_up });
    }
    if let Some(since) = too_recent(situation, memory.last_drain, scaling.drain_period) {
        return Err(Reason::LowAfterDrain { since, needed: scaling.drain_period });
    }
    let ready = &situation.fleet.ready;
    let victims = projection::victims(ready.iter(), scaling.node_age_min, most(situation));
    if victims.is_empty() {
        let age = projection::oldest(ready);
        return Err(Reason::LowYoung { age, needed: scaling.node_age_min });
    }
    as_many_as_can_go(situation, &victims)
}

/// The drain down to a `max` that was lowered, however high the load: the operator said so. No more
/// at a time than when Low, so that what remains is not filled at one blow. One that is silent does
/// not count against `max` and is given up by itself; those that are out go first.
pub(super) fn to_max(situation: &Situation<'_>, memory: &Memory) -> (Action, Reason) {
    let Situation { settings, fleet, .. } = situation;
    let (ready, max, needed) = (situation.answering(), settings.max, settings.scaling.drain_period);
    if let Some(since) = too_recent(situation, memory.last_drain, needed) {
        return (Action::Hold, Reason::AboveMaxAfterDrain { ready, max, since, needed });
    }
    let most = at_once(situation).min(ready - max) as usize;
    let first = |is_out: bool, most| {
        let answering = fleet.answering(settings.scaling.node_data_timeout);
        projection::victims(answering.filter(|node| node.is_out == is_out), Duration::ZERO, most)
    };
    let mut victims = first(true, most);
    victims.extend(first(false, most - victims.len()));
    (Action::Drain { nodes: names(&victims) }, Reason::AboveMax { ready, max })
}

/// Takes victims while those that remain can carry the load.
fn as_many_as_can_go(situation: &Situation<'_>, victims: &[&ReadyNode]) -> Result<(Action, Reason), Reason> {
    let (mut left, mut share, mut count) = (situation.ready, 0.0, 0);
    for victim in victims {
        let without = left.without(victim.k());
        match projection::check(situation, without) {
            Ok(projected) => (left, share, count) = (without, projected, count + 1),
            Err(reason) if count == 0 => return Err(reason),
            Err(_) => break,
        }
    }
    Ok((Action::Drain { nodes: names(&victims[..count]) }, why(situation, left.nodes, share)))
}

fn why(situation: &Situation<'_>, left: u32, projected: f64) -> Reason {
    let settings = situation.settings;
    let scaling = &settings.scaling;
    let window = scaling.down_window;
    if left == 0 && settings.local == Local::Auto {
        let threshold = scaling.low * settings.k_local;
        return Reason::LastLow { demand: situation.demand(), threshold, window };
    }
    Reason::Low {
        want_max: situation.figures.want_max,
        ready: situation.ready.nodes,
        window,
        projected,
        limit: scaling.down_projection * scaling.high,
    }
}

/// At most this many: the share, never below what was wanted.
fn most(situation: &Situation<'_>) -> usize {
    let want = situation.figures.want_max.max(situation.want_down());
    at_once(situation).min(situation.ready.nodes.saturating_sub(want)) as usize
}

/// `drain_share` of the ready nodes, at least one.
fn at_once(situation: &Situation<'_>) -> u32 {
    let share = f64::from(situation.ready.nodes) * situation.settings.scaling.drain_share;
    // `as` saturates; the summand keeps a rounding error from costing a node.
    ((share + 1e-9).floor() as u32).max(1)
}

/// How long ago it was, where that is less than `needed`.
fn too_recent(situation: &Situation<'_>, at: Option<Duration>, needed: Duration) -> Option<Duration> {
    let since = situation.now.saturating_sub(at?);
    (since < needed).then_some(since)
}

fn names(nodes: &[&ReadyNode]) -> Vec<String> {
    nodes.iter().map(|node| node.node.clone()).collect()
}
