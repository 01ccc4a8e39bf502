//! What a worker holds of an upstream connection beside its stream: its age in closings, whether
//! it rests, and the way to end it at once.

use std::cell::{Cell, RefCell};
use std::future;
use std::task::{Context, Poll, Waker};

use crate::upstream::Age;

pub(crate) struct Link {
    age: Age,
    is_idle: Cell<bool>,
    is_severed: Cell<bool>,
    is_leaving: Cell<bool>,
    /// Whoever has the connection now: the connect, or an exchange.
    holder: RefCell<Option<Waker>>,
}

impl Link {
    pub(super) fn new(age: Age) -> Link {
        Link {
            age,
            is_idle: Cell::new(false),
            is_severed: Cell::new(false),
            is_leaving: Cell::new(false),
            holder: RefCell::new(None),
        }
    }

    pub(super) fn age(&self) -> Age {
        self.age
    }

    pub(super) fn is_idle(&self) -> bool {
        self.is_idle.get()
    }

    pub(super) fn set_idle(&self, idle: bool) {
        self.is_idle.set(idle);
    }

    pub(super) fn is_severed(&self) -> bool {
        self.is_severed.get()
    }

    /// Ends the connection: its holder drops it when it is polled next, which is now.
    pub(super) fn sever(&self) {
        self.is_severed.set(true);
        if let Some(holder) = self.holder.take() {
            holder.wake();
        }
    }

    /// Asks whoever has the connection to end it politely.
    pub(super) fn leave(&self) {
        self.is_leaving.set(true);
        if let Some(holder) = self.holder.take() {
            holder.wake();
        }
    }

    /// Whether a polite end is asked for.
    pub(crate) fn is_leaving(&self) -> bool {
        self.is_leaving.get()
    }

    /// True once severed; until then the caller's task is woken when that comes.
    pub(crate) fn watch(&self, cx: &Context<'_>) -> bool {
        if self.is_severed.get() {
            return true;
        }
        let mut holder = self.holder.borrow_mut();
        match holder.as_mut() {
            Some(waker) => waker.clone_from(cx.waker()),
            None => *holder = Some(cx.waker().clone()),
        }
        false
    }

    pub(crate) async fn severed(&self) {
        future::poll_fn(|cx| if self.watch(cx) { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}
