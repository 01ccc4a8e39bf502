//! One copy, in steps of a millisecond.

use std::collections::VecDeque;
use std::time::Duration;

use cluster::config::Capacity;

use crate::learner::{Learner, Seen};

const STEP: f64 = 0.001;
const LOOK_STEPS: u64 = 100;
const QUEUE_MAX: usize = 1000;

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
    queue: VecDeque<()>,
    /// When each began, and what is left to do.
    running: Vec<(u64, f64)>,
    seen: Seen,
    /// Looks at which a copy was held to less.
    pub(super) probes: u64,
    random: fastrand::Rng,
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
            running: Vec::new(),
            seen: Seen { key: 1, speed: 1.0, ended: 0, time_sum: Duration::ZERO, errors: 0 },
            probes: 0,
            random: fastrand::Rng::with_seed(7),
        }
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
                self.queue.push_back(());
            }
        }
        let limit = self.learner.probed().map_or(self.learner.k(), |(_, limit)| limit);
        while self.running.len() as f64 + 1.0 <= limit && self.queue.pop_front().is_some() {
            let work = -self.random.f64().max(1e-9).ln() * self.seconds;
            self.running.push((self.steps, work));
        }
        self.work_on();
        if self.steps.is_multiple_of(LOOK_STEPS) {
            let now = Duration::from_millis(self.steps);
            let both = [self.seen, Seen { key: 2, ..self.seen }];
            self.learner.look(now, if self.has_twin { &both } else { &both[..1] });
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
            self.probes += u64::from(self.learner.probed().is_some());
        }
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
