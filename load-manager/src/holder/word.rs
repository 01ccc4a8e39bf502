//! What a node says: of itself, of the leases that this front end holds there, and of those it still
//! held when it was asked.

use std::time::Duration;

use cluster::share::Claim;

use crate::node::{Lease, Report};

/// A node's word on its link.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NodeWord {
    /// New with each start of its daemon.
    pub incarnation: u64,
    /// Whether it serves a newer load-manager of this front end. Nothing else counts then.
    pub fenced: bool,
    /// Slots nobody holds.
    pub slots_free: u32,
    /// Whether it takes a slot back from somebody for this service, or keeps one that it took back.
    pub reclaiming: bool,
    /// Requests that it cut since its daemon's start, because the time for their end was over.
    pub requests_cut: u64,
    /// The digest of its cluster.toml; `None`: it did not tell.
    pub config_digest: Option<u64>,
    /// Whether an operator drained it.
    pub maintenance: bool,
    /// Whether its daemon is about to end.
    pub stopping: bool,
    /// Share of all its CPUs in use.
    pub cpu: f64,
    /// How many CPUs it has.
    pub cpus: u32,
    /// This front end's leases there, and those it named that are gone.
    pub leases: Vec<LeaseWord>,
    /// What the others that share the pool said of themselves, and how long ago.
    pub claims: Vec<(Claim, Duration)>,
}

/// A node's word on one lease.
#[derive(Debug, Clone, PartialEq)]
pub struct LeaseWord {
    /// Which lease.
    pub lease_id: String,
    /// Its epoch.
    pub epoch: u64,
    /// How far it is.
    pub state: LeaseState,
    /// Requests that the node counts to it; `None`: none comes by the node, or not yet.
    pub in_flight: Option<u32>,
    /// CPUs that its service's processes use.
    pub cpu: f64,
    /// Their resident memory.
    pub memory_bytes: u64,
    /// Whether its service runs and does not answer its readiness probe.
    pub probe_fails: bool,
    /// Whether it is being ended or gone because the node ended it, and not its service itself.
    pub ended_by_node: bool,
    /// Set while the node asks for it back.
    pub reclaim: Option<Reclaim>,
    /// Why its service is not ready, where it is not.
    pub detail: String,
}

/// How far a lease is at its node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseState {
    /// Granted, its service not yet started.
    Reserved,
    /// Its service is being started.
    Starting,
    /// Takes requests.
    Ready,
    /// Expired there; takes requests until its grace is over.
    Orphan,
    /// Takes no new request.
    Draining,
    /// Its service is being stopped.
    Stopping,
    /// Not known there any more.
    Gone,
    /// What this version has no word for.
    Unknown,
}

/// A node's wish to have a lease drained and released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reclaim {
    /// How long it waits for that.
    pub notice: Duration,
    /// Why, for a person.
    pub reason: String,
}

/// A lease that a node still held for this front end when it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adopted {
    /// The lease, with the epoch that it has from now on. Where its requests go is only what the node
    /// says: see `entrance`.
    pub lease: Lease,
    /// The port on which the service itself takes requests; 0: the node relays them.
    pub service_port: u32,
    /// How far it is.
    pub state: LeaseState,
}

impl NodeWord {
    /// What is kept of it until the next one; `lease_id`: of the lease held there.
    pub(super) fn report(&self, lease_id: Option<&str>) -> Report {
        let lease = self.leases.iter().find(|lease| Some(lease.lease_id.as_str()) == lease_id);
        Report {
            slots_free: self.slots_free,
            reclaiming: self.reclaiming,
            requests_cut: self.requests_cut,
            config_digest: self.config_digest,
            maintenance: self.maintenance,
            stopping: self.stopping,
            cpu: self.cpu,
            cpus: self.cpus,
            service_cpu: lease.map_or(0.0, |lease| lease.cpu),
            service_memory_bytes: lease.map_or(0, |lease| lease.memory_bytes),
            in_flight: lease.and_then(|lease| lease.in_flight),
            probe_fails: lease.is_some_and(|lease| lease.probe_fails),
            is_reclaimed: lease.is_some_and(|lease| lease.reclaim.is_some()),
        }
    }
}

impl LeaseState {
    /// Whether a copy of the service runs under it.
    pub(super) fn runs(self) -> bool {
        match self {
            Self::Ready | Self::Orphan | Self::Draining => true,
            Self::Reserved | Self::Starting | Self::Stopping | Self::Gone | Self::Unknown => false,
        }
    }

    /// Whether the node would hold it on without being told; it ends the others by itself.
    pub(super) fn is_live(self) -> bool {
        match self {
            Self::Reserved | Self::Starting | Self::Ready | Self::Orphan | Self::Draining => true,
            Self::Stopping | Self::Gone | Self::Unknown => false,
        }
    }
}
