//! What comes to the manager: what its holder is to hear, and what people ask. Where the wire or the clock
//! shows in it, it is still as it came; the rest is said in the holder's own words.

use proto::load_manager::StatusReply;
use proto::service_manager::{ChildList, LoadSample};
use proto::task_processor::{Adopted, RenewReply};
use tokio::sync::oneshot;

use crate::calls::NodeClient;
use crate::holder::Heard;
use crate::node::Lease;

/// Which decisions a person asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Past {
    /// Around this moment, in milliseconds since 1970; `None`: the newest.
    pub at_unix_ms: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

/// One thing that happened. `node` is an index into the pool.
pub(crate) enum Event {
    /// What the holder takes as it is.
    Heard(Heard),
    /// The service-manager answers; this is the list it has in force.
    FrontUp(ChildList),
    /// Its counts.
    Sample(LoadSample),
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
    /// A node granted a slot.
    Reserved {
        /// Which.
        node: usize,
        /// What it granted.
        lease: Lease,
        /// When the request that it answered was sent: the lease counts from there.
        sent: std::time::Instant,
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
    /// A person asks.
    Status(oneshot::Sender<StatusReply>),
    /// A person asks for decisions.
    Why(Past, oneshot::Sender<Vec<proto::load_manager::Decision>>),
}
