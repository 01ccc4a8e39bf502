//! The bound on the requests that are handled at a time: a place for each, and one queue for those
//! that wait, first in first out. A request that is dropped, waiting or handled, gives back what it had.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places of one service.
pub(super) struct Places {
    workers: usize,
    free: Arc<Semaphore>,
    waiting: AtomicUsize,
    handled: AtomicU64,
}

/// The right to be handled; given back when dropped.
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    places: Arc<Places>,
}

/// How many requests are where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tally {
    /// Places in all.
    pub(super) workers: usize,
    /// Places taken.
    pub(super) handling: usize,
    /// Requests in the queue.
    pub(super) waiting: usize,
    /// Places given back since the start.
    pub(super) handled: u64,
}

/// Counts one waiting request for as long as it waits.
struct Waiting<'a>(&'a AtomicUsize);

impl Places {
    pub(super) fn new(workers: usize) -> Arc<Self> {
        Arc::new(Self {
            workers,
            free: Arc::new(Semaphore::new(workers)),
            waiting: AtomicUsize::new(0),
            handled: AtomicU64::new(0),
        })
    }

    /// Waits for a place behind those who came before. Dropped while waiting: the turn is given up.
    pub(super) async fn take(self: &Arc<Self>) -> Place {
        let waiting = Waiting::count(&self.waiting);
        let permit = self.free.clone().acquire_owned().await.expect("the semaphore is never closed");
        drop(waiting);
        Place { _permit: permit, places: self.clone() }
    }

    pub(super) fn tally(&self) -> Tally {
        Tally {
            workers: self.workers,
            handling: self.workers - self.free.available_permits(),
            waiting: self.waiting.load(Ordering::Relaxed),
            handled: self.handled.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.handled.fetch_add(1, Ordering::Relaxed);
    }
}

impl<'a> Waiting<'a> {
    fn count(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_is_served_in_the_order_of_arrival_and_who_leaves_gives_up_his_turn() {
        let places = Places::new(1);
        let held = places.take().await;
        let mut first = Box::pin(places.take());
        let mut second = Box::pin(places.take());
        let mut third = Box::pin(places.take());
        for waiting in [&mut first, &mut second, &mut third] {
            assert!(is_pending(waiting).await);
        }
        assert_eq!(places.tally(), Tally { workers: 1, handling: 1, waiting: 3, handled: 0 });

        drop(first);
        drop(held);
        // The second is next now; the third still waits behind it.
        assert!(is_pending(&mut third).await);
        let held = second.await;
        assert_eq!(places.tally(), Tally { workers: 1, handling: 1, waiting: 1, handled: 1 });

        drop(held);
        drop(third.await);
        assert_eq!(places.tally(), Tally { workers: 1, handling: 0, waiting: 0, handled: 3 });
    }

    async fn is_pending<F: Future + Unpin>(future: &mut F) -> bool {
        tokio::select! {
            biased;
            _ = future => false,
            () = std::future::ready(()) => true,
        }
    }
}
