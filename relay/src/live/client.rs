//! One open client connection, as its own task, its request and the sweep see it.

use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Instant;

use crate::headers::Forwarding;
use crate::replay::Replay;
use crate::stream::Moved;
use crate::upgrade::Upgrade;
use crate::upstream::InFlight;
use crate::worker::Worker;

/// Where a connection is between two requests or within one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// No request yet.
    Fresh,
    /// Between two requests.
    Idle,
    /// A later request's head has begun.
    Head,
    /// The request is read and goes nowhere yet.
    Asked,
    /// It was sent, its answer has not begun.
    Awaiting,
    /// Its answer did not begin in time; its task has been woken to say so.
    TimedOut,
    /// Its answer has begun.
    Answering,
    /// It is no longer HTTP.
    Upgraded,
}

impl Phase {
    pub(crate) fn is_request(self) -> bool {
        match self {
            Phase::Fresh | Phase::Idle | Phase::Head => false,
            Phase::Asked | Phase::Awaiting | Phase::TimedOut | Phase::Answering | Phase::Upgraded => true,
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

pub(crate) struct Client {
    worker: Rc<Worker>,
    peer: IpAddr,
    bytes: Arc<Moved>,
    phase: Cell<Phase>,
    since: Cell<Instant>,
    moved: Cell<Instant>,
    guard: RefCell<Option<InFlight>>,
    is_long_lived: Cell<bool>,
    signal: Cell<Signal>,
    task: RefCell<Option<Waker>>,
    /// Index in the worker's table.
    pub(super) place: Cell<usize>,
    pub(crate) forwarding: Forwarding,
    /// The copy of the last request, kept for its memory.
    pub(crate) spare: Cell<Option<Replay>>,
    pub(crate) upgrade: Cell<Option<Box<Upgrade>>>,
}

impl Client {
    pub(crate) fn new(worker: Rc<Worker>, peer: IpAddr) -> Client {
        let now = worker.now();
        Client {
            worker,
            peer,
            bytes: Arc::default(),
            phase: Cell::new(Phase::Fresh),
            since: Cell::new(now),
            moved: Cell::new(now),
            guard: RefCell::new(None),
            is_long_lived: Cell::new(false),
            signal: Cell::new(Signal::None),
            task: RefCell::new(None),
            place: Cell::new(0),
            forwarding: Forwarding::new(peer),
            spare: Cell::new(None),
            upgrade: Cell::new(None),
        }
    }

    pub(crate) fn worker(&self) -> &Rc<Worker> {
        &self.worker
    }

    pub(crate) fn peer(&self) -> IpAddr {
        self.peer
    }

    pub(crate) fn bytes(&self) -> &Arc<Moved> {
        &self.bytes
    }

    /// Whether a byte has come since the last request.
    pub(crate) fn has_read(&self) -> bool {
        self.bytes.has_read()
    }

    /// Whether an end now would cut something off: a request, the head of one, or the last of an answer.
    pub(crate) fn is_busy(&self) -> bool {
        self.phase().is_request() || self.has_read() || self.bytes.is_blocked()
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

    pub(crate) fn enter(&self, phase: Phase, now: Instant) {
        self.phase.set(phase);
        self.since.set(now);
    }

    /// A request goes out: the first-byte timeout runs from here.
    pub(crate) fn await_answer(&self) {
        self.enter(Phase::Awaiting, self.worker.now());
        self.moved.set(self.worker.now());
    }

    /// A part of a body moved, in either direction.
    pub(crate) fn touch(&self) {
        self.moved.set(self.worker.now());
        if self.is_long_lived.get() {
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
}
