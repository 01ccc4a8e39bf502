//! The one queue of the service (design section 3): first in, first out, at the front end, never in
//! a node. Bounded in length and in time; a request that goes away leaves it at once.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use relay::InFlight;
use tokio::sync::oneshot;

use crate::door::Attempt;

/// Repeated requests that may stand in vain before one that is served: those that wait for a place elsewhere
/// than where they were do not hold the others up.
const PASSED_MAX: usize = 16;

/// The requests that wait for a place.
pub(crate) struct Queue {
    // Read on each pick without the lock; written with it held.
    waiting: AtomicUsize,
    inner: Mutex<Inner>,
    max: AtomicUsize,
}

#[derive(Default)]
struct Inner {
    next_ticket: u64,
    entries: VecDeque<Entry>,
}

struct Entry {
    ticket: u64,
    attempt: Attempt,
    // The upstreams where it was in vain.
    avoid: Vec<u64>,
    since: Instant,
    grant: oneshot::Sender<InFlight>,
}

/// One waiting request: a future of its place. Dropping it gives the place in the queue up.
pub(crate) struct Waiting {
    queue: Arc<Queue>,
    ticket: u64,
    granted: oneshot::Receiver<InFlight>,
}

impl Queue {
    /// A queue for at most `max` requests.
    pub(crate) fn new(max: usize) -> Self {
        Self { waiting: AtomicUsize::new(0), inner: Mutex::default(), max: AtomicUsize::new(max) }
    }

    /// How many may wait.
    pub(crate) fn max(&self) -> usize {
        self.max.load(Ordering::Relaxed)
    }

    /// From now on so many may wait; those who are in stay.
    pub(crate) fn set_max(&self, max: usize) {
        self.max.store(max, Ordering::Relaxed);
    }

    /// How many wait now.
    pub(crate) fn len(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    /// How long the first who came has waited.
    pub(crate) fn oldest(&self) -> Duration {
        let inner = self.lock();
        // Those who are repeated stand before it.
        let first = inner.entries.iter().find(|entry| entry.attempt == Attempt::First);
        first
            .or(inner.entries.front())
            .map_or(Duration::ZERO, |entry| now().saturating_duration_since(entry.since))
    }

    /// Whether nobody waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits at the end, or at the front for a request that was at the upstreams of `avoid` already; `None` when
    /// the queue is full. Call `hand_out` afterwards: a place may have come free in between.
    pub(crate) fn enter(self: &Arc<Self>, attempt: Attempt, avoid: &[u64]) -> Option<Waiting> {
        let mut inner = self.lock();
        // A repeated one has been let in before; there are no more of them than were in flight.
        if attempt == Attempt::First && inner.entries.len() >= self.max() {
            return None;
        }
        let (grant, granted) = oneshot::channel();
        let ticket = inner.next_ticket;
        inner.next_ticket += 1;
        let entry = Entry { ticket, attempt, avoid: avoid.to_vec(), since: now(), grant };
        match attempt {
            Attempt::First => inner.entries.push_back(entry),
            Attempt::Repeated => inner.entries.push_front(entry),
        }
        self.waiting.store(inner.entries.len(), Ordering::SeqCst);
        Some(Waiting { queue: Arc::clone(self), ticket, granted })
    }

    /// Gives places to those who wait, first come first served, as long as `take` finds one for the next: one
    /// that is not at the upstreams it is to avoid.
    pub(crate) fn hand_out(&self, take: impl Fn(&[u64], Attempt) -> Option<InFlight>) {
        let mut unclaimed = Vec::new();
        let mut passed = 0;
        let mut inner = self.lock();
        while let Some(Entry { attempt, avoid, .. }) = inner.entries.get(passed) {
            let Some(place) = take(avoid, *attempt) else {
                if *attempt == Attempt::First || passed == PASSED_MAX {
                    break;
                }
                passed += 1;
                continue;
            };
            let entry = inner.entries.remove(passed).expect("the loop saw an entry under this lock");
            // The request may have gone away.
            unclaimed.extend(entry.grant.send(place).err());
        }
        self.waiting.store(inner.entries.len(), Ordering::SeqCst);
        drop(inner);
        // Dropped without the lock: giving a place back looks at the queue again.
        drop(unclaimed);
    }

    fn forgive(&self, ticket: u64) {
        if let Some(entry) = self.lock().entries.iter_mut().find(|entry| entry.ticket == ticket) {
            entry.avoid.clear();
        }
    }

    fn leave(&self, ticket: u64) {
        let mut inner = self.lock();
        let found = inner.entries.iter().position(|entry| entry.ticket == ticket);
        let entry = found.and_then(|index| inner.entries.remove(index));
        self.waiting.store(inner.entries.len(), Ordering::SeqCst);
        drop(inner);
        drop(entry);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no holder of the queue's lock panics")
    }
}

impl Waiting {
    /// From here on a place anywhere will do. Call `hand_out` afterwards.
    pub(crate) fn forgive(&self) {
        self.queue.forgive(self.ticket);
    }
}

impl Future for Waiting {
    type Output = Option<InFlight>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.granted).poll(context).map(Result::ok)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.queue.leave(self.ticket);
    }
}

/// Of the runtime's clock, by which waiting times out.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use relay::{Protocol, Upstream, UpstreamSpec};

    use super::*;

    fn upstream() -> Arc<Upstream> {
        let spec = UpstreamSpec {
            name: "c1".into(),
            address: "127.0.0.1:1".parse().unwrap(),
            token: None,
            may_refuse: false,
            protocol: Protocol::Http1,
        };
        Upstream::new(spec, |_| {})
    }

    #[tokio::test]
    async fn places_go_to_the_first_who_came_and_the_repeated_go_before_them() {
        let (queue, upstream) = (Arc::new(Queue::new(10)), upstream());
        let first = queue.enter(Attempt::First, &[]).unwrap();
        let second = queue.enter(Attempt::First, &[]).unwrap();
        let repeated = queue.enter(Attempt::Repeated, &[7]).unwrap();
        let left = AtomicU32::new(2);
        queue.hand_out(|_, _| {
            let more = left.load(Ordering::Relaxed) > 0;
            more.then(|| {
                left.fetch_sub(1, Ordering::Relaxed);
                upstream.acquire()
            })
        });
        assert!(repeated.await.is_some());
        assert!(first.await.is_some());
        assert_eq!(queue.len(), 1);
        drop(second);
        assert!(queue.is_empty());
    }

    #[tokio::test]
    async fn who_avoids_the_only_place_holds_nobody_up_and_takes_it_once_it_is_forgiven() {
        let (queue, upstream) = (Arc::new(Queue::new(10)), upstream());
        let first = queue.enter(Attempt::First, &[]).unwrap();
        let avoiding = queue.enter(Attempt::Repeated, &[upstream.id()]).unwrap();
        let take = |avoid: &[u64], _| (!avoid.contains(&upstream.id())).then(|| upstream.acquire());
        queue.hand_out(take);
        assert!(first.await.is_some());
        assert_eq!(queue.len(), 1);
        avoiding.forgive();
        queue.hand_out(take);
        assert!(avoiding.await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn how_long_the_first_who_came_has_waited_is_known_also_behind_one_that_is_repeated() {
        let (queue, second) = (Arc::new(Queue::new(10)), Duration::from_secs(1));
        assert_eq!(queue.oldest(), Duration::ZERO);
        let first = queue.enter(Attempt::First, &[]).unwrap();
        tokio::time::advance(second).await;
        let _repeated = queue.enter(Attempt::Repeated, &[7]).unwrap();
        tokio::time::advance(second).await;
        assert_eq!(queue.oldest(), 2 * second);
        drop(first);
        assert_eq!(queue.oldest(), second);
    }

    #[tokio::test]
    async fn a_full_queue_takes_no_more_until_somebody_leaves() {
        let queue = Arc::new(Queue::new(1));
        let waiting = queue.enter(Attempt::First, &[]).unwrap();
        assert!(queue.enter(Attempt::First, &[]).is_none());
        assert!(queue.enter(Attempt::Repeated, &[7]).is_some(), "a repeated request was let in before");
        drop(waiting);
        assert!(queue.enter(Attempt::First, &[]).is_some());
    }

    #[tokio::test]
    async fn a_place_granted_to_somebody_who_left_is_given_back() {
        let (queue, upstream) = (Arc::new(Queue::new(10)), upstream());
        let waiting = queue.enter(Attempt::First, &[]).unwrap();
        queue.hand_out(|_, _| Some(upstream.acquire()));
        assert_eq!(upstream.in_flight(), 1);
        drop(waiting);
        assert_eq!(upstream.in_flight(), 0);
    }
}
