//! A seat: one place a request can be sent to, the local copy's or a child's, with what the pick
//! looks at. Who sits in it may change (a restarted local copy); its counts go with the upstream.

mod out;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use arc_swap::ArcSwapOption;
use relay::{InFlight, Upstream};

use crate::pick::Candidate;
use crate::pick::board::Board;

use out::Outs;
pub(crate) use out::{Out, OutReason};

/// One place a request can be sent to.
pub(crate) struct Seat {
    name: String,
    gauge: Arc<Gauge>,
    upstream: ArcSwapOption<Upstream>,
    // Its 5xx rank it behind the others on the lists that are made from now on; that no connect to it
    // succeeds is in the gauge too, which a pick looks at without a lock.
    outs: Mutex<Outs>,
    ejections: AtomicU64,
    // Of those who sat here before.
    served_before: AtomicU64,
}

/// What a pick looks at besides the load, and the board on which both are shown. The upstreams that
/// sit here hold it, so it holds none.
///
/// Everything here is sequentially consistent: whoever changes something shows it afterwards, and of
/// two who do so at once the later one has to see the change of both.
pub(crate) struct Gauge {
    // An f64, as bits.
    capacity: AtomicU64,
    // What it may have for now, where that is less. An f64, as bits.
    limit: AtomicU64,
    // An f64, as bits.
    warmth: AtomicU64,
    is_open: AtomicBool,
    is_out: AtomicBool,
    place: ArcSwapOption<Place>,
}

/// Where on a board.
struct Place {
    board: Arc<Board>,
    index: usize,
    // Whose load counts: requests of somebody who sat here before may still run.
    upstream: u64,
}

/// A gauge with the load that goes with it.
struct Reading<'a> {
    gauge: &'a Gauge,
    upstream: &'a Upstream,
}

impl Seat {
    /// An empty seat for a copy that handles `capacity` requests at a time well.
    pub(crate) fn new(name: &str, capacity: f64) -> Self {
        let gauge = Gauge {
            capacity: AtomicU64::new(0),
            limit: AtomicU64::new(f64::INFINITY.to_bits()),
            warmth: AtomicU64::new(1.0f64.to_bits()),
            is_open: AtomicBool::new(false),
            is_out: AtomicBool::new(false),
            place: ArcSwapOption::empty(),
        };
        let seat = Self {
            name: name.to_owned(),
            gauge: Arc::new(gauge),
            upstream: ArcSwapOption::empty(),
            outs: Mutex::default(),
            ejections: AtomicU64::new(0),
            served_before: AtomicU64::new(0),
        };
        seat.set_capacity(capacity);
        seat
    }

    /// "local" or the node's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What an upstream that is to sit here tells of its changes.
    pub(crate) fn gauge(&self) -> &Arc<Gauge> {
        &self.gauge
    }

    /// K: what the copy handles well at a time, and its hard capacity. At least 1, for a copy that
    /// may take no request at all is none.
    pub(crate) fn capacity(&self) -> f64 {
        self.gauge.capacity()
    }

    /// Sets K.
    pub(crate) fn set_capacity(&self, capacity: f64) {
        self.gauge.capacity.store(capacity.max(1.0).to_bits(), Ordering::SeqCst);
        self.show();
    }

    /// Holds it to less than K for now: no level is judged by that, but no more is sent there. `None`: up to K again.
    pub(crate) fn hold(&self, limit: Option<f64>) {
        let limit = limit.map_or(f64::INFINITY, |limit| limit.max(1.0)).to_bits();
        if self.gauge.limit.swap(limit, Ordering::SeqCst) != limit {
            self.show();
        }
    }

    /// Sets the share of K that its level is judged by (`pick::warmth`).
    pub(crate) fn set_warmth(&self, warmth: f64) {
        self.gauge.warmth.store(warmth.to_bits(), Ordering::SeqCst);
        self.show();
    }

    /// Who sits here now.
    pub(crate) fn upstream(&self) -> Option<Arc<Upstream>> {
        self.upstream.load_full()
    }

    /// Lets `upstream` take requests here; `None` empties the seat. It is on no board until it is
    /// placed on one.
    pub(crate) fn seat(&self, upstream: Option<Arc<Upstream>>) {
        self.gauge.place.store(None);
        let mut outs = self.outs();
        *outs = Outs::default();
        self.gauge.is_out.store(false, Ordering::SeqCst);
        drop(outs);
        self.gauge.is_open.store(upstream.is_some(), Ordering::SeqCst);
        if let Some(left) = self.upstream.swap(upstream) {
            self.served_before.fetch_add(left.totals().served, Ordering::Relaxed);
        }
    }

    /// Shows it from now on at this index of this board, and nowhere else; `None`: nowhere.
    pub(crate) fn place(&self, board: Option<(&Arc<Board>, usize)>) {
        let place = board.zip(self.upstream.load().as_ref()).map(|((board, index), upstream)| {
            Arc::new(Place { board: Arc::clone(board), index, upstream: upstream.id() })
        });
        self.gauge.place.store(place);
        self.show();
    }

    /// Whether who sits here takes requests: it answers its probes, and connects to it succeed.
    pub(crate) fn is_serving(&self) -> bool {
        self.gauge.is_serving()
    }

    /// Closes the seat to new requests while its probes fail, and opens it again; answers whether
    /// that changed anything.
    pub(crate) fn set_open(&self, open: bool) -> bool {
        let is_changed = self.gauge.is_open.swap(open, Ordering::SeqCst) != open;
        self.show();
        is_changed
    }

    /// Why who sits here is out, and for how long; `None`: it is in.
    pub(crate) fn out(&self) -> Option<Out> {
        self.outs().at(Instant::now())
    }

    /// Takes it out because connects to it fail, or back in because a probe succeeded; answers whether
    /// that changed anything.
    pub(crate) fn set_out(&self, out: bool) -> bool {
        let mut outs = self.outs();
        let is_changed = outs.set(OutReason::NoConnection, out, Instant::now());
        self.gauge.is_out.store(out, Ordering::SeqCst);
        drop(outs);
        self.show();
        is_changed
    }

    /// Whether it is out because it answered with 5xx too often.
    pub(crate) fn is_ejected(&self) -> bool {
        self.outs().is(OutReason::Errors)
    }

    /// Marks it for the lists that are made from now on; answers whether that changed anything.
    pub(crate) fn set_ejected(&self, ejected: bool) -> bool {
        let is_changed = self.outs().set(OutReason::Errors, ejected, Instant::now());
        if is_changed && ejected {
            self.ejections.fetch_add(1, Ordering::Relaxed);
        }
        is_changed
    }

    /// How often it has been out for its 5xx.
    pub(crate) fn ejections(&self) -> u64 {
        self.ejections.load(Ordering::Relaxed)
    }

    /// Requests that were answered from here, by whoever sat here.
    pub(crate) fn served(&self) -> u64 {
        let now = self.upstream.load().as_ref().map_or(0, |upstream| upstream.totals().served);
        self.served_before.load(Ordering::Relaxed) + now
    }

    /// Takes one place, unless that would be more than the hard capacity.
    pub(crate) fn try_acquire(&self) -> Option<InFlight> {
        let upstream = self.upstream.load();
        let upstream = upstream.as_ref()?;
        let place = upstream.try_acquire(self.gauge.room())?;
        self.gauge.show(upstream);
        Some(place)
    }

    fn outs(&self) -> MutexGuard<'_, Outs> {
        self.outs.lock().expect("no holder of the lock panics")
    }

    fn show(&self) {
        if let Some(upstream) = &*self.upstream.load() {
            self.gauge.show(upstream);
        }
    }
}

impl Gauge {
    /// Brings the board into step. To be called after each change here and of the upstream's load.
    pub(crate) fn show(&self, upstream: &Upstream) {
        if let Some(place) = &*self.place.load()
            && place.upstream == upstream.id()
        {
            place.board.show(place.index, &Reading { gauge: self, upstream });
        }
    }

    fn capacity(&self) -> f64 {
        f64::from_bits(self.capacity.load(Ordering::SeqCst))
    }

    /// The hard capacity.
    fn room(&self) -> f64 {
        self.capacity().min(f64::from_bits(self.limit.load(Ordering::SeqCst)))
    }

    fn warmth(&self) -> f64 {
        f64::from_bits(self.warmth.load(Ordering::SeqCst))
    }

    fn is_serving(&self) -> bool {
        self.is_open.load(Ordering::SeqCst) && !self.is_out.load(Ordering::SeqCst)
    }
}

impl Candidate for Seat {
    fn load(&self) -> f64 {
        self.upstream.load().as_ref().map_or(0.0, |upstream| upstream.load())
    }

    fn capacity(&self) -> f64 {
        self.gauge.room()
    }

    fn warmth(&self) -> f64 {
        self.gauge.warmth()
    }

    fn takes(&self, avoid: &[u64]) -> bool {
        // An empty seat is not open.
        self.is_serving()
            && (avoid.is_empty()
                || self.upstream.load().as_ref().is_some_and(|upstream| !avoid.contains(&upstream.id())))
    }
}

impl Candidate for Reading<'_> {
    fn load(&self) -> f64 {
        self.upstream.load()
    }

    fn capacity(&self) -> f64 {
        self.gauge.room()
    }

    fn warmth(&self) -> f64 {
        self.gauge.warmth()
    }

    fn takes(&self, avoid: &[u64]) -> bool {
        self.gauge.is_serving() && !avoid.contains(&self.upstream.id())
    }
}
