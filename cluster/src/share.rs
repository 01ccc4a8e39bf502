//! What each service that borrows from a shared pool is due: weighted max-min fairness in whole nodes.
//!
//! Pure, and the same for whoever computes it from the same claims: every load-manager, every node and
//! the simulation. Where the claims come from and how old they may be is for these to say.

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeSet, BinaryHeap};

/// What the load-manager of one service says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// The service, by its name in `cluster.toml`. With `front_end` it tells one claim from another.
    pub service: String,
    /// The front end, as it names itself.
    pub front_end: String,
    /// Nodes it holds, those that it drains left out.
    pub held: u32,
    /// Nodes it wants, `min` at least and `max` at most.
    pub want: u32,
    /// Nodes kept for it.
    pub min: u32,
    /// Nodes it may hold at most.
    pub max: u32,
    /// Against the other services. What is not a number above 0 counts as 1.
    pub weight: f64,
    /// Beyond everybody's `min` a higher one is served first.
    pub priority: u32,
    /// Slots of the pool as it sees it: of the nodes that are up and not drained; 0: it does not say. The
    /// shares are reckoned with what the reckoner sees.
    pub slots: u32,
}

/// What a claim comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The claim's service.
    pub service: String,
    /// The claim's front end.
    pub front_end: String,
    /// Nodes that it is due.
    pub share: u32,
}

/// What each claim to a pool of `slots` is due, in the order of the claims, which does not matter otherwise.
///
/// First everybody gets its `min`, as far as it wants that. The rest goes to the highest priority, then
/// to the next one, up to what each wants and may hold. Where the slots do not suffice, for the mins or
/// within one priority, each next slot goes to the claim with the fewest per weight; of several, to the
/// one that holds more, so that a tie moves no node, then to the first by name.
pub fn shares(claims: &[Claim], slots: u32) -> Vec<Due> {
    let mut pouring = Pouring { claims, shares: vec![0; claims.len()], left: slots };
    pouring.pour(|_| true, Claim::kept);
    // Highest first.
    let priorities: BTreeSet<Reverse<u32>> = claims.iter().map(|claim| Reverse(claim.priority)).collect();
    for Reverse(priority) in priorities {
        pouring.pour(|claim| claim.priority == priority, Claim::most);
    }
    let due = |(claim, share): (&Claim, u32)| Due {
        service: claim.service.clone(),
        front_end: claim.front_end.clone(),
        share,
    };
    claims.iter().zip(pouring.shares).map(due).collect()
}

/// Slots on their way from the pool to the claims.
struct Pouring<'a> {
    claims: &'a [Claim],
    shares: Vec<u32>,
    left: u32,
}

/// The next slot of one claim in a round: the greatest goes first.
struct Turn<'a> {
    claim: &'a Claim,
    index: usize,
    /// How many the round will have given it with this one.
    count: u32,
}

impl Pouring<'_> {
    /// One round: gives the claims that take part what is left, each up to `most`, level with one another.
    fn pour(&mut self, takes_part: impl Fn(&Claim) -> bool, most: fn(&Claim) -> u32) {
        let taking = self.claims.iter().enumerate().filter(|(_, claim)| takes_part(claim));
        let first = taking.filter(|(index, claim)| self.shares[*index] < most(claim));
        let mut turns: BinaryHeap<Turn<'_>> =
            first.map(|(index, claim)| Turn { claim, index, count: 1 }).collect();
        while self.left > 0
            && let Some(Turn { claim, index, count }) = turns.pop()
        {
            self.left -= 1;
            self.shares[index] += 1;
            if self.shares[index] < most(claim) {
                turns.push(Turn { claim, index, count: count + 1 });
            }
        }
    }
}

impl Claim {
    /// What it gets before anybody gets more.
    fn kept(&self) -> u32 {
        self.min.min(self.want)
    }

    /// What it gets at most.
    fn most(&self) -> u32 {
        self.want.min(self.max).max(self.kept())
    }

    /// How high so many nodes stand against its weight.
    fn level(&self, nodes: u32) -> f64 {
        let is_sound = self.weight.is_finite() && self.weight > 0.0;
        f64::from(nodes) / if is_sound { self.weight } else { 1.0 }
    }
}

impl Ord for Turn<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let lower = other.claim.level(other.count).total_cmp(&self.claim.level(self.count));
        let name = |turn: &Self| (&turn.claim.service, &turn.claim.front_end);
        lower.then(self.claim.held.cmp(&other.claim.held)).then_with(|| name(other).cmp(&name(self)))
    }
}

impl PartialOrd for Turn<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Turn<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Turn<'_> {}
