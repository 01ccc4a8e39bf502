//! TLS on a connection: the handshake of either end, and the stream that is there after it.
//!
//! Which certificates are shown and believed is said by whoever starts the relay, anew for each handshake, so that
//! they can change while connections stay.

mod accept;
mod dial;
mod stream;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ServerConfig};

pub(crate) use accept::accept;
pub(crate) use dial::dial;
pub(crate) use stream::TlsStream;

/// What a relay shows where clients speak TLS, and whom it takes.
#[derive(Clone)]
pub struct TlsServer {
    config: Arc<dyn Fn() -> Arc<ServerConfig> + Send + Sync>,
    name: Option<Arc<Namer>>,
    failed: Option<Arc<Refused>>,
}

type Refused = dyn Fn(FailedHandshake<'_>) + Send + Sync;

type Failed = dyn Fn(&std::io::Error) + Send + Sync;

type Namer = dyn Fn(&CertificateDer<'_>) -> Option<Arc<str>> + Send + Sync;

/// A handshake with a client that came to nothing.
#[derive(Debug, Clone, Copy)]
pub struct FailedHandshake<'a> {
    /// Who it was.
    pub client: IpAddr,
    /// Why.
    pub fault: HandshakeFault,
    /// The same for a person.
    pub words: &'a str,
    /// What the library says, where it is the one that says so.
    pub cause: Option<&'a rustls::Error>,
}

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

/// How an upstream is called that speaks TLS: TLS 1.3 by one that hands out tickets, which says that it has taken us.
#[derive(Clone)]
pub struct TlsClient {
    name: ServerName<'static>,
    config: Arc<dyn Fn() -> Arc<ClientConfig> + Send + Sync>,
    failed: Arc<Failed>,
    counts: Arc<TlsCounts>,
}

/// Handshakes with upstreams, since this was made.
#[derive(Debug, Default)]
pub struct TlsCounts {
    full: AtomicU64,
    resumed: AtomicU64,
    failed: AtomicU64,
}

impl TlsServer {
    /// `config` is asked for each handshake, on a worker; it must not block.
    pub fn new(config: impl Fn() -> Arc<ServerConfig> + Send + Sync + 'static) -> TlsServer {
        TlsServer { config: Arc::new(config), name: None, failed: None }
    }

    /// The same, and clients go by the `name` that their certificate has; who has none is refused. It is what
    /// [`Head::peer`](crate::Head::peer) says.
    #[must_use]
    pub fn naming(
        self,
        name: impl Fn(&CertificateDer<'_>) -> Option<Arc<str>> + Send + Sync + 'static,
    ) -> TlsServer {
        TlsServer { name: Some(Arc::new(name)), ..self }
    }

    /// The same; `failed` hears of each handshake that comes to nothing, on a worker; it must not block.
    #[must_use]
    pub fn telling(self, failed: impl Fn(FailedHandshake<'_>) + Send + Sync + 'static) -> TlsServer {
        TlsServer { failed: Some(Arc::new(failed)), ..self }
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        (self.config)()
    }

    /// The name of whoever shows that, where clients have names.
    pub(crate) fn name_of(&self, shown: Option<&[CertificateDer<'_>]>) -> Result<Option<Arc<str>>, Nameless> {
        let Some(name) = &self.name else { return Ok(None) };
        let shown = shown.and_then(<[_]>::first).and_then(|shown| name(shown));
        shown.map(Some).ok_or(Nameless)
    }

    pub(crate) fn tell(&self, failed: FailedHandshake<'_>) {
        if let Some(tell) = &self.failed {
            tell(failed);
        }
    }
}

/// A client has no name and must have one.
#[derive(Debug)]
pub(crate) struct Nameless;

impl TlsClient {
    /// The upstream must show a certificate for `name`. `config` is asked for each handshake, on a worker, and `failed`
    /// hears of each that comes to nothing; they must not block.
    pub fn new(
        name: ServerName<'static>,
        config: impl Fn() -> Arc<ClientConfig> + Send + Sync + 'static,
        failed: impl Fn(&std::io::Error) + Send + Sync + 'static,
        counts: Arc<TlsCounts>,
    ) -> TlsClient {
        TlsClient { name, config: Arc::new(config), failed: Arc::new(failed), counts }
    }

    fn name(&self) -> ServerName<'static> {
        self.name.clone()
    }

    fn config(&self) -> Arc<ClientConfig> {
        (self.config)()
    }

    fn count(&self, is_resumed: bool) {
        let counter = if is_resumed { &self.counts.resumed } else { &self.counts.full };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn failed(&self, error: &std::io::Error) {
        self.counts.failed.fetch_add(1, Ordering::Relaxed);
        (self.failed)(error);
    }
}

impl TlsCounts {
    /// With certificates, by a ticket, and in vain.
    pub fn read(&self) -> (u64, u64, u64) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (read(&self.full), read(&self.resumed), read(&self.failed))
    }
}

/// Nothing of what is secret.
impl fmt::Debug for TlsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsServer").finish_non_exhaustive()
    }
}

/// As above.
impl fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsClient").field("name", &self.name).finish_non_exhaustive()
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
