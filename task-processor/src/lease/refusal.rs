//! Why a call is not carried out: refusals of calls about a lease, and denials of new ones.

use std::time::Duration;

use super::{Holder, LeaseId, State};

/// Why a call about a lease was refused; one sentence for a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The lease was never granted in this life of the node, or ended long ago.
    #[error("lease {0} is not known on this node: it ended, or the node was restarted since")]
    Unknown(LeaseId),
    /// The lease has ended.
    #[error("{why} (lease {id} has ended)")]
    Gone {
        /// Which one.
        id: LeaseId,
        /// What ended it.
        why: String,
    },
    /// The caller's epoch is not the lease's.
    #[error("epoch {asked} of lease {id} is stale: the lease was taken over since, let it go")]
    Stale {
        /// Which lease.
        id: LeaseId,
        /// The epoch the caller named.
        asked: u64,
    },
    /// The lease cannot do that from where it is.
    #[error("lease {id} is {state}{}", because(.why))]
    Unfit {
        /// Which one.
        id: LeaseId,
        /// Where it is.
        state: State,
        /// Why it is there; empty where there is nothing to say.
        why: String,
    },
    /// The node does not give the drained lease back.
    #[error("the drain of lease {id} cannot be taken back: {why}")]
    Withheld {
        /// Which lease.
        id: LeaseId,
        /// What stands against it.
        why: &'static str,
    },
    /// A newer start of the front end's load-manager is known.
    #[error("incarnation {asked} of the load-manager for {holder} was superseded by {newest}: end this one")]
    Fenced {
        /// Whose.
        holder: Holder,
        /// The caller's incarnation.
        asked: u64,
        /// The newest one seen here.
        newest: u64,
    },
    /// The node's cluster.toml does not have the service.
    #[error("service {0} is not in this node's cluster.toml: bring the file up to date on the node")]
    UnknownService(String),
}

/// Why no lease was granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// For the caller's program.
    pub reason: DenialReason,
    /// One sentence for a person.
    pub detail: String,
    /// When asking again may help; zero: not by waiting.
    pub retry_after: Duration,
    /// Who holds the slots.
    pub holders: Vec<Holder>,
    /// Whether a lease is being reclaimed for the caller.
    pub reclaiming: bool,
}

/// The closed list of reasons for a denial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DenialReason {
    /// Every slot is held.
    NoSlot,
    /// An operator drained the node.
    Maintenance,
    /// The node's daemon is about to end.
    Stopping,
    /// The node's cluster.toml does not have the service.
    UnknownService,
    /// A newer start of the caller's load-manager is known.
    Fenced,
}

fn because(why: &str) -> String {
    if why.is_empty() { String::new() } else { format!(": {why}") }
}
