//! Closing connections of all workers without a list of them: an upstream counts its closings, a
//! connection remembers the count it was made at, and one bell for the process makes every worker look.

use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// Rung at each closing of any upstream. Closings are rare, so one bell for all is enough.
static BELL: Notify = Notify::const_new();

/// Waits for the next closing after this call, once the future was enabled.
pub(crate) fn next_closing() -> Notified<'static> {
    BELL.notified()
}

#[derive(Default)]
pub(super) struct Closing {
    cuts: AtomicU32,
    retirements: AtomicU32,
    partings: AtomicU32,
}

/// When a connection was made, in closings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Age {
    cuts: u32,
    retirements: u32,
    partings: u32,
}

impl Closing {
    pub(super) fn cut(&self) {
        self.cuts.fetch_add(1, Ordering::AcqRel);
        BELL.notify_waiters();
    }

    pub(super) fn retire(&self) {
        self.retirements.fetch_add(1, Ordering::AcqRel);
        BELL.notify_waiters();
    }

    pub(super) fn part(&self) {
        self.partings.fetch_add(1, Ordering::AcqRel);
        BELL.notify_waiters();
    }

    pub(super) fn age(&self) -> Age {
        Age {
            cuts: self.cuts.load(Ordering::Acquire),
            retirements: self.retirements.load(Ordering::Acquire),
            partings: self.partings.load(Ordering::Acquire),
        }
    }

    pub(super) fn is_parting(&self, age: Age) -> bool {
        self.partings.load(Ordering::Acquire) != age.partings
    }

    pub(super) fn is_cut(&self, age: Age) -> bool {
        self.cuts.load(Ordering::Acquire) != age.cuts
    }

    pub(super) fn is_retired(&self, age: Age) -> bool {
        self.is_cut(age) || self.retirements.load(Ordering::Acquire) != age.retirements
    }
}
