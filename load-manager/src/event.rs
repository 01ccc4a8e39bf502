//! What the manager hears, as it comes off the wire: from the service-manager, from the links to the
//! nodes, from the calls it has made, and from people who ask. `holder::Heard` is the same without the
//! wire and the people.

use proto::load_manager::StatusReply;
use proto::service_manager::{ChildList, LoadSample};
use proto::task_processor::{Adopted, RenewReply};
use tokio::sync::oneshot;

use crate::calls::NodeClient;
use crate::holder::AddFault;
use crate::node::Lease;

/// Which decisions a person asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Past {
    /// Around this moment, in milliseconds since 1970; `None`: the newest.
    pub at_unix_ms: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

/// One thing heard. `node` is an index into the pool.
pub(crate) enum Event {
    /// The service-manager answers; this is the list it has in force.
    FrontUp(ChildList),
    /// It does not answer any more.
    FrontDown(String),
    /// Its counts.
    Sample(LoadSample),
    /// It has put this generation in force.
    ListApplied(u64),
    /// Somebody newer speaks for this front end, and why we know.
    Fenced(String),
    /// A node answers.
    LinkUp {
        /// Which.
        node: usize,
        /// For calls to it.
        client: NodeClient,
        /// What it holds for this front end, where it was asked: at the first contact, and whenever
        /// nothing is known to be held there.
        adopted: Option<Vec<Adopted>>,
        /// When it was asked.
        asked: std::time::Instant,
    },
    /// A node's renewal answer, and when the question was sent.
    Renewed {
        /// Which.
        node: usize,
        /// What it said.
        reply: RenewReply,
        /// When the renewal that it answers was sent; `None` for word that was not asked for.
        sent: Option<std::time::Instant>,
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
    /// A node granted a slot.
    Reserved {
        /// Which.
        node: usize,
        /// What it granted.
        lease: Lease,
        /// When the request that it answered was sent: the lease counts from there.
        sent: std::time::Instant,
    },
    /// An order came to its end.
    Added {
        /// Which.
        node: usize,
        /// The lease with its service running, or why not.
        result: Result<Lease, AddFault>,
    },
    /// A node handed over what it still held, or the call failed.
    Adopted {
        /// Which.
        node: usize,
        /// What it held for this front end, or why nothing came of it.
        result: Result<Vec<Adopted>, String>,
        /// When it was asked.
        asked: std::time::Instant,
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
    /// A person asks.
    Status(oneshot::Sender<StatusReply>),
    /// A person asks for decisions.
    Why(Past, oneshot::Sender<Vec<proto::load_manager::Decision>>),
}
