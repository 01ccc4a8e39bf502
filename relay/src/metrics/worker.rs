//! What one worker has counted. One thread writes, anybody reads; but for the open connections, which others give.

use std::sync::atomic::{AtomicU64, Ordering};

use super::histogram::Histogram;
use super::reasons::{self, REASONS};
use super::{add, read};
use crate::access_log::{End, Record};
use crate::relay::Counters;
use crate::tls::HandshakeFault;

/// The hundreds of a status, and 0 for requests that got no answer.
pub(super) const CLASSES: usize = 6;

/// One worker's counters, aligned so that two workers never write to one cache line.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Metrics {
    asked: AtomicU64,
    live: AtomicU64,
    refused: AtomicU64,
    pub(super) classes: [AtomicU64; CLASSES],
    pub(super) ends: [AtomicU64; End::COUNT],
    pub(super) reasons: [AtomicU64; REASONS.len()],
    pub(super) retries: AtomicU64,
    pub(super) request_bytes: AtomicU64,
    pub(super) response_bytes: AtomicU64,
    pub(super) accepted: AtomicU64,
    open: AtomicU64,
    pub(super) turned_away: AtomicU64,
    pub(super) handshakes: AtomicU64,
    pub(super) handshakes_failed: [AtomicU64; HandshakeFault::WORDS.len()],
    pub(super) client_received: AtomicU64,
    pub(super) client_sent: AtomicU64,
    pub(super) upstream_received: AtomicU64,
    pub(super) upstream_sent: AtomicU64,
    pub(super) queue: Histogram,
    pub(super) connect: Histogram,
    pub(super) first_byte: Histogram,
    pub(super) total: Histogram,
}

impl Metrics {
    /// Counts a request whose head was read.
    pub(crate) fn asked(&self) {
        add(&self.asked, 1);
        add(&self.live, 1);
    }

    /// It is not live any more.
    pub(crate) fn ended(&self) {
        add(&self.live, u64::MAX);
    }

    /// Requests that were asked and have not ended.
    pub(crate) fn live(&self) -> u64 {
        read(&self.live)
    }

    /// Counts a request that is answered with a 503 of the relay's own.
    pub(crate) fn refused(&self) {
        add(&self.refused, 1);
    }

    /// Counts an attempt beyond the first of a request.
    pub(crate) fn retried(&self) {
        add(&self.retries, 1);
    }

    /// Counts how one request has ended.
    pub(crate) fn observe(&self, record: &Record<'_>) {
        add(&self.classes[class(record.status)], 1);
        add(&self.ends[record.ended.index()], 1);
        if let Some(reason) = record.ended.reason() {
            add(&self.reasons[reasons::index(reason)], 1);
        }
        add(&self.request_bytes, record.request_bytes);
        add(&self.response_bytes, record.response_bytes);
        self.time(record);
    }

    /// The queue's time counts for every request, mostly as nothing; the others where they happened.
    fn time(&self, record: &Record<'_>) {
        let times = record.times;
        self.queue.record_micros(times.queue);
        if times.connect > 0 {
            self.connect.record_micros(times.connect);
        }
        if times.first_byte > 0 {
            self.first_byte.record_micros(times.first_byte);
        }
        if !record.ended.is_tunnel() {
            self.total.record_micros(times.total);
        }
    }

    /// Counts a client's connection that was accepted.
    pub(crate) fn connection_accepted(&self) {
        add(&self.accepted, 1);
    }

    /// A connection is this worker's from now on. Also said by others, who give it one: it must count before
    /// the worker has looked at it, so that a burst is spread evenly.
    pub(crate) fn opened(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn closed(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    /// Clients' connections that are open now.
    pub(crate) fn open(&self) -> u64 {
        read(&self.open)
    }

    /// Counts one that was turned away with a 503, because there are too many.
    pub(crate) fn connection_refused(&self) {
        add(&self.turned_away, 1);
    }

    /// Counts a client with whom TLS is spoken from now on.
    pub(crate) fn shook_hands(&self) {
        add(&self.handshakes, 1);
    }

    /// Counts one with whom it came to nothing.
    pub(crate) fn failed_to_shake_hands(&self, fault: HandshakeFault) {
        add(&self.handshakes_failed[fault.index()], 1);
    }

    /// Counts what went through clients' sockets, heads and framing with it.
    pub(crate) fn client_bytes(&self, received: u64, sent: u64) {
        add(&self.client_received, received);
        add(&self.client_sent, sent);
    }

    /// Counts what went through upstreams' sockets, heads and framing with it.
    pub(crate) fn upstream_bytes(&self, received: u64, sent: u64) {
        add(&self.upstream_received, received);
        add(&self.upstream_sent, sent);
    }

    /// Adds what the daemons ask for to that of other workers.
    pub(crate) fn add_to(&self, counters: &mut Counters) {
        counters.requests += read(&self.asked);
        counters.refused += read(&self.refused);
        counters.retries += read(&self.retries);
        counters.connections_open += self.open();
    }
}

fn class(status: u16) -> usize {
    let class = usize::from(status / 100);
    if class < CLASSES { class } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_counts_in_its_class_and_an_impossible_one_as_none() {
        assert_eq!([0, 99, 100, 200, 404, 599, 600, u16::MAX].map(class), [0, 0, 1, 2, 4, 5, 0, 0]);
    }

    #[test]
    fn two_workers_share_no_cache_line() {
        assert_eq!(align_of::<Metrics>(), 128);
    }
}
