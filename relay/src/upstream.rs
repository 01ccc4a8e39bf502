//! One place requests can go, with what all workers count about it.
//!
//! Everything here is an atomic: picking, counting and the figures for decisions take no lock. The
//! connections themselves live in the workers' pools; `close` and `close_idle` reach them by generation.

mod closing;
mod in_flight;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use http::header::HeaderValue;

pub(crate) use closing::{Age, next_closing};
pub use in_flight::InFlight;

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
}

/// One place requests can go, shared by all workers.
pub struct Upstream {
    id: u64,
    name: String,
    address: SocketAddr,
    token: Option<HeaderValue>,
    served_by: Option<HeaderValue>,
    may_refuse: bool,
    load: Load,
    long_lived: AtomicU32,
    served: AtomicU64,
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
    /// Of these, the ones that were never long-lived.
    pub ended: u64,
    /// The time `ended` took together, each from acquire to the end of its answer's body.
    pub service_time_sum: Duration,
}

impl Upstream {
    /// A place with nothing in flight. `released` is called after each in-flight count or its weight went
    /// down, on the thread that let go; it must not block.
    pub fn new(spec: UpstreamSpec, released: impl Fn(&Upstream) + Send + Sync + 'static) -> Arc<Upstream> {
        let token = spec.token.and_then(|token| {
            let value = HeaderValue::from_str(&token).ok();
            if value.is_none() {
                tracing::error!(upstream = spec.name, "token is no header value, none will be sent");
            }
            value.map(|mut value| {
                value.set_sensitive(true);
                value
            })
        });
        Arc::new(Upstream {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            served_by: HeaderValue::from_str(&spec.name).ok(),
            name: spec.name,
            address: spec.address,
            token,
            may_refuse: spec.may_refuse,
            load: Load::default(),
            long_lived: AtomicU32::new(0),
            served: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            service_nanos: AtomicU64::new(0),
            closing: Closing::default(),
            released: Box::new(released),
        })
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
        Totals {
            served: self.served.load(Ordering::Relaxed),
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

    pub(crate) fn token(&self) -> Option<&HeaderValue> {
        self.token.as_ref()
    }

    pub(crate) fn served_by(&self) -> Option<&HeaderValue> {
        self.served_by.as_ref()
    }

    pub(crate) fn may_refuse(&self) -> bool {
        self.may_refuse
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
