//! How nodes are called with requests where these are encrypted: with the certificate of the front end, and each by
//! its own name. What fails is logged, the same of one node not each time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cluster::tls::Tls;
use relay::{TlsClient, TlsCounts};

/// The same of the same node is logged again after this.
const AGAIN_AFTER: Duration = Duration::from_secs(60);

/// All calls of one front end.
pub(crate) struct Calls {
    tls: Tls,
    counts: Arc<TlsCounts>,
    told: Arc<Told>,
}

/// What was logged of late, by the node.
#[derive(Default)]
struct Told(Mutex<HashMap<String, (String, Instant)>>);

impl Calls {
    /// With these certificates.
    pub(crate) fn new(tls: Tls) -> Self {
        Self { tls, counts: Arc::default(), told: Arc::default() }
    }

    /// How the node of that name is called.
    pub(crate) fn to(&self, node: &str) -> TlsClient {
        let (tls, told, called) = (self.tls.clone(), Arc::clone(&self.told), node.to_owned());
        let failed = move |error: &_| {
            let words = Tls::why_not(error);
            if told.is_news(&called, &words, Instant::now()) {
                tracing::warn!(node = called, "no TLS with node {called} for requests: {words}");
            } else {
                tracing::debug!(node = called, "no TLS with node {called} for requests: {words}");
            }
        };
        TlsClient::new(
            self.tls.name_of_node(node),
            move || tls.data_client(),
            failed,
            Arc::clone(&self.counts),
        )
    }

    /// Handshakes so far.
    pub(crate) fn counts(&self) -> &TlsCounts {
        &self.counts
    }
}

impl Told {
    fn is_news(&self, node: &str, words: &str, now: Instant) -> bool {
        // Nothing in it is ever half done.
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|_, (_, at)| now.duration_since(*at) < AGAIN_AFTER);
        if told.get(node).is_some_and(|(last, _)| last == words) {
            return false;
        }
        told.insert(node.to_owned(), (words.to_owned(), now));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_of_one_node_is_told_once_a_minute() {
        let (told, now) = (Told::default(), Instant::now());
        assert!(told.is_news("c1", "it is somebody else", now));
        assert!(!told.is_news("c1", "it is somebody else", now + AGAIN_AFTER / 2));
        assert!(told.is_news("c2", "it is somebody else", now));
        assert!(told.is_news("c1", "its certificate has expired", now));
        assert!(told.is_news("c2", "it is somebody else", now + AGAIN_AFTER));
    }
}
