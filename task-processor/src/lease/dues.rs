//! Where each holder that this node has heard of stands against what it is due.

use cluster::share::{Claim, shares};

use super::Holder;

/// What a holder lacks that has a slot reclaimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shortage {
    /// It holds fewer nodes than its min.
    UnderMin,
    /// It has been under its share for long.
    Starved,
}

/// Every known holder with its share of the pool.
#[derive(Debug)]
pub(crate) struct Dues(Vec<Standing>);

/// One holder.
#[derive(Debug)]
pub(crate) struct Standing {
    pub(crate) claim: Claim,
    pub(crate) share: u32,
}

impl Shortage {
    /// Why somebody else's lease is reclaimed, for a person.
    pub fn words(self) -> &'static str {
        match self {
            Self::UnderMin => "another service is below its min",
            Self::Starved => "another service is short of its share",
        }
    }
}

impl Dues {
    /// What these claims to a pool of `slots` come to.
    pub(crate) fn reckon(claims: Vec<Claim>, slots: u32) -> Self {
        let dues = shares(&claims, slots);
        let standing = |(claim, due): (Claim, cluster::share::Due)| Standing { claim, share: due.share };
        Self(claims.into_iter().zip(dues).map(standing).collect())
    }

    /// Where the holder stands, if it was heard of.
    pub(crate) fn of(&self, holder: &Holder) -> Option<&Standing> {
        self.0.iter().find(|standing| standing.is_of(holder))
    }
}

impl Standing {
    /// Whether it is that holder's.
    pub(crate) fn is_of(&self, holder: &Holder) -> bool {
        self.claim.service == holder.service && self.claim.front_end == holder.front_end
    }

    /// Whether it lacks that.
    pub(crate) fn is_short(&self, shortage: Shortage) -> bool {
        match shortage {
            Shortage::UnderMin => self.claim.held < self.claim.min.min(self.claim.want),
            Shortage::Starved => self.claim.held < self.share,
        }
    }

    /// Nodes that it has beyond its share.
    pub(crate) fn over(&self) -> i64 {
        i64::from(self.claim.held) - i64::from(self.share)
    }

    /// Nodes that it has beyond its min.
    pub(crate) fn above_min(&self) -> i64 {
        i64::from(self.claim.held) - i64::from(self.claim.min)
    }
}
