//! What the passing of time does to the leases, the two ways in which the node itself wants them back, an
//! operator's drain and the daemon's own end, and a cluster.toml that was read again.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Book;
use crate::lease::state::Step;
use crate::lease::{Bounds, Effect, Holder, LeaseId, State, Then, Why};

/// A holder's claim is forgotten after so many times to live of silence: its leases have expired by then.
const CLAIM_LASTS: u32 = 3;

impl Book {
    /// Ends what is overdue at `now`.
    pub fn tick(&mut self, now: Duration) {
        self.claims.forget_silent(now, self.limits.ttl * CLAIM_LASTS);
        self.review(now);
        let ids: Vec<LeaseId> = self.leases.iter().map(|lease| lease.id.clone()).collect();
        for id in ids {
            while self.pass(now, &id) {}
        }
        self.time_kept(now);
        if self.last_moment().is_some_and(|end| end <= now) {
            self.free_all();
        }
    }

    /// When `tick` has something to do next; `None`: not by time alone.
    pub fn next_deadline(&self) -> Option<Duration> {
        let leases = self
            .leases
            .iter()
            .flat_map(|lease| [lease.state.deadline(), lease.state.can_expire().then_some(lease.expires_at)]);
        let freed = |lease: &super::Lease| lease.state == State::Stopping { then: Then::Free };
        let end = self.last_moment().filter(|_| !self.leases.iter().all(freed));
        let shares = self.reclaim_deadlines().chain(self.kept_deadlines());
        let claims = self.claims.next_forgotten(self.limits.ttl * CLAIM_LASTS);
        leases.flatten().chain(end).chain(shares).chain(claims).min()
    }

    /// The operator's drain, or its end. The flag must be on disk already.
    pub fn set_maintenance(&mut self, maintenance: bool) {
        if self.maintenance != maintenance {
            self.maintenance = maintenance;
            if maintenance {
                self.take_all_back("an operator drained the node");
            } else {
                self.cuts_at = None;
            }
            self.effects.push(Effect::NotifyAll);
        }
    }

    /// The operator's drain waits no longer than the notice: what runs then is ended. Repeated, it does not
    /// begin anew; the drain's own end calls it off.
    pub fn drain_now(&mut self, now: Duration) {
        if self.maintenance && self.cuts_at.is_none() {
            self.cuts_at = Some(now + self.limits.reclaim_notice);
            self.effects.push(Effect::NotifyAll);
        }
    }

    /// When an operator's drain ends what still runs, if it does.
    pub fn cuts_after(&self, now: Duration) -> Option<Duration> {
        self.cuts_at.map(|at| at.saturating_sub(now))
    }

    /// Goes by what cluster.toml says now. What is held stays held; where it has this node no more, no slot
    /// is free for anybody any longer, and what was being reclaimed for one is left alone.
    pub fn set_bounds(&mut self, bounds: Bounds) {
        let Bounds { slots, pool_slots, observe_only, is_listed } = bounds;
        if self.is_listed && !is_listed {
            self.take_all_back("the node is not in its cluster.toml any more");
        }
        (self.limits.slots, self.limits.pool_slots) = (slots, pool_slots);
        (self.limits.observe_only, self.is_listed) = (observe_only, is_listed);
        self.effects.push(Effect::NotifyAll);
    }

    /// The services that leases are granted for from now on. The holders of those that are gone are asked to
    /// drain theirs, as an operator would ask for all.
    pub fn set_drain_limits(&mut self, drain_limits: BTreeMap<String, Duration>) {
        self.limits.drain_limits = drain_limits;
        self.effects.push(Effect::NotifyAll);
    }

    /// Announces the daemon's end: no grant any more, and each holder has the notice time to drain.
    pub fn end(&mut self, now: Duration) {
        if self.is_stopping() {
            return;
        }
        self.ends_at = Some(now + self.limits.reclaim_notice);
        self.take_all_back("the node's daemon is about to end");
        let ids: Vec<LeaseId> = self.leases.iter().map(|lease| lease.id.clone()).collect();
        for id in ids {
            self.end_lease(&id);
        }
        self.effects.push(Effect::NotifyAll);
    }

    /// Whether the announced end has come: no lease is left.
    pub fn has_ended(&self) -> bool {
        self.is_stopping() && self.leases.is_empty()
    }

    /// A stream of the holder's newest incarnation was opened, or is no longer there. The node drains by
    /// itself the leases of whose end it has told, as soon as their holders do not hear of it.
    pub fn set_listening(&mut self, holder: &Holder, listening: bool) {
        self.fronts.set_listening(holder, listening);
        if listening {
            return;
        }
        let own = self.leases.iter().filter(|lease| lease.holder == *holder);
        let ids: Vec<LeaseId> = own.map(|lease| lease.id.clone()).collect();
        for id in ids {
            self.end_lease(&id);
            self.drain_reclaimed(&id);
        }
    }

    fn end_lease(&mut self, id: &LeaseId) {
        let Some(deadline) = self.ends_at else { return };
        let listening = self.lease(id).is_some_and(|lease| self.fronts.is_listening(&lease.holder));
        self.happen(id, Why::NodeEnds, |state| state.node_ends(deadline, listening));
    }

    fn drain_reclaimed(&mut self, id: &LeaseId) {
        let reclaim = self.lease(id).and_then(|lease| lease.reclaim.as_ref());
        if let Some(until) = reclaim.map(|reclaim| reclaim.until) {
            self.happen(id, Why::Reclaimed, |state| state.reclaim(until, false));
        }
    }

    /// When no lease is waited for any longer.
    fn last_moment(&self) -> Option<Duration> {
        self.ends_at.into_iter().chain(self.cuts_at).min()
    }

    fn free_all(&mut self) {
        let ids: Vec<LeaseId> = self.leases.iter().map(|lease| lease.id.clone()).collect();
        for id in ids {
            self.happen(&id, Why::DrainTimeOver, State::free);
        }
    }

    /// One step of one lease; whether there was one.
    fn pass(&mut self, now: Duration, id: &LeaseId) -> bool {
        let Some(lease) = self.lease(id) else { return false };
        let drain_deadline = now + lease.drain_limit;
        if lease.reclaim.as_ref().is_some_and(|reclaim| reclaim.until <= now) {
            return self.happen(id, Why::NoticeOver, State::free);
        }
        if lease.state.deadline().is_some_and(|deadline| deadline <= now) {
            let why = match lease.state {
                State::Reserved { .. } => Why::NeverStarted,
                State::Orphan { .. } => Why::GraceOver,
                State::Draining { .. } => Why::DrainTimeOver,
                State::Starting | State::Ready | State::Stopping { .. } | State::Stopped => return false,
            };
            return self.happen(id, why, |state| state.overdue(drain_deadline));
        }
        if !lease.state.can_expire() || lease.expires_at > now {
            return false;
        }
        let wanted = lease.reclaim.is_some() || self.fronts.others_want(now, &lease.holder);
        let grace = self.limits.orphan_grace;
        let orphan_until = (!wanted && !grace.is_zero()).then(|| now + grace);
        let serving = lease.state == State::Ready;
        let why = if wanted && serving { Why::Wanted } else { Why::Expired };
        self.happen(id, why, |state: State| -> Step { state.expire(orphan_until, drain_deadline) })
    }
}
