//! The calls about a lease, and those that wait for their answer.

use std::task::Poll;
use std::time::Duration;

use super::{Answer, CallFault, Done};
use crate::lease::{Book, LeaseId, LeaseRef, Progress};

/// Calls that may wait at once; a front end makes one call at a time for each lease.
const WAITING_MAX: usize = 256;

/// What can be asked of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// Run the service; answered when it is ready.
    Start,
    /// Let no request in; answered when none is running.
    Drain,
    /// Take the drain back; answered at once.
    Undrain,
    /// End the processes; answered when they are gone.
    Stop,
    /// Free the slot; answered when it is free.
    Release,
}

/// The calls that wait.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    calls: Vec<Pending>,
}

#[derive(Debug)]
struct Pending {
    call: Call,
    lease: LeaseRef,
    answer: Answer<Done>,
}

impl Call {
    /// Lets the call act.
    pub(super) fn act(self, book: &mut Book, now: Duration, lease: &LeaseRef) -> Progress {
        match self {
            Self::Start => book.start(lease),
            Self::Drain => book.drain(now, lease),
            Self::Undrain => Poll::Ready(book.undrain(now, lease)),
            Self::Stop => book.stop(lease),
            Self::Release => book.release(lease),
        }
    }

    /// How far it has come since.
    fn progress(self, book: &Book, lease: &LeaseRef) -> Progress {
        match self {
            Self::Start => book.start_progress(lease),
            Self::Drain => book.drain_progress(lease),
            Self::Undrain => Poll::Ready(Ok(())),
            Self::Stop => book.stop_progress(lease),
            Self::Release => book.release_progress(lease),
        }
    }
}

impl Waiting {
    /// Keeps a call until it can be answered.
    pub(super) fn keep(&mut self, call: Call, lease: LeaseRef, answer: Answer<Done>) {
        self.calls.retain(|pending| !pending.answer.is_closed());
        if self.calls.len() == WAITING_MAX {
            reply(answer, Err(CallFault::Busy));
            return;
        }
        self.calls.push(Pending { call, lease, answer });
    }

    /// Answers every call whose answer is known now; `done` is what there is to say of a lease's service.
    pub(super) fn answer(&mut self, book: &Book, done: impl Fn(&LeaseId) -> Done) {
        for pending in self.calls.extract_if(.., |pending| {
            pending.answer.is_closed() || pending.call.progress(book, &pending.lease).is_ready()
        }) {
            if let Poll::Ready(result) = pending.call.progress(book, &pending.lease) {
                reply(pending.answer, result.map(|()| done(&pending.lease.id)).map_err(CallFault::from));
            }
        }
    }
}

/// Answers; a caller that went away needs none.
pub(super) fn reply<T>(answer: Answer<T>, result: Result<T, CallFault>) {
    let _ = answer.send(result);
}
