//! The paper's rule to the letter (its sections 3.2 and 3.3): all children High, add one; all Low, drain
//! the last; else nothing. The first node is added when the local copy is High.
//!
//! Around it stands only what keeps a service alive: a lost child is replaced, `min` and `max` are
//! kept, nothing is drained soon after a restart, and the local copy must be ready before the last
//! child goes. A child that does not answer or is out is not judged, and keeps every other one.

use cluster::config::Local;
use cluster::level::Level;

use super::adaptive::Outcome;
use super::level::of_copy;
use super::situation::Situation;
use super::{Action, Reason};

/// How many of the children are at which level.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Levels {
    children: u32,
    low: u32,
    high: u32,
}

/// The decision of one tick. `lost`: children that left or fell silent and are not replaced yet.
pub(super) fn decide(situation: &Situation<'_>, lost: u32) -> Outcome {
    let judged = judge(situation);
    let level = judged.as_ref().map_or(Level::Medium, |levels| levels.level());
    let before = replace(situation, lost).or_else(|| bounds(situation));
    let (action, reason) = before.unwrap_or_else(|| match judged {
        Ok(levels) => follow(situation, levels),
        Err(reason) => (Action::Hold, reason),
    });
    (action, level, reason)
}

/// Lost children were held, so they were wanted: their replacement is no change of the paper's rule.
fn replace(situation: &Situation<'_>, lost: u32) -> Option<(Action, Reason)> {
    let want = situation.counted().saturating_add(lost);
    let replaced = add(situation, lost, Reason::Lost { lost, want });
    (replaced.0 != Action::Hold).then_some(replaced)
}

/// What comes before the paper's rule: one change at a time, `max`, then `min`.
fn bounds(situation: &Situation<'_>) -> Option<(Action, Reason)> {
    if situation.fleet.ordered > 0 {
        return Some((Action::Hold, changing(situation)));
    }
    let (ready, max) = (situation.answering(), situation.settings.max);
    if ready > max {
        return Some(match own_drains(situation) {
            0 => drain_last(situation, Reason::AboveMax { ready, max }),
            _ => (Action::Hold, changing(situation)),
        });
    }
    let floor = situation.floor();
    if ready < floor {
        let min = situation.settings.min;
        return Some(match add(situation, 1, Reason::BelowMin { held: ready, min }) {
            (Action::Hold, reason @ Reason::AtShare { .. }) => (Action::Hold, reason),
            (Action::Hold, _) => (Action::Hold, Reason::FloorHeldBack { held: ready, floor }),
            (add, _) if floor > min => (add, Reason::BelowFloor { held: ready, floor }),
            add => add,
        });
    }
    None
}

/// The paper's rule. With no child the local copy stands for all of them.
fn follow(situation: &Situation<'_>, levels: Levels) -> (Action, Reason) {
    let ready = situation.serving.nodes;
    let Levels { children, low, high } = levels;
    let hold = |reason| (Action::Hold, reason);
    match levels.level() {
        Level::High if ready == 0 => add(situation, 1, local_high(situation)),
        Level::High => add(situation, 1, Reason::AllHigh { children }),
        Level::Low | Level::Medium if own_drains(situation) > 0 => hold(changing(situation)),
        Level::Low | Level::Medium if ready == 0 => hold(local_alone(situation)),
        Level::Medium => hold(Reason::Mixed { low, high, children }),
        Level::Low => match keeps_the_last(situation) {
            Some(reason) => hold(reason),
            None => drain_last(situation, Reason::AllLow { children }),
        },
    }
}

/// Why the last child stays although all are Low.
fn keeps_the_last(situation: &Situation<'_>) -> Option<Reason> {
    let ready = situation.serving.nodes;
    if situation.ready.nodes > ready {
        Some(situation.taken_as_full())
    } else if ready <= situation.floor() {
        Some(situation.kept_by_floor())
    } else if ready == 1 && !situation.local_ready {
        Some(Reason::LowLocalNotReady)
    } else if !situation.missing.is_zero() {
        Some(Reason::LowWindow { missing: situation.missing })
    } else {
        None
    }
}

/// The levels of all that serve; the local copy is one of them when it serves alone or always.
fn judge(situation: &Situation<'_>) -> Result<Levels, Reason> {
    let Situation { settings, fleet, load, .. } = situation;
    let (low, high) = (settings.scaling.low, settings.scaling.high);
    let mut levels = Levels::default();
    for node in fleet.serving(settings.scaling.node_data_timeout) {
        let Some(in_flight) = load.child(&node.node) else {
            return Err(Reason::ChildUnknown { node: node.node.clone() });
        };
        levels.count(of_copy(in_flight, node.k(), low, high));
    }
    let is_alone = situation.serving.nodes == 0;
    if is_alone || settings.local == Local::Always {
        if !load.is_fast_full() {
            return Err(Reason::ChildUnknown { node: "the local copy".to_owned() });
        }
        let local = load.fast();
        if local.local_ready > 0.0 {
            levels.count(of_copy(local.local_in_flight, settings.k_local, low, high));
        } else if is_alone {
            // Not ready for a whole window: it takes nothing more, which is what High means.
            levels.count(Level::High);
        }
    }
    Ok(levels)
}

fn local_high(situation: &Situation<'_>) -> Reason {
    let local = situation.load.fast();
    if local.local_ready > 0.0 {
        let threshold = situation.settings.scaling.high * situation.settings.k_local;
        Reason::LocalHigh { in_flight: local.local_in_flight, threshold }
    } else {
        Reason::NothingServes { ready: situation.fleet.ready_count(), want: 1 }
    }
}

fn local_alone(situation: &Situation<'_>) -> Reason {
    let threshold = situation.settings.scaling.high * situation.settings.k_local;
    Reason::LocalAlone { demand: situation.load.fast().local_in_flight, threshold }
}

/// What stands by serves first, and as many come in its place; drains of its own are taken back before
/// anything is ordered: those nodes are ready already.
fn add(situation: &Situation<'_>, nodes: u32, reason: Reason) -> (Action, Reason) {
    let fleet = situation.fleet;
    let activate = situation.activated(nodes);
    if situation.room() == 0 && activate.is_empty() {
        return (Action::Hold, situation.no_room(nodes));
    }
    let nodes = nodes.min(situation.room());
    let undrain = fleet.undrainable(nodes);
    let taken_back = u32::try_from(undrain.len()).unwrap_or(u32::MAX);
    let count = nodes.saturating_sub(taken_back).min(fleet.available);
    if activate.is_empty() && taken_back + count == 0 {
        return (Action::Hold, situation.nothing_left());
    }
    (Action::Add { activate, undrain, count }, reason)
}

fn drain_last(situation: &Situation<'_>, reason: Reason) -> (Action, Reason) {
    let last = situation.fleet.answering(situation.settings.scaling.node_data_timeout).last();
    let nodes = last.map(|node| node.node.clone()).into_iter().collect();
    (Action::Drain { nodes }, reason)
}

/// Drains that are this rule's own and not over. One that cannot be taken back is an operator's or a
/// node's word, or as good as done, and may take minutes: it holds nothing up.
fn own_drains(situation: &Situation<'_>) -> u32 {
    let own = situation.fleet.draining.iter().filter(|node| node.undrainable);
    u32::try_from(own.count()).unwrap_or(u32::MAX)
}

fn changing(situation: &Situation<'_>) -> Reason {
    Reason::Changing { ordered: situation.fleet.ordered, draining: own_drains(situation) }
}

impl Levels {
    fn count(&mut self, level: Level) {
        self.children += 1;
        match level {
            Level::Low => self.low += 1,
            Level::Medium => {}
            Level::High => self.high += 1,
        }
    }

    /// The level that all have, else Medium.
    const fn level(self) -> Level {
        if self.high == self.children {
            Level::High
        } else if self.low == self.children {
            Level::Low
        } else {
            Level::Medium
        }
    }
}
