//! The retry budget of all workers together: one count of the paid repeats that run.
//!
//! Only a paid repeat writes here. How many requests are live is summed from the workers' own counts when
//! one is asked for, so that an ordinary request shares nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::metrics::Metrics;
use crate::retry;

/// What paid repeats come out of.
pub(crate) struct Budget {
    workers: Vec<Arc<Metrics>>,
    running: AtomicU32,
}

/// One repeat out of the budget, while it lives.
pub(crate) struct PaidRepeat(Arc<Budget>);

impl Budget {
    /// The budget of these workers.
    pub(crate) fn new(workers: Vec<Arc<Metrics>>) -> Budget {
        Budget { workers, running: AtomicU32::new(0) }
    }

    /// A repeat, if there is room for one more.
    pub(crate) fn take(self: &Arc<Self>) -> Option<PaidRepeat> {
        let live: u64 = self.workers.iter().map(|worker| worker.live()).sum();
        let live = u32::try_from(live).unwrap_or(u32::MAX);
        let one_more = |running| retry::budget_has_room(running, live).then(|| running + 1);
        let taken = self.running.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        taken.is_ok().then(|| PaidRepeat(Arc::clone(self)))
    }
}

impl Drop for PaidRepeat {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(live: [u32; 2]) -> Arc<Budget> {
        let workers = live.map(|live| {
            let worker = Arc::<Metrics>::default();
            (0..live).for_each(|_| worker.asked());
            worker
        });
        Arc::new(Budget::new(workers.into()))
    }

    fn taken(budget: &Arc<Budget>) -> Vec<PaidRepeat> {
        std::iter::from_fn(|| budget.take()).take(1000).collect()
    }

    #[test]
    fn all_workers_share_the_least_there_is() {
        assert_eq!(taken(&budget([1, 1])).len(), 3);
    }

    #[test]
    fn live_requests_of_all_workers_count_and_an_end_gives_back() {
        let budget = budget([90, 10]);
        let repeats = taken(&budget);
        assert_eq!(repeats.len(), 20);
        drop(repeats);
        (0..50).for_each(|_| budget.workers[0].ended());
        assert_eq!(taken(&budget).len(), 10);
    }
}
