//! Nodes that stand by: started, ready, and sent no request, so that a surge finds them. What the policies
//! do with them is theirs (`Situation::activated`); here is how many there are kept, under either policy.
//!
//! They are no capacity and count against `max`; where that many are wanted to serve, none stands by.

use std::time::Duration;

use super::fleet::ReadyNode;
use super::projection;
use super::situation::Situation;
use super::{Action, Reason};

/// What standing by makes of a policy's outcome. `allowed`: nodes that may be ordered now.
pub(super) fn beside(situation: &Situation<'_>, own: (Action, Reason), allowed: u32) -> (Action, Reason) {
    let over = over(situation);
    match own {
        (Action::Hold | Action::Drain { .. }, _) if over > 0 => drain(situation, over),
        (Action::Drain { nodes }, reason) if is_low(&reason) => rest_or_drain(situation, nodes, reason),
        (Action::Hold, reason) => refill(situation, allowed).unwrap_or((Action::Hold, reason)),
        (Action::Add { .. } | Action::Drain { .. } | Action::Rest { .. }, _) => own,
    }
}

/// Those of them that could serve at once, in the order in which they do.
pub(super) fn usable<'a>(situation: &'a Situation<'_>) -> impl Iterator<Item = &'a ReadyNode> {
    let silence = situation.settings.scaling.node_data_timeout;
    situation.fleet.standby.iter().filter(move |node| node.serves(silence))
}

/// The first to go: those that could not serve, then the youngest.
pub(super) fn victims<'a>(situation: &'a Situation<'_>, most: usize) -> Vec<&'a ReadyNode> {
    let silence = situation.settings.scaling.node_data_timeout;
    let mut nodes = Vec::new();
    for serves in [false, true] {
        let those = situation.fleet.standby.iter().filter(|node| node.serves(silence) == serves);
        nodes.extend(projection::victims(those, Duration::ZERO, most - nodes.len()));
    }
    nodes
}

/// How many more stand by than are to, or than `max` has room for. They serve nothing, so nothing is damped.
fn over(situation: &Situation<'_>) -> u32 {
    let (standby, settings) = (situation.fleet.standby_count(), situation.settings);
    let over_max = situation.counted().saturating_add(standby).saturating_sub(settings.max);
    standby.saturating_sub(settings.standby).max(over_max).min(standby)
}

fn drain(situation: &Situation<'_>, over: u32) -> (Action, Reason) {
    let nodes = victims(situation, over as usize).iter().map(|node| node.node.clone()).collect();
    let standby = situation.fleet.standby_count();
    (Action::Drain { nodes }, Reason::OverStandby { standby, kept: standby - over })
}

/// Where too few stand by, a node that would be drained does so instead; what is beyond goes in a later
/// period. One that could not serve is drained.
fn rest_or_drain(situation: &Situation<'_>, drained: Vec<String>, reason: Reason) -> (Action, Reason) {
    let silence = situation.settings.scaling.node_data_timeout;
    let serves =
        |name: &String| situation.fleet.ready.iter().any(|node| node.node == *name && node.serves(silence));
    let short = situation.standby_short() as usize;
    let nodes: Vec<_> = drained.iter().filter(|name| serves(name)).take(short).cloned().collect();
    if nodes.is_empty() {
        (Action::Drain { nodes: drained }, reason)
    } else {
        (Action::Rest { nodes }, reason)
    }
}

/// Orders what is missing, unless more serve than are wanted: one of those will rest.
fn refill(situation: &Situation<'_>, allowed: u32) -> Option<(Action, Reason)> {
    let (short, want) = (situation.standby_short(), situation.figures.want);
    let missing = short.min(situation.lacking(want));
    let count = missing.min(situation.room()).min(allowed).min(situation.fleet.available);
    let (standby, kept) = (situation.standby(), situation.settings.standby);
    (count > 0).then_some((
        Action::Add { activate: Vec::new(), undrain: Vec::new(), count },
        Reason::BelowStandby { standby, kept },
    ))
}

/// Whether a drain is for a load that fewer nodes carry.
fn is_low(reason: &Reason) -> bool {
    matches!(reason, Reason::Low { .. } | Reason::LastLow { .. } | Reason::AllLow { .. })
}
