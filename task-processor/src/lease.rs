//! The node's side of the leases, as a pure state machine: slots, leases, epochs, expiry, drain.
//!
//! Time comes in as a `Duration` since the daemon's start and randomness as a finished lease id and
//! token; what goes out are answers and `Effect`s. `Book` is the whole of it, `State` one lease's
//! way from its grant to its end; `claims` and `dues` say what each holder has and is due, and `victim`
//! whose lease is reclaimed. Nothing here waits, reads a clock or touches a file.

mod book;
mod claims;
mod dues;
mod effect;
mod fronts;
mod gone;
mod refusal;
mod report;
mod state;
mod victim;

#[cfg(test)]
mod diary;
#[cfg(test)]
mod properties;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use cluster::config::{Cluster, Service};

pub use book::{Adopted, Book, Grant, Progress, ReclaimWish, Wish};
pub use claims::HeardClaim;
pub use dues::Shortage;
pub use effect::{Effect, Why};
pub use refusal::{Denial, DenialReason, Refusal};
pub use report::{Reclaim, Renewal, Report, Roll};
pub use state::{Cause, State, Then};

/// Names one lease on its node; random, so that an id of an earlier life of the node is unknown.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LeaseId(pub String);

/// What a request must carry to reach the service of a lease. It never shows in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// Who a lease is granted to: one service of one front end.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Holder {
    /// The service, by its name in `cluster.toml`.
    pub service: String,
    /// The front end, as it names itself.
    pub front_end: String,
}

/// A lease as its holder names it: an older epoch than the lease's own is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRef {
    /// Which lease.
    pub id: LeaseId,
    /// The epoch of its grant or of its last adoption.
    pub epoch: u64,
}

/// The numbers a book goes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Services that may run at once.
    pub slots: usize,
    /// How long a lease lasts without a renewal.
    pub ttl: Duration,
    /// How long an expired lease keeps serving for its restarted holder.
    pub orphan_grace: Duration,
    /// How long a lease may wait for its start.
    pub reservation_timeout: Duration,
    /// How long an announced end waits for the holders: the node's own, and a lease's that is reclaimed.
    pub reclaim_notice: Duration,
    /// Services that all nodes of cluster.toml together may run at once.
    pub pool_slots: u32,
    /// Whether nothing is reclaimed for another holder, and only said what would be.
    pub observe_only: bool,
    /// The services of cluster.toml, each with how long a drain waits before running requests are cut.
    pub drain_limits: BTreeMap<String, Duration>,
}

impl Limits {
    /// As cluster.toml says for a node that may run so many services at once.
    pub fn of(cluster: &Cluster, slots: u32) -> Self {
        Self {
            slots: slots as usize,
            ttl: cluster.lease.ttl,
            orphan_grace: cluster.lease.orphan_grace,
            reservation_timeout: cluster.lease.reservation_timeout,
            reclaim_notice: cluster.lease.reclaim_notice,
            pool_slots: cluster.slots(),
            observe_only: cluster.sharing.observe_only,
            drain_limits: drain_limits(&cluster.services),
        }
    }
}

/// The services, each with how long a drain waits before running requests are cut.
pub(crate) fn drain_limits(services: &[Service]) -> BTreeMap<String, Duration> {
    services.iter().map(|service| (service.name.clone(), service.long_lived_timeout)).collect()
}

/// What of its limits may change while leases are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Services that may run at once. Of fewer, only the free slots go; nothing that runs is ended for it.
    pub slots: usize,
    /// Services that all nodes of cluster.toml together may run at once.
    pub pool_slots: u32,
    /// Whether nothing is reclaimed for another holder, and only said what would be.
    pub observe_only: bool,
    /// Whether cluster.toml has this node at all. One that it has not grants nothing more.
    pub is_listed: bool,
}

/// One lease, from its grant until its processes are gone and its slot is free.
#[derive(Debug, Clone)]
pub struct Lease {
    /// Its name.
    pub id: LeaseId,
    /// Counts up node-wide with each grant and each adoption.
    pub epoch: u64,
    /// What its requests carry.
    pub token: Token,
    /// Who holds it.
    pub holder: Holder,
    /// Which start of the holder's load-manager it belongs to.
    pub incarnation: u64,
    /// The caller's name for the wish that it answers.
    pub request_id: String,
    /// When it was granted.
    pub granted_at: Duration,
    /// When it expires unless it is renewed.
    pub expires_at: Duration,
    /// How long the node waits for running requests when it drains the lease by itself.
    pub drain_limit: Duration,
    /// How far it has come.
    pub state: State,
    /// Whether the started service answers its readiness probe. It gets no requests while it does not.
    pub answering: bool,
    /// What brought the lease where it is, in one sentence; empty where it serves. See `explanation`.
    pub detail: String,
    /// Whether the service ended by itself.
    pub has_exited: bool,
    /// Whether its holder marked it, in its last renewal, as one of those that are never reclaimed.
    pub guaranteed: bool,
    /// Set while it is reclaimed for another holder.
    pub reclaim: Option<Reclaiming>,
}

/// What is to become of a lease that is reclaimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reclaiming {
    /// Whom the slot is for.
    pub claimant: Claimant,
    /// When the notice is over and the node ends the lease, whatever still runs.
    pub until: Duration,
    /// When the grace of its holder ends, where it was an orphan by then and nobody has renewed it since.
    pub orphan_until: Option<Duration>,
}

/// A holder that a slot is reclaimed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimant {
    /// Who.
    pub holder: Holder,
    /// What it lacks.
    pub shortage: Shortage,
    /// Slots of the pool that its share was reckoned with when it asked.
    pub pool_slots: u32,
}

/// What is said of a lease that could serve but for its service.
const NOT_ANSWERING: &str = "the service does not answer its readiness probe; check ready in cluster.toml, \
                             or the service on this node";

impl Lease {
    /// Why the service is not ready, in one sentence; empty where it is.
    pub fn explanation(&self) -> &str {
        if self.state.takes_requests() && !self.answering { NOT_ANSWERING } else { &self.detail }
    }
}

impl Token {
    /// Takes what the random source gave.
    pub fn new(secret: String) -> Self {
        Self(secret)
    }

    /// The secret itself, for the grant and the data path only.
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(..)")
    }
}

impl fmt::Display for LeaseId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "service {} of front end {}", self.service, self.front_end)
    }
}
