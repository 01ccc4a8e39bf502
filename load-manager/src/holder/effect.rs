//! What a holder wants done: the only way in which it touches the world.

use std::time::Duration;

use cluster::share::Claim;

use super::{ChildList, Entry, News, ReclaimWish};
use crate::node::LeaseRef;

/// One thing to do. The owner carries them out in order.
///
/// A call to a node is answered once, at last with a failure when its time is over, so that no node
/// waits for ever: `Add` and `Reclaim` by `Heard::Added`, with `Heard::Reserved` before it where a slot was granted;
/// `Adopt` by `Adopted`, `Drain` by `NodeDrained`, `Undrain` by `Undrained`, both but for `StopWaiting`; `StopAndRelease` by
/// `Released`. An answer on its way when the next call to the node is made does no harm.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Reserve a slot and start the service there.
    Add {
        /// Where.
        node: usize,
        /// The same for each repeat of the reservation, so that it is granted once.
        request_id: String,
    },
    /// The same, and if no slot is free there, have one taken back from another service.
    Reclaim {
        /// Where.
        node: usize,
        /// As for `Add`.
        request_id: String,
        /// Why that is due.
        wish: ReclaimWish,
    },
    /// Have what the node still holds for this front end handed over.
    Adopt {
        /// Where.
        node: usize,
    },
    /// Have no new request let in there, and wait until none is left.
    Drain {
        /// Where.
        node: usize,
        /// Which lease.
        lease: LeaseRef,
        /// How long to wait beyond that: what ends at the front end in this time, the node may not
        /// know of.
        parting: Duration,
    },
    /// Have requests let in again.
    Undrain {
        /// Where.
        node: usize,
        /// Which lease.
        lease: LeaseRef,
    },
    /// Do not wait for the last `Drain` or `Undrain` there any more.
    StopWaiting {
        /// Where.
        node: usize,
    },
    /// Have the service stopped and the slot given back.
    StopAndRelease {
        /// Where.
        node: usize,
        /// Which lease.
        lease: LeaseRef,
    },
    /// From now on renew these leases there, and no other.
    Renew {
        /// Where.
        node: usize,
        /// Which leases; none: the link goes on without one.
        leases: Vec<LeaseRef>,
    },
    /// Open a link to the node, which has joined the pool: it is at `Settings::nodes`.
    OpenLink {
        /// Which.
        node: usize,
    },
    /// Close it: the node has left the pool and holds nothing of ours. Nothing is asked of it any more.
    CloseLink {
        /// Which.
        node: usize,
    },
    /// With each renewal from now on, to every node, say this of the service.
    Claim {
        /// What it holds and wants.
        claim: Claim,
        /// The ids of its leases that are not to be reclaimed.
        guaranteed: Vec<String>,
    },
    /// Have the service-manager put this list in force; an older one on its way there is void.
    Publish(ChildList),
    /// Keep this in the journal.
    Record(Entry),
    /// Tell an operator.
    Tell(News),
    /// Somebody newer has taken over, and how that is known: end, and leave everything to it.
    Fenced(String),
}
