//! How a lease is reclaimed for another holder that is short of nodes: its notice, its end, and what
//! takes the reclaim back. Whose lease it is, `victim` says.

use std::time::Duration;

use super::{Book, ReclaimWish, SERVICE_GONE};
use crate::lease::dues::Dues;
use crate::lease::victim::Search;
use crate::lease::{
    Claimant, Effect, Holder, Lease, LeaseId, Reclaim, Reclaiming, Shortage, State, Then, Why,
};

/// Why nothing is reclaimed for a holder, or not any more.
const UNHEARD: &str = "its claim was not heard here for one time to live";
const NOT_UNDER_MIN: &str = "by its claim it is not below its min";
const NOT_STARVED: &str = "by the claims that are known here it has its share";
const GUARANTEED: &str = "its holder marked it as guaranteed";

impl Book {
    /// Has a lease reclaimed for the holder, unless one is already.
    ///
    /// # Errors
    /// Why nothing is reclaimed, for a person.
    pub(super) fn reclaim_for(
        &mut self,
        now: Duration,
        holder: &Holder,
        wish: ReclaimWish,
    ) -> Result<(), String> {
        if self.reclaimed_for(holder).is_some() {
            return Ok(());
        }
        let pool_slots = wish.pool_slots.unwrap_or(u32::MAX).min(self.limits.pool_slots);
        let claimant = Claimant { holder: holder.clone(), shortage: wish.shortage, pool_slots };
        if let Some(why) = self.why_needless(now, &claimant) {
            return Err(format!("nothing is reclaimed: {why}"));
        }
        let dues = self.dues(pool_slots);
        let search = Search { leases: &self.leases, dues: &dues, claimant: holder, shortage: wish.shortage };
        let Some(victim) = search.victim() else {
            return Err("nothing is reclaimed: no lease here is one that its holder can spare".to_owned());
        };
        if self.limits.observe_only {
            return Err(format!("lease {} of {} would be reclaimed", victim.id, victim.holder));
        }
        let id = victim.id.clone();
        self.begin_reclaim(now, &id, claimant);
        Ok(())
    }

    /// The lease that is being reclaimed for the holder.
    pub(super) fn reclaimed_for(&self, holder: &Holder) -> Option<(&Lease, &Reclaiming)> {
        let mut reclaimed = self.leases.iter().filter_map(|lease| Some((lease, lease.reclaim.as_ref()?)));
        reclaimed.find(|(_, reclaim)| reclaim.claimant.holder == *holder)
    }

    /// What the lease's holder is told of its end, as long as one is announced. An operator's drain cuts
    /// nothing unless it was told to, so it grants the holder all the time a drain may take; and so does a
    /// service that is gone from cluster.toml.
    pub fn announced(&self, now: Duration, lease: &Lease) -> Option<Reclaim> {
        if let Some(end) = self.ends_at {
            let reason = "the node's daemon is about to end";
            return Some(Reclaim { notice: end.saturating_sub(now), reason, for_service: None });
        }
        if self.maintenance {
            let reason = "an operator drained the node";
            let notice = self.cuts_after(now).unwrap_or(lease.drain_limit);
            return Some(Reclaim { notice, reason, for_service: None });
        }
        if let Some(Reclaiming { claimant, until, orphan_until: _ }) = &lease.reclaim {
            return Some(Reclaim {
                notice: until.saturating_sub(now),
                reason: claimant.shortage.words(),
                for_service: Some(claimant.holder.service.clone()),
            });
        }
        let is_gone = !self.serves(&lease.holder.service);
        is_gone.then_some(Reclaim { notice: lease.drain_limit, reason: SERVICE_GONE, for_service: None })
    }

    /// Takes back what nobody needs any more, and what its holder now must keep.
    pub(super) fn review(&mut self, now: Duration) {
        let needless: Vec<(LeaseId, &'static str)> = self
            .leases
            .iter()
            .filter_map(|lease| Some((lease.id.clone(), self.why_taken_back(now, lease)?)))
            .collect();
        for (id, why) in needless {
            self.take_back(&id, why);
        }
        self.review_kept(now);
    }

    /// Takes every reclaim back, for the node itself is to be drained.
    pub(super) fn take_all_back(&mut self, why: &'static str) {
        let ids: Vec<LeaseId> = self.leases.iter().map(|lease| lease.id.clone()).collect();
        for id in ids {
            self.take_back(&id, why);
        }
        self.let_all_go(why);
    }

    /// Leaves the lease with its holder.
    pub(super) fn take_back(&mut self, id: &LeaseId, why: &'static str) {
        let Some(lease) = self.leases.iter_mut().find(|lease| lease.id == *id) else { return };
        let Some(Reclaiming { claimant, orphan_until, .. }) = lease.reclaim.take() else { return };
        let (id, holder) = (lease.id.clone(), lease.holder.clone());
        // It would wait for the notice before it asks elsewhere.
        self.effects.push(Effect::Notify(claimant.holder.clone()));
        self.effects.push(Effect::TakenBack { id: id.clone(), holder: holder.clone(), claimant, why });
        // Where the daemon ends, the lease does not go back to serving for that moment.
        if self.is_stopping() || !self.happen(&id, Why::TakenBack, |state| state.take_back(orphan_until)) {
            self.effects.push(Effect::Notify(holder));
        }
    }

    /// Why the claimant needs no slot from somebody else, as far as this node has heard.
    pub(super) fn why_needless(&self, now: Duration, claimant: &Claimant) -> Option<&'static str> {
        let heard_at = self.claims.heard_at(&claimant.holder);
        if heard_at.is_none_or(|heard_at| heard_at + self.limits.ttl <= now) {
            return Some(UNHEARD);
        }
        // What it sees now counts, not what it saw when it asked.
        let seen = self.claims.slots_seen_by(&claimant.holder).unwrap_or(claimant.pool_slots);
        let dues = self.dues(seen.min(self.limits.pool_slots));
        let is_short = dues.of(&claimant.holder).is_some_and(|standing| standing.is_short(claimant.shortage));
        let why = match claimant.shortage {
            Shortage::UnderMin => NOT_UNDER_MIN,
            Shortage::Starved => NOT_STARVED,
        };
        (!is_short).then_some(why)
    }

    /// What every holder that is known here has and is due.
    pub(super) fn dues(&self, pool_slots: u32) -> Dues {
        Dues::reckon(self.claims.all(), pool_slots)
    }

    /// When a reclaim ends a lease, or is taken back because nothing was heard of whom it is for.
    pub(super) fn reclaim_deadlines(&self) -> impl Iterator<Item = Duration> {
        let leases = self.leases.iter().filter_map(|lease| Some((lease, lease.reclaim.as_ref()?)));
        leases.flat_map(|(lease, reclaim)| {
            let ends = (lease.state != State::Stopping { then: Then::Free }).then_some(reclaim.until);
            ends.into_iter().chain([self.needless_at(&reclaim.claimant)])
        })
    }

    /// When the claimant's silence makes its reclaim needless.
    pub(super) fn needless_at(&self, claimant: &Claimant) -> Duration {
        let heard_at = self.claims.heard_at(&claimant.holder);
        heard_at.map_or(Duration::ZERO, |heard_at| heard_at + self.limits.ttl)
    }

    fn begin_reclaim(&mut self, now: Duration, id: &LeaseId, claimant: Claimant) {
        let Some(lease) = self.leases.iter_mut().find(|lease| lease.id == *id) else { return };
        let notice = self.limits.reclaim_notice;
        let until = now + notice;
        let holder = lease.holder.clone();
        let orphan_until = match lease.state {
            State::Orphan { until } => Some(until),
            State::Reserved { .. }
            | State::Starting
            | State::Ready
            | State::Draining { .. }
            | State::Stopping { .. }
            | State::Stopped => None,
        };
        lease.reclaim = Some(Reclaiming { claimant: claimant.clone(), until, orphan_until });
        self.effects.push(Effect::Reclaim { id: id.clone(), holder: holder.clone(), claimant, notice });
        let listening = self.fronts.is_listening(&holder);
        if !self.happen(id, Why::Reclaimed, |state| state.reclaim(until, listening)) {
            self.effects.push(Effect::Notify(holder));
        }
    }

    fn why_taken_back(&self, now: Duration, lease: &Lease) -> Option<&'static str> {
        let reclaim = lease.reclaim.as_ref()?;
        if lease.guaranteed { Some(GUARANTEED) } else { self.why_needless(now, &reclaim.claimant) }
    }
}
