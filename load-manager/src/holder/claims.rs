//! What the services that share the pool say of themselves, as the nodes pass it on: of each the word
//! heard last, for as long as a node would remember it.

use std::collections::BTreeMap;
use std::time::Duration;

use cluster::share::{Claim, shares};

/// Claims that are remembered; a node passes on no more.
const CLAIMS_MAX: usize = 256;

/// What this service is due, and whether it keeps somebody else from that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    /// Nodes it is due.
    pub(super) share: u32,
    /// Whether another holds less than it is due.
    pub(super) is_another_short: bool,
}

/// The claims of the others.
#[derive(Debug, Clone, Default)]
pub(super) struct Claims {
    heard: BTreeMap<(String, String), Heard>,
}

#[derive(Debug, Clone)]
struct Heard {
    claim: Claim,
    at: Duration,
}

impl Claims {
    /// Takes what a node heard at that moment; of several nodes' words the youngest counts.
    pub(super) fn hear(&mut self, claim: Claim, at: Duration) {
        let key = (claim.service.clone(), claim.front_end.clone());
        let is_full = self.heard.len() >= CLAIMS_MAX;
        match self.heard.get_mut(&key) {
            Some(known) if at < known.at => {}
            Some(known) => *known = Heard { claim, at },
            None if is_full => {}
            None => {
                self.heard.insert(key, Heard { claim, at });
            }
        }
    }

    /// Whoever has not been heard of since then is gone.
    pub(super) fn forget_before(&mut self, moment: Duration) {
        self.heard.retain(|_, heard| heard.at >= moment);
    }

    /// How `own` stands in a pool of so many slots; `None` while nobody else has a claim to it.
    pub(super) fn standing(&self, own: &Claim, slots: u32) -> Option<Standing> {
        if self.heard.is_empty() {
            return None;
        }
        let others = self.heard.values().map(|heard| heard.claim.clone());
        let all: Vec<Claim> = std::iter::once(own.clone()).chain(others).collect();
        let dues = shares(&all, slots);
        let mut others = all.iter().zip(&dues).skip(1);
        let is_another_short = others.any(|(claim, due)| claim.held < due.share);
        dues.first().map(|due| Standing { share: due.share, is_another_short })
    }
}
