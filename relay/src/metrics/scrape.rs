//! What Prometheus asks of a relay: the workers' counters summed, and a row for each upstream.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::histogram::{Buckets, Histogram};
use super::read;
use super::reasons::REASONS;
use super::text::{Kind, Text};
use super::worker::{CLASSES, Metrics};
use crate::access_log::End;
use crate::tls::HandshakeFault;

/// The classes' names, in the order they are counted.
const CODES: [&str; CLASSES] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

/// The counters of all workers of one relay.
#[derive(Debug, Clone)]
pub struct Scrape {
    workers: Vec<Arc<Metrics>>,
}

/// What is to be said of one upstream; the daemon around the relay knows it.
#[derive(Debug, Clone, Copy)]
pub struct UpstreamRow<'a> {
    /// `local` or a node's name. Each name once.
    pub name: &'a str,
    /// Whether it takes requests.
    pub state: UpstreamState,
    /// Requests in flight, each counted whole.
    pub in_flight: u32,
    /// Of these, the long-lived ones.
    pub long_lived: u32,
    /// Requests in flight, a long-lived one counted with its weight.
    pub load: f64,
    /// What it handles well at a time.
    pub capacity: f64,
    /// Requests whose answer has begun, by the hundreds of its status, from 1xx to 5xx.
    pub requests: [u64; 5],
    /// How often it was taken out because it failed.
    pub ejections: u64,
}

/// Whether an upstream takes requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamState {
    /// It does.
    Up,
    /// It failed and is not asked until it answers again.
    Out,
    /// It ends those it has and is given no more.
    Draining,
}

impl UpstreamState {
    const WORDS: [&'static str; 3] = ["up", "out", "draining"];

    const fn word(self) -> &'static str {
        match self {
            UpstreamState::Up => "up",
            UpstreamState::Out => "out",
            UpstreamState::Draining => "draining",
        }
    }
}

impl Scrape {
    /// Of these workers.
    pub fn new(workers: Vec<Arc<Metrics>>) -> Scrape {
        Scrape { workers }
    }

    /// Writes every family the relay has. Takes no lock; what changes meanwhile may show in one sample
    /// and not yet in another.
    pub fn write(&self, upstreams: &[UpstreamRow<'_>], text: &mut Text) {
        self.write_requests(text);
        self.write_connections(text);
        self.write_times(text);
        write_upstreams(upstreams, text);
    }

    fn write_requests(&self, text: &mut Text) {
        let help =
            "Requests that have ended, by the class of their answer's status; none: no answer was sent.";
        let mut family = text.family("accordion_requests_total", help, Kind::Counter);
        for (code, name) in CODES.into_iter().enumerate() {
            family.sample(&[("code", name)], self.sum(|worker| &worker.classes[code]));
        }
        let help = "Requests that have ended, by how they did.";
        let mut family = text.family("accordion_requests_ended_total", help, Kind::Counter);
        for (end, word) in End::WORDS.into_iter().enumerate() {
            family.sample(&[("ended", word)], self.sum(|worker| &worker.ends[end]));
        }
        let help = "Answers the relay or a node gave by itself, by their reason.";
        let mut family = text.family("accordion_refusals_total", help, Kind::Counter);
        for (index, reason) in REASONS.into_iter().enumerate() {
            family.sample(&[("reason", reason)], self.sum(|worker| &worker.reasons[index]));
        }
        let help = "Attempts beyond the first of a request.";
        self.counter(text, "accordion_retries_total", help, |worker| &worker.retries);
        let help = "Bodies of requests that have ended, without framing.";
        self.counter(text, "accordion_request_body_bytes_total", help, |worker| &worker.request_bytes);
        let help = "Bodies of answers to requests that have ended, without framing.";
        self.counter(text, "accordion_response_body_bytes_total", help, |worker| &worker.response_bytes);
    }

    fn write_connections(&self, text: &mut Text) {
        let help = "Clients' connections accepted.";
        self.counter(text, "accordion_connections_accepted_total", help, |worker| &worker.accepted);
        let help = "Clients' connections turned away with a 503, because there were too many.";
        self.counter(text, "accordion_connections_refused_total", help, |worker| &worker.turned_away);
        let help = "Handshakes of TLS with clients that succeeded.";
        self.counter(text, "accordion_tls_handshakes_total", help, |worker| &worker.handshakes);
        let help = "Handshakes of TLS with clients that came to nothing, by the reason.";
        let mut family = text.family("accordion_tls_handshakes_failed_total", help, Kind::Counter);
        for (index, word) in HandshakeFault::WORDS.into_iter().enumerate() {
            family.sample(&[("reason", word)], self.sum(|worker| &worker.handshakes_failed[index]));
        }
        let open: u64 = self.workers.iter().map(|worker| worker.open()).sum();
        text.family("accordion_connections_open", "Clients' connections open now.", Kind::Gauge)
            .sample(&[], open as f64);
        text.family("accordion_received_bytes_total", "Read from sockets, by the other side.", Kind::Counter)
            .sample(&[("side", "client")], self.sum(|worker| &worker.client_received))
            .sample(&[("side", "upstream")], self.sum(|worker| &worker.upstream_received));
        text.family("accordion_sent_bytes_total", "Written to sockets, by the other side.", Kind::Counter)
            .sample(&[("side", "client")], self.sum(|worker| &worker.client_sent))
            .sample(&[("side", "upstream")], self.sum(|worker| &worker.upstream_sent));
    }

    fn write_times(&self, text: &mut Text) {
        let help = "Time a request waited for a place, nothing for most.";
        self.histogram(text, "accordion_queue_seconds", help, |worker| &worker.queue);
        let help = "Time of connects to upstreams, for requests that found none in the pool.";
        self.histogram(text, "accordion_connect_seconds", help, |worker| &worker.connect);
        let help = "Time from a request sent to an upstream to the first byte of its answer.";
        self.histogram(text, "accordion_first_byte_seconds", help, |worker| &worker.first_byte);
        let help = "Time from the first byte of a request to the last of its answer, tunnels left out.";
        self.histogram(text, "accordion_request_seconds", help, |worker| &worker.total);
    }

    fn counter(&self, text: &mut Text, name: &str, help: &str, of: fn(&Metrics) -> &AtomicU64) {
        text.family(name, help, Kind::Counter).sample(&[], self.sum(of));
    }

    fn histogram(&self, text: &mut Text, name: &str, help: &str, of: fn(&Metrics) -> &Histogram) {
        let mut sum = Buckets::default();
        self.workers.iter().for_each(|worker| sum += of(worker).buckets());
        text.family(name, help, Kind::Histogram).histogram(&[], &sum);
    }

    fn sum(&self, of: impl Fn(&Metrics) -> &AtomicU64) -> f64 {
        self.workers.iter().map(|worker| read(of(worker))).sum::<u64>() as f64
    }
}

fn write_upstreams(rows: &[UpstreamRow<'_>], text: &mut Text) {
    let mut family = text.family("accordion_upstream_state", "1 for the state it is in.", Kind::Gauge);
    for row in rows {
        family.state(&[("upstream", row.name)], "state", &UpstreamState::WORDS, row.state.word());
    }
    type Gauge = fn(&UpstreamRow<'_>) -> f64;
    let gauges: [(&str, &str, Gauge); 4] = [
        ("accordion_upstream_in_flight", "Requests in flight.", |row| f64::from(row.in_flight)),
        ("accordion_upstream_long_lived", "Of these, the long-lived ones.", |row| f64::from(row.long_lived)),
        ("accordion_upstream_load", "Requests in flight, long-lived ones with their weight.", |row| row.load),
        ("accordion_upstream_capacity", "Requests it handles well at a time.", |row| row.capacity),
    ];
    for (name, help, of) in gauges {
        let mut family = text.family(name, help, Kind::Gauge);
        for row in rows {
            family.sample(&[("upstream", row.name)], of(row));
        }
    }
    let help = "Requests whose answer has begun, by the class of its status.";
    let mut family = text.family("accordion_upstream_requests_total", help, Kind::Counter);
    for row in rows {
        for (code, count) in CODES[1..].iter().zip(row.requests) {
            family.sample(&[("upstream", row.name), ("code", code)], count as f64);
        }
    }
    let help = "How often it was taken out because it failed.";
    let mut family = text.family("accordion_upstream_ejections_total", help, Kind::Counter);
    for row in rows {
        family.sample(&[("upstream", row.name)], row.ejections as f64);
    }
}

#[cfg(test)]
mod tests;
