//! Free slots that are not for everybody: those that were reclaimed wait for the holder that they were
//! reclaimed for, and the last ones for who is short.

use std::time::Duration;

use super::Book;
use crate::lease::{Claimant, Effect, Holder, Shortage};

/// Why a slot is no longer kept for somebody who could still use it.
const NOT_ASKED_FOR: &str = "it was not asked for within one time to live";

/// A reclaimed slot that is free.
#[derive(Debug)]
pub(super) struct Kept {
    claimant: Claimant,
    /// Until when; `None`: it has become free since the last tick.
    until: Option<Duration>,
}

impl Book {
    /// Free slots that are kept for nobody but this holder.
    pub(super) fn open_slots(&self, holder: &Holder) -> usize {
        if !self.is_listed {
            return 0;
        }
        let for_others = self.kept.iter().filter(|kept| kept.claimant.holder != *holder).count();
        self.limits.slots.saturating_sub(self.taken_slots() + for_others)
    }

    /// Whom the free slots of the node are kept for.
    pub(super) fn first_kept_for(&self) -> Option<&Holder> {
        self.kept.first().map(|kept| &kept.claimant.holder)
    }

    /// Who must get one of these last `open` slots before this holder does: the holder has its share
    /// already, and others wait who are below their min or have a lease reclaimed here.
    pub(super) fn goes_before(&self, now: Duration, holder: &Holder, open: usize) -> Option<Holder> {
        if self.is_kept_for(holder) {
            return None;
        }
        let mut waiting: Vec<&Holder> = self
            .fronts
            .turned_away(now)
            .filter(|other| {
                *other != holder && self.reclaimed_for(other).is_none() && !self.is_kept_for(other)
            })
            .collect();
        let reclaims = self.leases.iter().filter_map(|lease| Some(&lease.reclaim.as_ref()?.claimant.holder));
        let claimants: Vec<&Holder> = reclaims.filter(|other| *other != holder).collect();
        if waiting.is_empty() && claimants.is_empty() {
            return None;
        }
        // Nodes that are down are in cluster.toml all the same; the holder may know that they are.
        let seen = self.claims.slots_seen_by(holder).unwrap_or(u32::MAX);
        let dues = self.dues(seen.min(self.limits.pool_slots));
        if dues.of(holder).is_none_or(|standing| standing.over() < 0) {
            return None;
        }
        waiting.retain(|other| dues.of(other).is_some_and(|standing| standing.is_short(Shortage::UnderMin)));
        waiting.extend(claimants);
        (waiting.len() >= open).then(|| waiting.first().map(|first| (*first).clone())).flatten()
    }

    /// A slot that was reclaimed is free.
    pub(super) fn keep(&mut self, claimant: Claimant) {
        self.effects.push(Effect::Kept(claimant.clone()));
        self.effects.push(Effect::Notify(claimant.holder.clone()));
        self.kept.push(Kept { claimant, until: None });
    }

    /// The holder got a slot: none is kept for it or reclaimed for it any longer.
    pub(super) fn served(&mut self, holder: &Holder) {
        self.kept.retain(|kept| kept.claimant.holder != *holder);
        let reclaimed = self.reclaimed_for(holder).map(|(lease, _)| lease.id.clone());
        if let Some(id) = reclaimed {
            self.take_back(&id, "another slot was free first");
        }
    }

    /// Lets go what is kept for somebody who does not need it any more.
    pub(super) fn review_kept(&mut self, now: Duration) {
        for kept in std::mem::take(&mut self.kept) {
            match self.why_let_go(now, &kept) {
                Some(why) => {
                    self.effects.push(Effect::LetGo(kept.claimant, why));
                    self.tell_of_free_slot();
                }
                None => self.kept.push(kept),
            }
        }
    }

    /// Lets everything go.
    pub(super) fn let_all_go(&mut self, why: &'static str) {
        let kept = self.kept.drain(..).map(|kept| Effect::LetGo(kept.claimant, why));
        self.effects.extend(kept);
    }

    /// What has become free since the last tick is kept from now on for one time to live.
    pub(super) fn time_kept(&mut self, now: Duration) {
        for kept in &mut self.kept {
            kept.until.get_or_insert(now + self.limits.ttl);
        }
    }

    /// When a kept slot is let go.
    pub(super) fn kept_deadlines(&self) -> impl Iterator<Item = Duration> {
        self.kept
            .iter()
            .flat_map(|kept| [kept.until.unwrap_or(Duration::ZERO), self.needless_at(&kept.claimant)])
    }

    /// A slot is free: whoever is short hears of it at once, and not with its next renewal. What a service
    /// wants may be younger than its word here, so that everybody is told.
    pub(super) fn tell_of_free_slot(&mut self) {
        self.effects.push(Effect::NotifyAll);
    }

    /// Whether a slot is on its way to the holder, or kept for it.
    pub(super) fn is_got_for(&self, holder: &Holder) -> bool {
        self.reclaimed_for(holder).is_some() || self.is_kept_for(holder)
    }

    fn is_kept_for(&self, holder: &Holder) -> bool {
        self.kept.iter().any(|kept| kept.claimant.holder == *holder)
    }

    fn why_let_go(&self, now: Duration, kept: &Kept) -> Option<&'static str> {
        let is_over = kept.until.is_some_and(|until| until <= now);
        if is_over { Some(NOT_ASKED_FOR) } else { self.why_needless(now, &kept.claimant) }
    }
}
