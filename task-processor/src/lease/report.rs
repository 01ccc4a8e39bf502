//! What a holder and its node tell each other on the renewal stream.

use std::time::Duration;

use cluster::share::Claim;

use super::{HeardClaim, Holder, LeaseId, LeaseRef, State};

/// A holder's sign of life.
#[derive(Debug, Clone, PartialEq)]
pub struct Renewal {
    /// Who speaks.
    pub holder: Holder,
    /// Which start of its load-manager.
    pub incarnation: u64,
    /// The leases it believes to hold here.
    pub leases: Vec<LeaseRef>,
    /// Those of them that must not be reclaimed.
    pub guaranteed: Vec<LeaseId>,
    /// What it has and wants, all over the pool; `None`: it does not share.
    pub claim: Option<Claim>,
}

/// The node's answer: everything it has to say to this holder.
#[derive(Debug, Clone, PartialEq)]
pub struct Roll {
    /// Whether a newer start of the holder's load-manager is known; then no lease is listed.
    pub fenced: bool,
    /// The holder's leases, and those it named that are gone.
    pub leases: Vec<Report>,
    /// Slots that this holder would be granted: nobody holds them, and they are kept for nobody else.
    pub slots_free: usize,
    /// Slots that there are.
    pub slots: usize,
    /// Whether one is being reclaimed for this holder, or is free and kept for it.
    pub reclaiming: bool,
    /// What every other holder said last of itself.
    pub claims: Vec<HeardClaim>,
    /// Whether an operator drained the node.
    pub maintenance: bool,
    /// Whether the node's daemon is about to end.
    pub stopping: bool,
}

/// One lease, as its holder hears of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Which lease.
    pub id: LeaseId,
    /// Its epoch; the one the caller named where the lease is gone.
    pub epoch: u64,
    /// How far it is; `None`: gone.
    pub state: Option<State>,
    /// Why the service is not ready, in one sentence; empty where it is.
    pub detail: String,
    /// Whether the service runs and does not answer its readiness probe.
    pub probe_fails: bool,
    /// Whether it is being ended or gone, and not because its service ended by itself.
    pub ended_by_node: bool,
    /// Set while the node asks the holder to drain and release it.
    pub reclaim: Option<Reclaim>,
}

/// The node's wish to have a lease drained and released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reclaim {
    /// How long the holder may still take.
    pub notice: Duration,
    /// Why, for a person.
    pub reason: &'static str,
    /// The service that it is for; `None`: the node itself wants it back.
    pub for_service: Option<String>,
}
