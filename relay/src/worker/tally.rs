//! What one worker has counted. One thread writes, anybody reads; but for connections, which are given.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::relay::Counters;

/// Aligned so that two workers never write to one cache line.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Tally {
    requests: AtomicU64,
    live: AtomicU64,
    refused: AtomicU64,
    retries: AtomicU64,
    connections: AtomicU64,
}

impl Tally {
    pub(crate) fn asked(&self) {
        add(&self.requests, 1);
        add(&self.live, 1);
    }

    pub(crate) fn ended(&self) {
        add(&self.live, u64::MAX);
    }

    /// Requests that were asked and have not ended.
    pub(crate) fn live(&self) -> u64 {
        self.live.load(Ordering::Relaxed)
    }

    pub(crate) fn refused(&self) {
        add(&self.refused, 1);
    }

    pub(crate) fn retried(&self) {
        add(&self.retries, 1);
    }

    /// A connection is this worker's from now on. Also said by others, who give it one: it must count before
    /// the worker has looked at it, so that a burst is spread evenly.
    pub(crate) fn opened(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    /// Connections that are open.
    pub(crate) fn open(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    pub(crate) fn closed(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn add_to(&self, counters: &mut Counters) {
        counters.requests += self.requests.load(Ordering::Relaxed);
        counters.refused += self.refused.load(Ordering::Relaxed);
        counters.retries += self.retries.load(Ordering::Relaxed);
        counters.connections_open += self.connections.load(Ordering::Relaxed);
    }
}

/// Only the worker's own thread adds, so a load and a store do.
fn add(counter: &AtomicU64, more: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
}
