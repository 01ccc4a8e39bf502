//! One open client connection, as its own task, its request and the sweep see it.

use std::cell::{Cell, OnceCell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Instant;

use crate::buffer::Buffer;
use crate::headers::{Forwarder, Scheme};
use crate::proxy_protocol::{self, Malformed};
use crate::upstream::InFlight;
use crate::worker::Worker;

/// Where a connection is between two requests or within one, which is also what it waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// No request yet, not a byte of one.
    Fresh,
    /// Between two requests.
    Idle,
    /// A head has begun.
    Head,
    /// The request is read and goes nowhere yet.
    Asked,
    /// More of its body must come from the client before there can be an answer.
    Receiving,
    /// It was sent, its answer has not begun.
    Awaiting,
    /// Its answer has begun, and more of it must come.
    Answering,
    /// A part of its answer waits for the client to take it.
    Delivering,
    /// It is no longer HTTP.
    Upgraded,
    /// It speaks HTTP/2 and has streams, each with an entry of its own for its request.
    Multiplexed,
    /// All was said, and the client's last words are let come so that the answer is not lost to a reset.
    Lingering,
}

impl Phase {
    pub(crate) fn is_request(self) -> bool {
        match self {
            Phase::Fresh | Phase::Idle | Phase::Head | Phase::Multiplexed | Phase::Lingering => false,
            Phase::Asked
            | Phase::Receiving
            | Phase::Awaiting
            | Phase::Answering
            | Phase::Delivering
            | Phase::Upgraded => true,
        }
    }
}

/// What a connection's task is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Signal {
    None,
    /// End after the request that runs, at once when there is none.
    Finish,
    /// End at once.
    Cut,
}

/// Whether a connection that the runtime does not know must be made known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Watch {
    None,
    Later,
    Now,
}

/// How a request reached this relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// As HTTP/1, on a connection of its own.
    Connection,
    /// As a stream of an HTTP/2 connection.
    Stream,
}

pub(crate) struct Client {
    worker: Rc<Worker>,
    address: Cell<IpAddr>,
    /// It need not, or need not any more, say in whose name it comes.
    is_introduced: Cell<bool>,
    arrival: Arrival,
    is_secured: Cell<bool>,
    /// Who it is by its certificate, where that was asked.
    peer: OnceCell<Arc<str>>,
    phase: Cell<Phase>,
    since: Cell<Instant>,
    moved: Cell<Instant>,
    has_expired: Cell<bool>,
    is_leaving: Cell<bool>,
    guard: RefCell<Option<InFlight>>,
    is_long_lived: Cell<bool>,
    signal: Cell<Signal>,
    watch: Cell<Watch>,
    task: RefCell<Option<Waker>>,
    /// Index in the worker's table.
    pub(super) place: Cell<usize>,
    pub(crate) forwarder: RefCell<Forwarder>,
}

impl Client {
    pub(crate) fn new(worker: Rc<Worker>, address: IpAddr, arrival: Arrival) -> Client {
        let now = worker.now();
        let settings = worker.settings();
        let is_introduced = !settings.proxy_protocol || arrival != Arrival::Connection;
        let forwarder = forwarder(&worker, address, false);
        Client {
            address: Cell::new(address),
            is_introduced: Cell::new(is_introduced),
            arrival,
            is_secured: Cell::new(false),
            peer: OnceCell::new(),
            worker,
            phase: Cell::new(Phase::Fresh),
            since: Cell::new(now),
            moved: Cell::new(now),
            has_expired: Cell::new(false),
            is_leaving: Cell::new(false),
            guard: RefCell::new(None),
            is_long_lived: Cell::new(false),
            signal: Cell::new(Signal::None),
            watch: Cell::new(Watch::None),
            task: RefCell::new(None),
            place: Cell::new(0),
            forwarder: RefCell::new(forwarder),
        }
    }

    pub(crate) fn worker(&self) -> &Rc<Worker> {
        &self.worker
    }

    pub(crate) fn address(&self) -> IpAddr {
        self.address.get()
    }

    /// Whether its requests may be read.
    pub(crate) fn is_introduced(&self) -> bool {
        self.is_introduced.get()
    }

    /// Takes the header off the buffer by which a balancer says whose connection this is, from those who may say
    /// so; false while it is not whole.
    pub(crate) fn take_introduction(&self, buffer: &mut Buffer) -> Result<bool, Malformed> {
        if buffer.is_empty() {
            return Ok(false);
        }
        let trusted = &self.worker.settings().trusted_proxies;
        if !trusted.is_empty() && !trusted.trust(self.address()) {
            return Err(Malformed);
        }
        let Some(header) = proxy_protocol::read(buffer.filled())? else { return Ok(false) };
        buffer.consume(header.bytes);
        self.is_introduced.set(true);
        if let Some(address) = header.client {
            self.address.set(address);
            self.renew_forwarder();
        }
        Ok(true)
    }

    /// Its requests come by TLS.
    pub(crate) fn secure(&self) {
        self.is_secured.set(true);
        self.renew_forwarder();
    }

    pub(crate) fn is_secured(&self) -> bool {
        self.is_secured.get()
    }

    /// It goes by that name.
    pub(crate) fn name(&self, peer: Arc<str>) {
        // It is named once.
        let _ = self.peer.set(peer);
    }

    pub(crate) fn peer(&self) -> Option<&Arc<str>> {
        self.peer.get()
    }

    fn renew_forwarder(&self) {
        self.forwarder.replace(forwarder(&self.worker, self.address(), self.is_secured()));
    }

    pub(crate) fn arrival(&self) -> Arrival {
        self.arrival
    }

    /// The version of its requests, where it is not HTTP/1.0.
    pub(crate) fn version(&self) -> &'static str {
        match self.arrival {
            Arrival::Connection => "HTTP/1.1",
            Arrival::Stream => "HTTP/2.0",
        }
    }

    /// Its connection ends with the answer that is next: where it came to is not listened on any more. One
    /// that rests is not cut off from a request that may be on the wire.
    pub(super) fn leave(&self) {
        self.is_leaving.set(true);
        // HTTP/2 says it at once, which costs no stream.
        if self.phase() == Phase::Multiplexed {
            self.wake();
        }
    }

    /// Whether the client is told to open another connection for its next request.
    pub(crate) fn is_leaving(&self) -> bool {
        self.is_leaving.get() || self.worker.is_draining()
    }

    /// Whether an end now would cut something off: a request, or the head of one.
    pub(crate) fn is_busy(&self) -> bool {
        self.phase().is_request() || self.phase() == Phase::Head
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase.get()
    }

    pub(crate) fn since(&self) -> Instant {
        self.since.get()
    }

    /// When the request was sent, or the last part of a body moved.
    pub(crate) fn moved(&self) -> Instant {
        self.moved.get()
    }

    /// Is in `phase` from now on. What had expired in the one before is forgotten.
    pub(crate) fn enter(&self, phase: Phase) {
        if self.phase.replace(phase) != phase {
            self.since.set(self.worker.now());
            self.has_expired.set(false);
        }
    }

    /// The phase begins anew, for a connection that has been given another request.
    pub(crate) fn enter_again(&self, phase: Phase) {
        self.phase.set(phase);
        self.since.set(self.worker.now());
        self.has_expired.set(false);
    }

    /// The time of the phase is over; its task is woken to draw the conclusion.
    pub(super) fn expire(&self) {
        self.has_expired.set(true);
        self.wake();
    }

    /// Whether the time of the phase is over.
    pub(crate) fn has_expired(&self) -> bool {
        self.has_expired.get()
    }

    /// A part of a message moved, in either direction.
    pub(crate) fn touch(&self) {
        self.moved.set(self.worker.now());
        // What was upgraded is long-lived for good.
        if self.is_long_lived.get() && self.phase() != Phase::Upgraded {
            self.is_long_lived.set(false);
            if let Some(guard) = self.guard.borrow().as_ref() {
                guard.weigh_whole();
            }
        }
    }

    pub(crate) fn hold(&self, guard: InFlight) {
        let before = self.guard.replace(Some(guard));
        self.is_long_lived.set(false);
        drop(before);
    }

    /// Gives the guard back, which counts its request down unless the caller keeps it.
    pub(crate) fn release(&self) -> Option<InFlight> {
        self.is_long_lived.set(false);
        self.guard.take()
    }

    pub(crate) fn with_guard(&self, look: impl FnOnce(&InFlight)) {
        if let Some(guard) = self.guard.borrow().as_ref() {
            look(guard);
            self.is_long_lived.set(guard.is_long_lived());
        }
    }

    /// Tells the connection's task; what was told before is not taken back.
    pub(crate) fn signal(&self, signal: Signal) {
        if signal > self.signal.get() {
            self.signal.set(signal);
            self.wake();
        }
    }

    pub(crate) fn wake(&self) {
        if let Some(task) = self.task.borrow().as_ref() {
            task.wake_by_ref();
        }
    }

    /// What the task was told; it is woken when that changes.
    pub(crate) fn watch(&self, cx: &Context<'_>) -> Signal {
        let mut task = self.task.borrow_mut();
        match task.as_mut() {
            Some(waker) => waker.clone_from(cx.waker()),
            None => *task = Some(cx.waker().clone()),
        }
        self.signal.get()
    }

    /// Whether the runtime must know the connection by now, so that its end is noticed. The first question
    /// sets the time.
    pub(crate) fn must_be_watched(self: &Rc<Self>) -> bool {
        if self.watch.get() == Watch::None {
            self.watch.set(Watch::Later);
            self.worker.watch_later(self);
        }
        self.watch.get() == Watch::Now
    }

    pub(crate) fn watch_now(&self) {
        self.watch.set(Watch::Now);
        self.wake();
    }

    /// What the task was told so far.
    pub(crate) fn told(&self) -> Signal {
        self.signal.get()
    }
}

fn forwarder(worker: &Worker, address: IpAddr, is_secured: bool) -> Forwarder {
    let settings = worker.settings();
    let is_trusted = settings.trusted_proxies.trust(address);
    let scheme = if is_secured { Scheme::Https } else { Scheme::Http };
    Forwarder::new(settings.forwarding, address, is_trusted, scheme)
}
