//! TLS on a connection: the handshake of either end, and the stream that is there after it.
//!
//! Which certificates are shown and believed is said by whoever starts the relay, anew for each handshake, so that
//! they can change while connections stay.

mod accept;
mod stream;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use rustls::ServerConfig;

pub(crate) use accept::accept;
pub(crate) use stream::TlsStream;

/// What a relay shows where clients speak TLS, and whom it takes.
#[derive(Clone)]
pub struct TlsServer {
    config: Arc<dyn Fn() -> Arc<ServerConfig> + Send + Sync>,
    failed: Option<Arc<Failed>>,
}

type Failed = dyn Fn(IpAddr, HandshakeFault, &str) + Send + Sync;

/// Why a handshake came to nothing. The words of the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandshakeFault {
    /// What came is no TLS, such as a request in the clear.
    NotTls,
    /// The two ends have nothing in common, or one does not take the other's certificate.
    Refused,
    /// It took too long.
    Timeout,
    /// The client went away.
    Gone,
}

impl TlsServer {
    /// `config` is asked for each handshake, on a worker; it must not block.
    pub fn new(config: impl Fn() -> Arc<ServerConfig> + Send + Sync + 'static) -> TlsServer {
        TlsServer { config: Arc::new(config), failed: None }
    }

    /// The same; `failed` hears of each handshake that comes to nothing: who it was, why, and in words for a
    /// person. It must not block.
    #[must_use]
    pub fn telling(self, failed: impl Fn(IpAddr, HandshakeFault, &str) + Send + Sync + 'static) -> TlsServer {
        TlsServer { failed: Some(Arc::new(failed)), ..self }
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        (self.config)()
    }

    pub(crate) fn tell(&self, client: IpAddr, fault: HandshakeFault, words: &str) {
        if let Some(failed) = &self.failed {
            failed(client, fault, words);
        }
    }
}

/// Nothing of what is secret.
impl fmt::Debug for TlsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsServer").finish_non_exhaustive()
    }
}

impl HandshakeFault {
    pub(crate) const WORDS: [&'static str; 4] = ["not-tls", "refused", "timeout", "gone"];

    pub(crate) fn index(self) -> usize {
        match self {
            HandshakeFault::NotTls => 0,
            HandshakeFault::Refused => 1,
            HandshakeFault::Timeout => 2,
            HandshakeFault::Gone => 3,
        }
    }
}
