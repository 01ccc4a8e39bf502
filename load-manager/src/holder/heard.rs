//! What a holder hears: from the service-manager, from the links to the nodes, and of the calls it has
//! had made. Each may come late, twice or never but for the answers to its own calls (see `Effect`).

use std::time::Duration;

use super::{AddFault, Adopted, ChildList, FrontSample, NodeWord};
use crate::node::Lease;

/// One thing heard. `node` is an index into the pool.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// The service-manager answers; this is the list it has in force.
    FrontUp(ChildList),
    /// It does not answer any more, and why.
    FrontDown(String),
    /// Its counts.
    Sample(FrontSample),
    /// Every worker of it picks by this generation.
    ListApplied(u64),
    /// Somebody newer speaks for this front end, and why that is known.
    Fenced(String),
    /// A node answers.
    LinkUp {
        /// Which.
        node: usize,
        /// What it holds for this front end, where it was asked: at the first contact, and whenever
        /// nothing is known to be held there.
        adopted: Option<Vec<Adopted>>,
        /// When it was asked.
        asked_at: Duration,
    },
    /// What a node says on its link.
    Renewed {
        /// Which.
        node: usize,
        /// What it says.
        word: NodeWord,
        /// When the renewal that it answers was sent; `None` for word that was not asked for.
        sent_at: Option<Duration>,
    },
    /// A node's daemon is gone: its connection broke and a new one was refused.
    LinkRefused {
        /// Which.
        node: usize,
        /// One sentence.
        words: String,
    },
    /// A node does not answer; its silence decides.
    LinkSilent {
        /// Which.
        node: usize,
        /// One sentence.
        words: String,
    },
    /// A node granted a slot to an order.
    Reserved {
        /// Which.
        node: usize,
        /// What it granted.
        lease: Lease,
        /// When the request that it answered was sent: the lease counts from there.
        sent_at: Duration,
    },
    /// An order came to its end.
    Added {
        /// Which.
        node: usize,
        /// The lease reserved, with its service running, or why not.
        result: Result<Lease, AddFault>,
    },
    /// A node handed over what it still held, or the call failed.
    Adopted {
        /// Which.
        node: usize,
        /// What it held for this front end, or why nothing came of it.
        result: Result<Vec<Adopted>, String>,
        /// When it was asked.
        asked_at: Duration,
    },
    /// A node counts no request of ours any more, or the call failed.
    NodeDrained {
        /// Which.
        node: usize,
        /// Of which lease.
        lease_id: String,
        /// Whether it answered so.
        result: Result<(), String>,
    },
    /// A node takes requests again, or refused to.
    Undrained {
        /// Which.
        node: usize,
        /// Of which lease.
        lease_id: String,
        /// Whether it answered so.
        result: Result<(), String>,
    },
    /// A node's slot was given back, or could not be (its time to live frees it then).
    Released {
        /// Which.
        node: usize,
        /// Of which lease.
        lease_id: String,
        /// Whether it answered so.
        result: Result<(), String>,
    },
}
