//! Callers that were refused, with control calls and with requests: counted, and logged without a line for each time that one comes back.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::{debug, warn};

/// The same of the same machine is logged again after this.
const AGAIN_AFTER: Duration = Duration::from_secs(60);

/// What was logged of late is kept for so many; beyond them the oldest may be told once more.
const KEPT_MAX: usize = 64;

/// Since the daemon's start.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    connections: AtomicU64,
    calls: AtomicU64,
    told: Mutex<VecDeque<Told>>,
}

/// A line of the log.
#[derive(Debug)]
struct Told {
    of: Option<IpAddr>,
    words: String,
    at: Instant,
}

impl Refusals {
    /// A connection whose other end showed nothing good; `claims`: the names that it showed.
    pub(crate) fn connection(&self, from: SocketAddr, claims: &str, words: &str) {
        self.connections.fetch_add(1, Ordering::Relaxed);
        if self.is_news(Some(from.ip()), &format!("{words} {claims}")) {
            warn!(peer = %from, claims, "control connection refused: {words}");
        } else {
            debug!(peer = %from, claims, "control connection refused: {words}");
        }
    }

    /// The same where requests come.
    pub(crate) fn data_connection(&self, from: IpAddr, claims: &str, words: &str) {
        self.connections.fetch_add(1, Ordering::Relaxed);
        if self.is_news(Some(from), &format!("data {words} {claims}")) {
            warn!(peer = %from, claims, "data connection refused: {words}");
        } else {
            debug!(peer = %from, claims, "data connection refused: {words}");
        }
    }

    /// A request with the token of a lease that is of another service than whoever sends it.
    pub(crate) fn request(&self, from: IpAddr, who: &str, whose: &str) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if self.is_news(Some(from), &format!("request {who} {whose}")) {
            warn!(peer = %from, "request refused: it comes from the front end of {who}, and the lease is of {whose}");
        } else {
            debug!(peer = %from, "request refused: it comes from the front end of {who}, and the lease is of {whose}");
        }
    }

    /// A call of `who` that only `whose` may make.
    pub(crate) fn call(&self, from: Option<SocketAddr>, who: &str, whose: &str) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let peer = from.map(|from| from.to_string()).unwrap_or_default();
        if self.is_news(from.map(|from| from.ip()), &format!("{who} {whose}")) {
            warn!(peer, certificate = who, "call refused: it is for {whose}");
        } else {
            debug!(peer, certificate = who, "call refused: it is for {whose}");
        }
    }

    /// Connections and calls.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.connections.load(Ordering::Relaxed), self.calls.load(Ordering::Relaxed))
    }

    fn is_news(&self, of: Option<IpAddr>, words: &str) -> bool {
        let now = Instant::now();
        // Nothing in it is ever half done.
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|told| now.duration_since(told.at) < AGAIN_AFTER);
        if told.iter().any(|told| told.of == of && told.words == words) {
            return false;
        }
        if told.len() == KEPT_MAX {
            told.pop_front();
        }
        told.push_back(Told { of, words: words.to_owned(), at: now });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_counted_and_the_same_of_one_machine_is_logged_once() {
        let refusals = Refusals::default();
        let from = |last| SocketAddr::from(([10, 0, 0, last], 4000));
        for _ in 0..3 {
            refusals.connection(from(1), "", "it does not speak TLS");
        }
        refusals.call(Some(from(1)), "node c1", "the operator");
        assert_eq!(refusals.counts(), (3, 1));
        let told = |refusals: &Refusals| refusals.told.lock().unwrap().len();
        assert_eq!(told(&refusals), 2);
        for last in 0..=255 {
            refusals.connection(from(last), "", "it shows no certificate");
        }
        assert_eq!(told(&refusals), KEPT_MAX);
    }
}
