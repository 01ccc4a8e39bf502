//! One place requests can go, with what all workers count about it.
//!
//! Everything here is an atomic: picking, counting and the figures for decisions take no lock. The
//! connections themselves live in the workers' pools; `close` and `close_idle` reach them by generation.

mod closing;
mod in_flight;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::TcpStream;

pub(crate) use closing::{Age, next_closing};
pub use in_flight::InFlight;

use crate::headers;
use crate::tls::{self, TlsClient};

use closing::Closing;
use in_flight::{Load, WHOLE};

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// What an [`Upstream`] is made of.
#[derive(Debug, Clone)]
pub struct UpstreamSpec {
    /// Who serves there, for `x-accordion-served-by`: `local` or a node's name.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// Sent with each request as `x-accordion-token`.
    pub token: Option<String>,
    /// Whether it is a node, which may say that nothing was done (a 503 or 403 with `x-accordion-refused`)
    /// or that its service was lost at work (a 502 with `x-accordion-lost`). From anybody else these
    /// headers, and all others of Accordion's own, are removed.
    pub may_refuse: bool,
    /// What is spoken there.
    pub protocol: Protocol,
}

/// What an [`Upstream`] speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2 without TLS, and without asking before (RFC 9113, section 3.3).
    H2c,
}

/// One place requests can go, shared by all workers.
pub struct Upstream {
    id: u64,
    name: String,
    address: SocketAddr,
    token_field: Vec<u8>,
    served_by: Option<Vec<u8>>,
    may_refuse: bool,
    protocol: Protocol,
    tls: Option<TlsClient>,
    load: Load,
    long_lived: AtomicU32,
    /// Answers by the first digit of their status, 1xx first.
    by_class: [AtomicU64; 5],
    ended: AtomicU64,
    service_nanos: AtomicU64,
    closing: Closing,
    released: Box<dyn Fn(&Upstream) + Send + Sync>,
}

/// Counts of an [`Upstream`] since it was made. A request counts when it has ended and its answer had
/// begun: one that was refused or lost, or whose client did not wait, tells nothing of the service's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Requests whose answer had begun, of every kind.
    pub served: u64,
    /// The same by the first digit of the answer's status, 1xx to 5xx. A refusal of the relay's own is no
    /// answer; a status from 600 on counts as 5xx (RFC 9110, section 15).
    pub by_class: [u64; 5],
    /// Of these, the ones that were never long-lived.
    pub ended: u64,
    /// The time `ended` took together, each from acquire to the end of its answer's body.
    pub service_time_sum: Duration,
}

impl Upstream {
    /// A place with nothing in flight. `released` is called after each in-flight count or its weight went
    /// down, on the thread that let go; it must not block.
    pub fn new(spec: UpstreamSpec, released: impl Fn(&Upstream) + Send + Sync + 'static) -> Arc<Upstream> {
        Upstream::new_secured(spec, None, released)
    }

    /// The same, called with TLS where `tls` says how.
    pub fn new_secured(
        spec: UpstreamSpec,
        tls: Option<TlsClient>,
        released: impl Fn(&Upstream) + Send + Sync + 'static,
    ) -> Arc<Upstream> {
        let is_value = |text: &str| text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        let mut token_field = Vec::new();
        match &spec.token {
            Some(token) if is_value(token) => {
                headers::field(&mut token_field, headers::TOKEN, token.as_bytes());
            }
            Some(_) => {
                tracing::error!(upstream = spec.name, "token is no header value, none will be sent");
            }
            None => (),
        }
        Arc::new(Upstream {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            served_by: is_value(&spec.name).then(|| spec.name.clone().into_bytes()),
            name: spec.name,
            address: spec.address,
            token_field,
            may_refuse: spec.may_refuse,
            protocol: spec.protocol,
            tls,
            load: Load::default(),
            long_lived: AtomicU32::new(0),
            by_class: Default::default(),
            ended: AtomicU64::new(0),
            service_nanos: AtomicU64::new(0),
            closing: Closing::default(),
            released: Box::new(released),
        })
    }

    /// Whether it takes a connection, as it would for a request. Takes as long as it does.
    ///
    /// # Errors
    ///
    /// It does not.
    pub async fn reach(&self) -> io::Result<()> {
        let tcp = TcpStream::connect(self.address).await?;
        match &self.tls {
            Some(tls) => tls::dial(tcp, tls).await.map(drop),
            None => Ok(()),
        }
    }

    /// The name it was made with.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A number no other upstream of this process has.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Requests in flight, each counted whole.
    pub fn in_flight(&self) -> u32 {
        self.load.requests()
    }

    /// Of these, the long-lived ones.
    pub fn long_lived(&self) -> u32 {
        self.long_lived.load(Ordering::Relaxed)
    }

    /// Requests in flight, a long-lived one counted with its weight.
    pub fn load(&self) -> f64 {
        f64::from(self.load.thousandths()) / f64::from(WHOLE)
    }

    /// A guard for one more request, unless the load would then be over `limit`. Race-free.
    pub fn try_acquire(self: &Arc<Self>, limit: f64) -> Option<InFlight> {
        let limit = (limit * f64::from(WHOLE)).round().clamp(0.0, f64::from(u32::MAX)) as u32;
        self.load.try_add(limit).then(|| InFlight::new(Arc::clone(self)))
    }

    /// A guard for one more request, whatever the load.
    pub fn acquire(self: &Arc<Self>) -> InFlight {
        self.load.add();
        InFlight::new(Arc::clone(self))
    }

    /// What it has done since it was made.
    pub fn totals(&self) -> Totals {
        let by_class = self.by_class.each_ref().map(|count| count.load(Ordering::Relaxed));
        Totals {
            served: by_class.iter().sum(),
            by_class,
            ended: self.ended.load(Ordering::Relaxed),
            service_time_sum: Duration::from_nanos(self.service_nanos.load(Ordering::Relaxed)),
        }
    }

    /// It is declared dead: every connection there is to it now, idle, in use or being made, is closed on
    /// every worker at once. A later pick connects anew.
    pub fn close(&self) {
        self.closing.cut();
    }

    /// It is being drained: idle connections are closed, those in use when their request has ended.
    /// A later pick connects anew.
    pub fn close_idle(&self) {
        self.closing.retire();
    }

    /// The line that carries the token, or nothing.
    pub(crate) fn token_field(&self) -> &[u8] {
        &self.token_field
    }

    /// The name, where it can stand in a field.
    pub(crate) fn served_by(&self) -> Option<&[u8]> {
        self.served_by.as_deref()
    }

    pub(crate) fn may_refuse(&self) -> bool {
        self.may_refuse
    }

    pub(crate) fn tls(&self) -> Option<&TlsClient> {
        self.tls.as_ref()
    }

    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Upgraded connections to it are ended politely on every worker: a WebSocket's client is told that the
    /// server goes away. Whatever does not end by that is left for [`close`](Upstream::close).
    pub fn part(&self) {
        self.closing.part();
    }

    pub(crate) fn is_parting(&self, age: Age) -> bool {
        self.closing.is_parting(age)
    }

    pub(crate) fn age(&self) -> Age {
        self.closing.age()
    }

    pub(crate) fn is_cut(&self, age: Age) -> bool {
        self.closing.is_cut(age)
    }

    pub(crate) fn is_retired(&self, age: Age) -> bool {
        self.closing.is_retired(age)
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("address", &self.address)
            .field("in_flight", &self.in_flight())
            .finish_non_exhaustive()
    }
}
