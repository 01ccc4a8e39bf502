//! One copy, in steps of a millisecond.

use std::collections::VecDeque;
use std::time::Duration;

use cluster::config::Capacity;

use crate::learner::{Learner, Queued, Seen};

const STEP: f64 = 0.001;
const LOOK_STEPS: u64 = 100;
const QUEUE_MAX: usize = 1000;
const QUEUE_TIMEOUT: u64 = 10_000;

/// What more in flight than servers does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Work {
    /// All are worked on, each slower.
    Shared,
    /// Those beyond wait inside the copy.
    InTurn,
}

pub(super) const WORKS: [Work; 2] = [Work::Shared, Work::InTurn];

pub(super) struct Site {
    pub(super) learner: Learner,
    pub(super) servers: u32,
    /// Seconds of work in a request, on average.
    pub(super) seconds: f64,
    /// Requests a second.
    pub(super) rate: f64,
    /// The share of requests that fail at once.
    pub(super) failing: f64,
    /// Whether there is another copy, which is like this one but not simulated.
    pub(super) has_twin: bool,
    work: Work,
    steps: u64,
    /// When K changed last, and what it became.
    changed: (u64, f64),
    /// When each came.
    queue: VecDeque<u64>,
    /// Requests that were refused, because the queue was full or they waited for too long.
    pub(super) refused: u64,
    /// Weight of long-lived requests at the copy.
    pub(super) long_lived: f64,
    /// A few requests are much longer than most.
    pub(super) is_mixed: bool,
    /// When each began, and what is left to do.
    running: Vec<(u64, f64)>,
    seen: Seen,
    /// Looks at which a copy was held to less.
    pub(super) probes: u64,
    /// The most requests that waited, and for how long, in ms.
    pub(super) longest_queue: usize,
    pub(super) longest_wait: u64,
    is_overrun: bool,
    pub(super) random: fastrand::Rng,
}

impl Site {
    pub(super) fn new(servers: u32, seconds: f64, work: Work, rate: f64) -> Self {
        Self {
            learner: Learner::new(Capacity::AUTO_START),
            servers,
            seconds,
            rate,
            failing: 0.0,
            has_twin: false,
            work,
            steps: 0,
            changed: (0, Capacity::AUTO_START),
            queue: VecDeque::new(),
            refused: 0,
            long_lived: 0.0,
            is_mixed: false,
            running: Vec::new(),
            seen: seen(1),
            probes: 0,
            longest_queue: 0,
            longest_wait: 0,
            is_overrun: false,
            random: fastrand::Rng::with_seed(7),
        }
    }

    /// Learning begins at this K.
    pub(super) fn begin_at(&mut self, k: f64) {
        (self.learner, self.changed) = (Learner::new(k), (self.steps, k));
    }

    pub(super) fn served(&self) -> u64 {
        self.seen.ended
    }

    pub(super) fn run(&mut self, time: Duration) {
        for _ in 0..time.as_millis() {
            self.step();
        }
    }

    fn step(&mut self) {
        self.steps += 1;
        let mut arrivals = self.rate * STEP;
        while arrivals > 0.0 && self.random.f64() < arrivals.min(1.0) {
            arrivals -= 1.0;
            if self.queue.len() < QUEUE_MAX {
                self.queue.push_back(self.steps);
            } else {
                self.refused += 1;
            }
        }
        while self.queue.front().is_some_and(|came| self.steps - came > QUEUE_TIMEOUT) {
            self.queue.pop_front();
            self.refused += 1;
        }
        let held = self.learner.held();
        // The front end minds it by itself.
        self.is_overrun |= held.is_some_and(|held| self.queue.len() > held.queued_max);
        let held = held.filter(|_| !self.is_overrun);
        let limit = held.map_or(self.learner.k(), |held| held.limit.min(self.learner.k()));
        while self.running.len() as f64 + self.long_lived + 1.0 <= limit && self.queue.pop_front().is_some() {
            let work = self.work() * self.seconds;
            self.running.push((self.steps, work));
        }
        self.longest_queue = self.longest_queue.max(self.queue.len());
        self.longest_wait = self.longest_wait.max(self.queue.front().map_or(0, |came| self.steps - came));
        self.work_on();
        if self.steps.is_multiple_of(LOOK_STEPS) {
            let now = Duration::from_millis(self.steps);
            self.seen.load = self.running.len() as f64 + self.long_lived;
            self.seen.long_lived = self.long_lived;
            let both = [self.seen, Seen { key: 2, ..self.seen }];
            let oldest = self.queue.front().map_or(0, |came| self.steps - came);
            let queued = Queued {
                count: self.queue.len(),
                max: QUEUE_MAX,
                oldest: Duration::from_millis(oldest),
                timeout: Duration::from_millis(QUEUE_TIMEOUT),
                is_overrun: std::mem::take(&mut self.is_overrun),
            };
            self.learner.look(now, if self.has_twin { &both } else { &both[..1] }, &queued);
            let (at, before) = self.changed;
            let k = self.learner.k();
            if k != before {
                let most = 1.1_f64.powf((self.steps - at) as f64 * STEP) * 1.000_001;
                assert!(
                    k <= before * most && before <= k * most,
                    "{before} to {k} in {} ms",
                    self.steps - at
                );
                self.changed = (self.steps, k);
            }
            self.probes += u64::from(self.learner.held().is_some());
        }
    }

    /// A request's share of the mean.
    fn work(&mut self) -> f64 {
        let exponential = -self.random.f64().max(1e-9).ln();
        let scale = match (self.is_mixed, self.random.f64() < 0.1) {
            (false, _) => 1.0,
            // A standard deviation of 2.6 means.
            (true, true) => 6.0,
            (true, false) => 4.0 / 9.0,
        };
        exponential * scale
    }

    fn work_on(&mut self) {
        let (servers, count) = (self.servers as usize, self.running.len());
        let rate = match self.work {
            Work::Shared => (servers as f64 / count.max(1) as f64).min(1.0),
            Work::InTurn => 1.0,
        };
        let worked = if self.work == Work::InTurn { servers.min(count) } else { count };
        for (_, left) in &mut self.running[..worked] {
            *left -= STEP * rate;
        }
        for &(begun, left) in &self.running {
            if left <= 0.0 {
                self.seen.ended += 1;
                self.seen.time_sum += Duration::from_millis(self.steps - begun + 1);
                self.seen.errors += u64::from(self.random.f64() < self.failing);
            }
        }
        self.running.retain(|(_, left)| *left > 0.0);
    }
}

/// A copy of speed 1 that has done nothing.
pub(super) fn seen(key: u64) -> Seen {
    Seen { key, speed: 1.0, ended: 0, time_sum: Duration::ZERO, errors: 0, load: 0.0, long_lived: 0.0 }
}
