//! How a slot is granted or denied, and who is known to be a front end's newest load-manager.

use std::time::Duration;

use super::leftover::STILL_ENDS;
use super::step::moved;
use super::{Book, Grant, Wish, grant_of};
use crate::lease::fronts::Heard;
use crate::lease::{Denial, DenialReason, Effect, Holder, Lease, LeaseId, Refusal, State, Why};

/// The pause a denial advises while a slot is about to become free.
const SOON: Duration = Duration::from_secs(1);

impl Book {
    /// Grants a slot or says why not.
    pub fn reserve(&mut self, now: Duration, wish: Wish) -> Result<Grant, Denial> {
        if !self.serves(&wish.holder.service) {
            let refusal = Refusal::UnknownService(wish.holder.service);
            return Err(self.denial(DenialReason::UnknownService, refusal.to_string(), Duration::ZERO));
        }
        if let Err(fenced) = self.hear(now, &wish.holder, wish.incarnation) {
            return Err(self.denial(DenialReason::Fenced, fenced.to_string(), Duration::ZERO));
        }
        if let Some(grant) = self.granted_before(&wish) {
            self.save_epoch();
            return Ok(grant);
        }
        if self.is_stopping() {
            let detail = "the node's daemon is about to end".to_owned();
            return Err(self.denial(DenialReason::Stopping, detail, Duration::ZERO));
        }
        if self.maintenance {
            let detail = "an operator drained the node: take it back with `accordion undrain`".to_owned();
            return Err(self.denial(DenialReason::Maintenance, detail, Duration::ZERO));
        }
        if !self.is_listed {
            let detail =
                "by its own cluster.toml it is no node of this cluster any more: put it back there, or take \
                          it out of the front end's"
                    .to_owned();
            return Err(self.denial(DenialReason::Maintenance, detail, Duration::ZERO));
        }
        let open = self.open_slots(&wish.holder);
        if open == 0 {
            return Err(self.turn_away(now, &wish));
        }
        if let Some(first) = self.goes_before(now, &wish.holder, open) {
            let detail = format!("the last free slots are kept for {first}");
            return Err(self.denial(DenialReason::NoSlot, detail, self.limits.ttl));
        }
        Ok(self.grant(now, wish))
    }

    /// Free slots of which the holder would be granted one if it asked now.
    pub(super) fn slots_for(&self, now: Duration, holder: &Holder) -> usize {
        let open = if self.serves(&holder.service) { self.open_slots(holder) } else { 0 };
        if open > 0 && self.goes_before(now, holder, open).is_some() { 0 } else { open }
    }

    /// Takes back a lease whose epoch could not be saved, where it was granted under this very name:
    /// nobody was answered with it, so nobody would ever renew or release it.
    pub fn withdraw(&mut self, id: &LeaseId) {
        let Some(index) = self.leases.iter().position(|lease| lease.id == *id) else { return };
        let lease = self.leases.remove(index);
        self.effects.push(moved(&lease, None, Why::Unsaved));
        self.tell_of_free_slot();
    }

    /// Notes who speaks and fences what it supersedes.
    pub(super) fn hear(&mut self, now: Duration, holder: &Holder, incarnation: u64) -> Result<(), Refusal> {
        let leases = &self.leases;
        let has_lease = |holder: &Holder| leases.iter().any(|lease| lease.holder == *holder);
        match self.fronts.hear(now, holder, incarnation, has_lease) {
            Heard::Same => Ok(()),
            // What its predecessor claimed counts for its own time: it is about to say it again, and what is
            // being reclaimed for it goes on.
            Heard::Newer => {
                self.effects.push(Effect::Fenced(holder.clone(), incarnation));
                Ok(())
            }
            Heard::Fenced(newest) => {
                Err(Refusal::Fenced { holder: holder.clone(), asked: incarnation, newest })
            }
        }
    }

    fn granted_before(&self, wish: &Wish) -> Option<Grant> {
        let same = |lease: &&Lease| {
            lease.request_id == wish.request_id
                && lease.holder == wish.holder
                && lease.incarnation == wish.incarnation
        };
        self.leases.iter().find(same).or_else(|| self.ended.iter().find(same)).map(grant_of)
    }

    fn grant(&mut self, now: Duration, wish: Wish) -> Grant {
        self.fronts.turn_away(&wish.holder, None);
        self.served(&wish.holder);
        self.epoch += 1;
        let lease = Lease {
            id: wish.id,
            epoch: self.epoch,
            token: wish.token,
            drain_limit: self.limits.drain_limits.get(&wish.holder.service).copied().unwrap_or_default(),
            holder: wish.holder,
            incarnation: wish.incarnation,
            request_id: wish.request_id,
            granted_at: now,
            expires_at: now + self.limits.ttl,
            state: State::Reserved { until: now + self.limits.reservation_timeout },
            answering: true,
            detail: String::new(),
            has_exited: false,
            guaranteed: false,
            reclaim: None,
        };
        let grant = grant_of(&lease);
        self.save_epoch();
        self.effects.push(moved(&lease, Some(lease.state), Why::Granted));
        self.leases.push(lease);
        grant
    }

    /// Asks for every epoch given out to be on disk, also those whose saving failed before.
    pub(super) fn save_epoch(&mut self) {
        if self.epoch > self.saved_epoch {
            self.effects.push(Effect::SaveEpoch(self.epoch));
        }
    }

    /// Notes the wish; orphans of others are not waited for any longer, and where the wish says so a
    /// lease is reclaimed.
    fn turn_away(&mut self, now: Duration, wish: &Wish) -> Denial {
        let holder = &wish.holder;
        self.fronts.turn_away(holder, Some(now));
        let reclaim = wish.reclaim.map(|reclaim| self.reclaim_for(now, holder, reclaim));
        let orphans: Vec<(LeaseId, Duration)> = self
            .leases
            .iter()
            .filter(|lease| lease.holder != *holder)
            .map(|lease| (lease.id.clone(), now + lease.drain_limit))
            .collect();
        for (id, deadline) in orphans {
            self.happen(&id, Why::Wanted, |state| state.give_up(deadline));
        }
        let ending = self.leftovers > 0
            || self.leases.iter().any(|lease| {
                matches!(lease.state, State::Draining { .. } | State::Stopping { .. } | State::Stopped)
            });
        let retry_after = if ending { SOON } else { self.limits.ttl };
        if let Some((lease, reclaim)) = self.reclaimed_for(holder) {
            let detail = format!("lease {} of {} is reclaimed for this wish", lease.id, lease.holder);
            // Sooner it is told that a slot is free; meanwhile it is not to have one reclaimed elsewhere too.
            let left = reclaim.until.saturating_sub(now).max(SOON);
            return Denial { reclaiming: true, ..self.denial(DenialReason::NoSlot, detail, left) };
        }
        let held = match self.first_kept_for() {
            Some(first) if self.taken_slots() < self.limits.slots => {
                format!("the free slot of the node is kept for {first}")
            }
            Some(_) | None if self.leftovers > 0 => STILL_ENDS.to_owned(),
            Some(_) | None => format!("all {} slots of the node are held", self.limits.slots),
        };
        let detail = match reclaim {
            Some(Err(why)) => format!("{held}; {why}"),
            Some(Ok(())) | None => held,
        };
        self.denial(DenialReason::NoSlot, detail, retry_after)
    }

    fn denial(&self, reason: DenialReason, detail: String, retry_after: Duration) -> Denial {
        let holders = self.leases.iter().map(|lease| lease.holder.clone()).collect();
        Denial { reason, detail, retry_after, holders, reclaiming: false }
    }
}
