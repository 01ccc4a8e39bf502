//! The way up: what calls for more nodes, how many, and what keeps them from being ordered.

use super::Memory;
use crate::decider::history::Orders;
use crate::decider::level::{Judgement, below};
use crate::decider::situation::Situation;
use crate::decider::{Action, Reason};

/// More nodes are needed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Need {
    reason: Reason,
    /// How many more are to serve at once, if as many stand by.
    at_once: u32,
    /// How many more than serve, stand by or are on their way to it.
    nodes: u32,
    /// Whether they are to be held whatever the load.
    is_floor: bool,
}

/// What calls for more nodes now, if anything does. Load comes first; what is to be held whatever
/// the load needs no High.
pub(super) fn need(situation: &Situation<'_>, memory: &Memory, judgement: &Judgement) -> Option<Need> {
    let want = situation.figures.want;
    let floor = situation.floor();
    let by_load = surge(situation)
        .or_else(|| high_for_long(situation, memory, judgement))
        .or_else(|| (memory.lost > 0).then_some(Reason::Lost { lost: memory.lost, want }));
    // What is held whatever the load may be out; what the load wants has to serve.
    let to_floor = floor.saturating_sub(situation.answering());
    let at_once = want.saturating_sub(situation.serving.nodes);
    let needs = [
        by_load.filter(|_| at_once > 0).map(|reason| Need {
            reason,
            at_once,
            nodes: situation.lacking(want),
            is_floor: false,
        }),
        Some(Need {
            reason: why_below_floor(situation),
            at_once: to_floor,
            nodes: to_floor.saturating_sub(situation.fleet.ordered),
            is_floor: true,
        }),
    ];
    let within = |need: Need| Need { nodes: need.nodes.min(situation.room()), ..need };
    let can_be_met = |need: &Need| need.nodes > 0 || !situation.activated(need.at_once).is_empty();
    needs.into_iter().flatten().map(within).find(can_be_met)
}

/// Sends requests to what stands by, takes back drains, then orders. What is needed is within `max` and the pool.
pub(super) fn order(situation: &Situation<'_>, orders: &Orders, need: Need) -> (Action, Reason) {
    let Situation { settings, fleet, .. } = situation;
    let held = fleet.held();
    let activate = situation.activated(need.at_once);
    let undrain = fleet.undrainable(need.nodes);
    let taken_back = u32::try_from(undrain.len()).unwrap_or(u32::MAX);
    let scaling = &settings.scaling;
    let allowed = orders.allowed(held, scaling.add_max, scaling.add_factor);
    let count = need.nodes.saturating_sub(taken_back).min(allowed).min(fleet.available);
    if !activate.is_empty() || taken_back > 0 || count > 0 {
        return (Action::Add { activate, undrain, count }, need.reason);
    }
    let hindrance = if need.is_floor {
        Reason::FloorHeldBack { held: fleet.to_serve(), floor: situation.floor() }
    } else if fleet.available == 0 {
        situation.nothing_left()
    } else {
        Reason::AddLimit { ordered: orders.count(), period: scaling.add_period }
    };
    (Action::Hold, hindrance)
}

/// Why nothing is ordered although it is High.
pub(super) fn held_back(situation: &Situation<'_>, ticks: u32) -> Reason {
    let figures = &situation.figures;
    let needed = situation.settings.scaling.high_ticks;
    let (more, has_room) = (situation.lacking(situation.want_by_load), situation.room() > 0);
    let is_lacking = has_room && situation.lacking(figures.want) > 0;
    if (is_lacking || situation.can_activate()) && ticks < needed {
        Reason::HighTooShort { ticks, needed }
    } else if more > 0 && !has_room {
        situation.no_room(more)
    } else if figures.ordered > 0 {
        Reason::HighOnTheirWay { ordered: figures.ordered }
    } else {
        Reason::HighAsWanted { ready: figures.ready, want: figures.want }
    }
}

/// Why less than the floor is held: more would be more than the service is due.
pub(super) fn floor_over_share(situation: &Situation<'_>) -> Option<Reason> {
    if situation.floor() > situation.counted() { situation.at_share() } else { None }
}

fn surge(situation: &Situation<'_>) -> Option<Reason> {
    let figures = &situation.figures;
    let want = figures.want;
    if figures.queued > 0 {
        return Some(Reason::Queued { queued: figures.queued, want });
    }
    let scaling = &situation.settings.scaling;
    let threshold = scaling.surge * scaling.high * figures.capacity;
    let demand = figures.demand_fast;
    let is_surge = demand > 0.0 && !below(demand, threshold);
    if is_surge && figures.capacity <= 0.0 {
        return Some(Reason::NothingServes { ready: figures.ready, want });
    }
    is_surge.then_some(Reason::Surge { demand, threshold, want })
}

fn high_for_long(situation: &Situation<'_>, memory: &Memory, judgement: &Judgement) -> Option<Reason> {
    let Judgement::High(reason) = judgement else { return None };
    let lasted = memory.high.count;
    if lasted < situation.settings.scaling.high_ticks {
        return None;
    }
    let mut reason = reason.clone();
    if let Reason::High { ticks, .. } | Reason::CpuHigh { ticks, .. } = &mut reason {
        *ticks = lasted;
    }
    Some(reason)
}

fn why_below_floor(situation: &Situation<'_>) -> Reason {
    // What stands by is held, and does not serve.
    let (held, min, floor) = (situation.fleet.to_serve(), situation.settings.min, situation.fleet.floor);
    if floor > min { Reason::BelowFloor { held, floor } } else { Reason::BelowMin { held, min } }
}
