//! A seat: one place a request can be sent to, the local copy's or a child's, with what the pick
//! looks at. Who sits in it may change (a restarted local copy); its counts go with the upstream.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use relay::{InFlight, Upstream};

use crate::pick::Candidate;

/// One place a request can be sent to.
pub(crate) struct Seat {
    name: String,
    // An f64, as bits.
    capacity: AtomicU64,
    upstream: ArcSwapOption<Upstream>,
    is_open: AtomicBool,
    is_out: AtomicBool,
    // Of those who sat here before.
    served_before: AtomicU64,
}

impl Seat {
    /// An empty seat for a copy that handles `capacity` requests at a time well.
    pub(crate) fn new(name: &str, capacity: f64) -> Self {
        let seat = Self {
            name: name.to_owned(),
            capacity: AtomicU64::new(0),
            upstream: ArcSwapOption::empty(),
            is_open: AtomicBool::new(false),
            is_out: AtomicBool::new(false),
            served_before: AtomicU64::new(0),
        };
        seat.set_capacity(capacity);
        seat
    }

    /// "local" or the node's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// K: what the copy handles well at a time, and its hard capacity. At least 1, for a copy that
    /// may take no request at all is none.
    pub(crate) fn capacity(&self) -> f64 {
        f64::from_bits(self.capacity.load(Ordering::Relaxed))
    }

    /// Sets K.
    pub(crate) fn set_capacity(&self, capacity: f64) {
        self.capacity.store(capacity.max(1.0).to_bits(), Ordering::Relaxed);
    }

    /// Who sits here now.
    pub(crate) fn upstream(&self) -> Option<Arc<Upstream>> {
        self.upstream.load_full()
    }

    /// Lets `upstream` take requests here; `None` empties the seat.
    pub(crate) fn seat(&self, upstream: Option<Arc<Upstream>>) {
        self.is_out.store(false, Ordering::Relaxed);
        self.is_open.store(upstream.is_some(), Ordering::Relaxed);
        if let Some(left) = self.upstream.swap(upstream) {
            self.served_before.fetch_add(left.totals().served, Ordering::Relaxed);
        }
    }

    /// Whether who sits here takes requests: it answers its probes, and connects to it succeed.
    pub(crate) fn is_serving(&self) -> bool {
        self.is_open.load(Ordering::Relaxed) && !self.is_out()
    }

    /// Closes the seat to new requests while its probes fail, and opens it again.
    pub(crate) fn set_open(&self, open: bool) {
        self.is_open.store(open, Ordering::Relaxed);
    }

    /// Whether connects to it failed and no probe has succeeded since.
    pub(crate) fn is_out(&self) -> bool {
        self.is_out.load(Ordering::Relaxed)
    }

    /// Takes it out or back in; answers whether that changed anything.
    pub(crate) fn set_out(&self, out: bool) -> bool {
        self.is_out.swap(out, Ordering::Relaxed) != out
    }

    /// Requests that were answered from here, by whoever sat here.
    pub(crate) fn served(&self) -> u64 {
        let now = self.upstream.load().as_ref().map_or(0, |upstream| upstream.totals().served);
        self.served_before.load(Ordering::Relaxed) + now
    }

    /// Takes one place, unless that would be more than the hard capacity.
    pub(crate) fn try_acquire(&self) -> Option<InFlight> {
        self.upstream.load().as_ref()?.try_acquire(self.capacity())
    }
}

impl Candidate for Seat {
    fn load(&self) -> f64 {
        self.upstream.load().as_ref().map_or(0.0, |upstream| upstream.load())
    }

    fn capacity(&self) -> f64 {
        Self::capacity(self)
    }

    fn takes(&self, avoid: &[u64]) -> bool {
        self.is_serving()
            && self.upstream.load().as_ref().is_some_and(|upstream| !avoid.contains(&upstream.id()))
    }
}
