//! What is noted of one request on its way, for the metrics and the access log.

use std::time::{Duration, Instant, SystemTime};

use super::order::Order;
use crate::access_log::{End, Record, Times, micros};
use crate::live::Client;
use crate::refusal::Refusal;

pub(crate) struct Trace {
    /// Read only where requests are logged.
    time: Option<SystemTime>,
    began: Instant,
    asked: Instant,
    picked: Option<Instant>,
    connect: Duration,
    /// When the first byte of the last answer came.
    answered: Option<Instant>,
    pub(super) status: u16,
    /// Bytes of the answer's body, without the framing of chunks.
    pub(super) response_bytes: u64,
    pub(super) retries: u8,
    pub(super) ended: End,
    pub(super) client_sent: u64,
    pub(super) upstream_received: u64,
    pub(super) upstream_sent: u64,
}

impl Trace {
    /// Of a request whose head is whole; `began` is when its first byte came, where that was earlier.
    pub(crate) fn new(client: &Client, began: Option<Instant>) -> Trace {
        let asked = Instant::now();
        Trace {
            time: client.worker().logs().then(SystemTime::now),
            began: began.unwrap_or(asked),
            asked,
            picked: None,
            connect: Duration::ZERO,
            answered: None,
            status: 0,
            response_bytes: 0,
            retries: 0,
            ended: End::Completed,
            client_sent: 0,
            upstream_received: 0,
            upstream_sent: 0,
        }
    }

    /// Of what was no request, and is answered with `refusal`.
    pub(crate) fn refused(client: &Client, began: Option<Instant>, refusal: &Refusal) -> Trace {
        let mut trace = Trace::new(client, began);
        trace.status = refusal.status;
        trace.ended = End::Refused(refusal.reason);
        trace.response_bytes = refusal.text.len() as u64 + 1;
        trace
    }

    /// It has a place at an upstream since then.
    pub(super) fn picked(&mut self, since: Instant) {
        self.picked = Some(since);
        self.connect = Duration::ZERO;
        self.answered = None;
    }

    /// So long the connect took.
    pub(super) fn connected(&mut self, took: Duration) {
        self.connect = took;
    }

    /// The first byte of an answer came.
    pub(super) fn answered(&mut self, at: Instant) {
        self.answered = Some(at);
    }

    /// The request has ended: counts it, and writes its line. Its in-flight guard is still held where one
    /// served it, and ends with the same moment.
    pub(crate) fn close(&self, order: &Order, client: &Client) {
        let now = Instant::now();
        let worker = client.worker();
        let since = |later: Instant, earlier: Instant| micros(later.saturating_duration_since(earlier));
        let sent = self.picked.map(|picked| picked + self.connect);
        let times = Times {
            head: since(self.asked, self.began),
            queue: since(self.picked.unwrap_or(now), self.asked),
            connect: micros(self.connect),
            // At least 1, because it happened.
            first_byte: sent.zip(self.answered).map_or(0, |(sent, answered)| since(answered, sent).max(1)),
            total: since(now, self.began),
        };
        let record = |served_by: &str| {
            let record = Record {
                client: client.address(),
                time: self.time.unwrap_or(SystemTime::UNIX_EPOCH),
                method: order.method_bytes(),
                target: order.target_bytes(),
                version: if order.is_http_10 { "HTTP/1.0" } else { client.version() },
                host: order.notes.host(),
                referer: order.notes.referer(),
                user_agent: order.notes.user_agent(),
                status: self.status,
                request_bytes: order.content_bytes(),
                response_bytes: self.response_bytes,
                served_by,
                retries: self.retries,
                times,
                ended: self.ended,
            };
            worker.observe(&record);
        };
        let mut has_served = false;
        client.with_guard(|guard| {
            guard.end_at(now);
            has_served = true;
            record(guard.upstream().name());
        });
        if !has_served {
            record("-");
        }
        let metrics = worker.metrics();
        metrics.client_bytes(order.received + order.head_bytes as u64, self.client_sent);
        metrics.upstream_bytes(self.upstream_received, self.upstream_sent);
    }
}
