//! What a service is due of the pool while another one is short: no more is ordered than that, and what is
//! held beyond it is given back. It stands above either policy, as the operator's `max` does.
//!
//! Who is short, what each is due and how many may go in a period is the holder's to know; here is only
//! what follows from it.

use std::time::Duration;

use super::projection;
use super::situation::Situation;
use super::{Action, Reason, standby};

/// A service's share of the pool, in force while another service is short of nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Share {
    /// Nodes that the service is due. `min` is its own even where this is less.
    pub nodes: u32,
    /// How many nodes may be given back now: what is left of the period's limit.
    pub give_back_max: u32,
    /// Whether a give-back is only said and not done.
    pub observe_only: bool,
}

/// What the share makes of a policy's outcome. A give-back comes first: somebody waits for it. Where none
/// may go now, what the policy would drain by itself still goes.
pub(super) fn above(situation: &Situation<'_>, own: (Action, Reason)) -> (Action, Reason) {
    match give_back(situation) {
        Some((Action::Hold, _)) if own.0 != Action::Hold => own,
        Some(outcome) => outcome,
        None => own,
    }
}

/// The drain down to the share, without the damping of the way down. A node on its way cannot be called
/// off: it goes when it is ready.
fn give_back(situation: &Situation<'_>) -> Option<(Action, Reason)> {
    let (share, due) = (situation.fleet.share?, situation.due()?);
    let held = situation.fleet.held();
    let over = held.checked_sub(due).filter(|over| *over > 0)?;
    let serving_may_go = situation.ready.nodes.saturating_sub(kept_ready(situation, due));
    let may_go = over.min(serving_may_go.saturating_add(situation.fleet.standby_count()));
    let outcome = if share.observe_only {
        (Action::Hold, Reason::WouldGiveBack { held, share: due })
    } else if may_go.min(share.give_back_max) == 0 {
        (Action::Hold, Reason::OverShareHeld { held, share: due })
    } else {
        let nodes = first_to_go(situation, may_go.min(share.give_back_max), serving_may_go);
        (Action::Drain { nodes }, Reason::OverShare { held, share: due })
    };
    Some(outcome)
}

/// Ready nodes that stay whatever is on its way: `min`, and the last one where any is due.
fn kept_ready(situation: &Situation<'_>, due: u32) -> u32 {
    situation.settings.min.max(due.min(1))
}

/// Those that can serve nothing, then those that stand by, then as for any other drain.
fn first_to_go(situation: &Situation<'_>, most: u32, serving_may_go: u32) -> Vec<String> {
    let silence = situation.settings.scaling.node_data_timeout;
    let (most, may_go) = (most as usize, serving_may_go as usize);
    let ready = |serves: bool, most: usize| {
        let those = situation.fleet.ready.iter().filter(move |node| node.serves(silence) == serves);
        projection::victims(those, Duration::ZERO, most)
    };
    let mut nodes = ready(false, most.min(may_go));
    let may_go = may_go - nodes.len();
    nodes.extend(standby::victims(situation, most - nodes.len()));
    nodes.extend(ready(true, may_go.min(most - nodes.len())));
    nodes.into_iter().map(|node| node.node.clone()).collect()
}
