//! What the two ends of a pipe hear of one another beside its bytes: that the other is gone, at once and also
//! while neither reads nor writes, and that a request was not begun.

use std::cell::{Cell, RefCell};
use std::task::{Context, Poll, Waker};

/// Shared by both ends.
#[derive(Default)]
pub(super) struct Bond {
    /// Of the end that brings a stream's message.
    pub(super) near: Life,
    /// Of the exchange's end.
    pub(super) far: Life,
    /// The service has done nothing with the request.
    pub(super) is_refused: Cell<bool>,
}

/// Whether an end is still there, and who waits for it not to be.
#[derive(Default)]
pub(super) struct Life {
    is_over: Cell<bool>,
    waiters: RefCell<Vec<Waker>>,
}

impl Life {
    pub(super) fn end(&self) {
        self.is_over.set(true);
        self.waiters.take().into_iter().for_each(Waker::wake);
    }

    /// Ready once it is over; until then every task that asks is woken when that comes.
    pub(super) fn poll_over(&self, cx: &Context<'_>) -> Poll<()> {
        if self.is_over.get() {
            return Poll::Ready(());
        }
        let mut waiters = self.waiters.borrow_mut();
        if !waiters.iter().any(|waiter| waiter.will_wake(cx.waker())) {
            waiters.push(cx.waker().clone());
        }
        Poll::Pending
    }

    pub(super) async fn over(&self) {
        std::future::poll_fn(|cx| self.poll_over(cx)).await;
    }
}
