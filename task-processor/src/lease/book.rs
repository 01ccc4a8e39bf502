//! All leases of the node, and the calls about one: start, drain, undrain, stop, release.
//!
//! Each call checks the epoch, lets the event act on the lease's state and answers at once or with
//! `Poll::Pending`; the `..._progress` methods give the answer later without acting again. What is to
//! be done outside is collected and taken with `effects`. How leases are granted, renewed, ended by
//! time and reclaimed for another holder is in the modules below.

mod clock;
mod grant;
mod kept;
mod leftover;
mod reclaim;
mod renewal;
mod step;

use std::mem;
use std::task::Poll;
use std::time::Duration;

use super::claims::Claims;
use super::fronts::Fronts;
use super::gone::Ended;
use super::{
    Cause, Effect, HeardClaim, Holder, Lease, LeaseId, LeaseRef, Limits, Refusal, Shortage, State, Token, Why,
};
use kept::Kept;

/// Why a lease of a service is to end that cluster.toml had when it was granted.
const SERVICE_GONE: &str = "its service is not in the node's cluster.toml any more";

/// A call's answer: at once, later, or refused.
pub type Progress = Poll<Result<(), Refusal>>;

/// A front end's wish for a slot.
#[derive(Debug, Clone)]
pub struct Wish {
    /// For whom.
    pub holder: Holder,
    /// Which start of its load-manager asks.
    pub incarnation: u64,
    /// The caller's name for the wish.
    pub request_id: String,
    /// The name a new lease gets.
    pub id: LeaseId,
    /// The token a new lease gets.
    pub token: Token,
    /// Set: if no slot is free, one is to be taken back from somebody.
    pub reclaim: Option<ReclaimWish>,
}

/// What speaks for taking a slot back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReclaimWish {
    /// What the caller lacks.
    pub shortage: Shortage,
    /// Slots of the pool as the caller sees it; `None`: as cluster.toml says.
    pub pool_slots: Option<u32>,
}

/// What a granted wish is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Which lease, and its epoch.
    pub lease: LeaseRef,
    /// What its requests must carry.
    pub token: Token,
}

/// A lease as a new start of its holder's load-manager receives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adopted {
    /// The lease and the token it had, and its new epoch.
    pub grant: Grant,
    /// How far it is.
    pub state: State,
}

/// The leases of one node.
#[derive(Debug)]
pub struct Book {
    limits: Limits,
    leases: Vec<Lease>,
    /// Slots whose processes of an earlier life of the daemon have not ended.
    leftovers: usize,
    ended: Ended,
    fronts: Fronts,
    claims: Claims,
    kept: Vec<Kept>,
    epoch: u64,
    saved_epoch: u64,
    maintenance: bool,
    /// When an operator's drain ends what still runs, if it does.
    cuts_at: Option<Duration>,
    is_listed: bool,
    ends_at: Option<Duration>,
    effects: Vec<Effect>,
}

impl Book {
    /// A book without leases that goes on from what an earlier life of the node saved, and with so many
    /// services of that life whose processes have not ended.
    pub fn new(limits: Limits, saved_epoch: u64, maintenance: bool, leftovers: usize) -> Self {
        Self {
            limits,
            leases: Vec::new(),
            leftovers,
            ended: Ended::default(),
            fronts: Fronts::default(),
            claims: Claims::default(),
            kept: Vec::new(),
            epoch: saved_epoch,
            saved_epoch,
            maintenance,
            cuts_at: None,
            is_listed: true,
            ends_at: None,
            effects: Vec::new(),
        }
    }

    /// What is to be done now, in this order. Empties the list.
    pub fn effects(&mut self) -> Vec<Effect> {
        mem::take(&mut self.effects)
    }

    /// The epoch is on disk: grants up to it may be answered.
    pub fn epoch_saved(&mut self, epoch: u64) {
        self.saved_epoch = self.saved_epoch.max(epoch);
    }

    /// The leases, oldest grant first.
    pub fn leases(&self) -> &[Lease] {
        &self.leases
    }

    /// The lease of that name.
    pub fn lease(&self, id: &LeaseId) -> Option<&Lease> {
        self.leases.iter().find(|lease| lease.id == *id)
    }

    /// What every holder said last of itself.
    pub fn claims(&self, now: Duration) -> Vec<HeardClaim> {
        self.claims.but_of(None, now)
    }

    /// Whether an operator drained the node.
    pub fn maintenance(&self) -> bool {
        self.maintenance
    }

    /// Whether the node's daemon is about to end.
    pub fn is_stopping(&self) -> bool {
        self.ends_at.is_some()
    }

    /// Has the service of the lease started.
    pub fn start(&mut self, lease: &LeaseRef) -> Progress {
        self.act(lease, Why::Asked, State::start)?;
        self.start_progress(lease)
    }

    /// Whether the service of the lease is ready.
    pub fn start_progress(&self, lease: &LeaseRef) -> Progress {
        let found = &self.leases[self.index(lease)?];
        match found.state {
            State::Starting => Poll::Pending,
            State::Ready | State::Orphan { .. } => Poll::Ready(Ok(())),
            State::Reserved { .. } | State::Draining { .. } | State::Stopping { .. } | State::Stopped => {
                Poll::Ready(Err(unfit(found)))
            }
        }
    }

    /// Lets no further request in.
    pub fn drain(&mut self, now: Duration, lease: &LeaseRef) -> Progress {
        let deadline = now + self.leases[self.index(lease)?].drain_limit;
        self.act(lease, Why::Asked, |state| state.drain(deadline))?;
        self.drain_progress(lease)
    }

    /// Whether no request of the lease is running.
    pub fn drain_progress(&self, lease: &LeaseRef) -> Progress {
        let found = &self.leases[self.index(lease)?];
        match found.state {
            State::Draining { cause: Cause::Holder, drained: true } | State::Stopped => Poll::Ready(Ok(())),
            State::Draining { .. } | State::Stopping { .. } => Poll::Pending,
            State::Reserved { .. } | State::Starting | State::Ready | State::Orphan { .. } => {
                Poll::Ready(Err(unfit(found)))
            }
        }
    }

    /// Takes a drain back.
    pub fn undrain(&mut self, now: Duration, lease: &LeaseRef) -> Result<(), Refusal> {
        let index = self.index(lease)?;
        let found = &self.leases[index];
        if let State::Draining { cause, .. } = found.state {
            if let Some(why) = self.why_withheld(now, cause, found) {
                return Err(Refusal::Withheld { id: lease.id.clone(), why });
            }
            if matches!(cause, Cause::Expired { .. }) {
                self.leases[index].expires_at = now + self.limits.ttl;
            }
        }
        self.act(lease, Why::Asked, State::undrain)
    }

    /// Has the service's processes ended.
    pub fn stop(&mut self, lease: &LeaseRef) -> Progress {
        if let Err(refusal) = self.act(lease, Why::Asked, State::stop)
            && !matches!(refusal, Refusal::Gone { .. })
        {
            return Poll::Ready(Err(refusal));
        }
        self.stop_progress(lease)
    }

    /// Whether every process of the lease is gone.
    pub fn stop_progress(&self, lease: &LeaseRef) -> Progress {
        let index = match self.index(lease) {
            Ok(index) => index,
            Err(Refusal::Gone { .. }) => return Poll::Ready(Ok(())),
            Err(refusal) => return Poll::Ready(Err(refusal)),
        };
        if self.leases[index].state.has_processes() { Poll::Pending } else { Poll::Ready(Ok(())) }
    }

    /// Has the slot freed, and before it what still runs ended.
    pub fn release(&mut self, lease: &LeaseRef) -> Progress {
        if self.lease(&lease.id).is_some() {
            self.act(lease, Why::Released, State::free)?;
        }
        self.release_progress(lease)
    }

    /// Whether the slot is free. A lease that is gone is no fault, whatever its epoch.
    pub fn release_progress(&self, lease: &LeaseRef) -> Progress {
        if self.lease(&lease.id).is_none() {
            return Poll::Ready(Ok(()));
        }
        self.index(lease)?;
        Poll::Pending
    }

    /// The service answered its probe.
    pub fn started(&mut self, id: &LeaseId) {
        self.happen(id, Why::Started, State::started);
    }

    /// The service could not be started, for this reason, and nothing of it is left.
    pub fn start_failed(&mut self, id: &LeaseId, reason: String) {
        self.note(id, reason);
        self.happen(id, Why::StartFailed, State::start_failed);
    }

    /// No request of the lease is running any more.
    pub fn in_flight_zero(&mut self, id: &LeaseId) {
        self.happen(id, Why::NoRequestLeft, State::idle);
    }

    /// Every process of the lease is gone.
    pub fn processes_gone(&mut self, id: &LeaseId) {
        self.happen(id, Why::ProcessesGone, State::processes_gone);
    }

    /// The service ended by itself, for this reason. It is not started again in place: what it left
    /// behind is ended, the slot becomes free, and the holder, told at once, orders a replacement
    /// wherever that is best.
    pub fn process_exited(&mut self, id: &LeaseId, reason: String) {
        let runs = self.lease(id).is_some_and(|lease| !matches!(lease.state, State::Stopping { .. }));
        if runs {
            self.note(id, reason);
            if let Some(lease) = self.leases.iter_mut().find(|lease| lease.id == *id) {
                lease.has_exited = true;
            }
            self.happen(id, Why::Exited, State::exited);
        }
    }

    /// The running service stopped or began again to answer its probe. That is kept also while the
    /// lease drains: a drain that is taken back must not let requests in to a service that hangs.
    pub fn probed(&mut self, id: &LeaseId, answering: bool) {
        let Some(lease) = self.leases.iter_mut().find(|lease| lease.id == *id) else { return };
        if lease.answering == answering {
            return;
        }
        lease.answering = answering;
        self.effects.push(Effect::Answering(id.clone(), answering));
        if lease.state.takes_requests() {
            self.effects.push(Effect::Notify(lease.holder.clone()));
        }
    }

    /// Whether cluster.toml has the service, as this node has read it.
    fn serves(&self, service: &str) -> bool {
        self.limits.drain_limits.contains_key(service)
    }

    fn why_withheld(&self, now: Duration, cause: Cause, lease: &Lease) -> Option<&'static str> {
        match cause {
            _ if self.is_stopping() => Some("the node's daemon is about to end"),
            _ if self.maintenance => Some("an operator drained the node"),
            _ if lease.reclaim.is_some() => Some("it is reclaimed for another service"),
            _ if !self.serves(&lease.holder.service) => Some(SERVICE_GONE),
            Cause::Expired { .. } if self.fronts.others_want(now, &lease.holder) => {
                Some("it had expired and another front end wants the node")
            }
            Cause::Expired { .. } | Cause::Holder | Cause::NodeEnds { .. } | Cause::Reclaimed { .. } => None,
        }
    }
}

fn grant_of(lease: &Lease) -> Grant {
    Grant { lease: LeaseRef { id: lease.id.clone(), epoch: lease.epoch }, token: lease.token.clone() }
}

fn unfit(lease: &Lease) -> Refusal {
    Refusal::Unfit { id: lease.id.clone(), state: lease.state, why: lease.explanation().to_owned() }
}
