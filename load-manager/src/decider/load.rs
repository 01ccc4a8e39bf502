//! The load as the samples tell it: the fast and the slow window, and for the classic rule one of
//! each child. It knows when the samples stopped and when they had a hole; it decides nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use cluster::config::{Policy, Scaling};

use super::demand::Demand;
use super::sample::Sample;
use super::window::{Piece, Window};

// What a piece of a load window sums up; means are kept as their integral over time.
const IN_FLIGHT: usize = 0;
const LOCAL_IN_FLIGHT: usize = 1;
const LOCAL_READY: usize = 2;
const ARRIVALS: usize = 3;
const ENDED: usize = 4;
const SERVICE_SECONDS: usize = 5;

type LoadWindow = Window<6>;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Load {
    fast: LoadWindow,
    slow: LoadWindow,
    children: Children,
    newest: Option<Newest>,
}

/// The fast window of each child of the newest sample. Kept for the classic rule only.
#[derive(Debug, Clone, PartialEq)]
struct Children {
    length: Duration,
    windows: BTreeMap<String, ChildWindow>,
    samples: u64,
}

#[derive(Debug, Clone, PartialEq)]
struct ChildWindow {
    window: Window<1>,
    /// The number of the newest sample that named it.
    sample: u64,
}

/// What only the newest sample can tell.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Newest {
    at: Duration,
    queued: u32,
    local_ready: bool,
}

/// Means over one window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Means {
    pub(super) in_flight: f64,
    pub(super) arrivals_per_s: f64,
    pub(super) local_in_flight: f64,
    /// The share of the time that the local copy was ready.
    pub(super) local_ready: f64,
}

impl Load {
    pub(super) fn new(scaling: &Scaling) -> Self {
        Self {
            fast: Window::new(scaling.fast_window),
            slow: Window::new(scaling.slow_window),
            children: Children { length: scaling.fast_window, windows: BTreeMap::new(), samples: 0 },
            newest: None,
        }
    }

    /// Other lengths; what was seen is kept.
    pub(super) fn resize(&mut self, scaling: &Scaling) {
        self.fast.resize(scaling.fast_window);
        self.slow.resize(scaling.slow_window);
        self.children.resize(scaling);
    }

    /// Takes a sample that ends now. Answers whether time is missing before it: the windows then
    /// begin anew, because one with a hole is not full.
    pub(super) fn observe(&mut self, now: Duration, sample: &Sample, scaling: &Scaling) -> bool {
        let has_hole = self.newest.is_some_and(|newest| {
            now.saturating_sub(newest.at).saturating_sub(sample.interval) >= scaling.data_timeout
        });
        if has_hole {
            self.fast.clear();
            self.slow.clear();
            self.children.windows.clear();
        }
        let amounts = amounts(sample);
        self.fast.push(sample.interval, amounts);
        self.slow.push(sample.interval, amounts);
        if scaling.policy == Policy::Classic {
            self.children.observe(sample);
        }
        self.newest = Some(Newest { at: now, queued: sample.queued, local_ready: sample.local_ready });
        has_hole
    }

    /// How old the newest sample is; `None` while no time has been covered yet.
    pub(super) fn age(&self, now: Duration) -> Option<Duration> {
        let newest = self.newest?;
        (self.fast.sums().seconds > 0.0).then(|| now.saturating_sub(newest.at))
    }

    pub(super) fn queued(&self) -> u32 {
        self.newest.map_or(0, |newest| newest.queued)
    }

    pub(super) fn is_local_ready(&self) -> bool {
        self.newest.is_some_and(|newest| newest.local_ready)
    }

    pub(super) fn fast(&self) -> Means {
        Means::of(&self.fast.sums())
    }

    pub(super) fn slow(&self) -> Means {
        Means::of(&self.slow.sums())
    }

    pub(super) fn is_fast_full(&self) -> bool {
        self.fast.is_full()
    }

    /// How long until both windows are full.
    pub(super) fn missing(&self) -> Duration {
        self.fast.missing().max(self.slow.missing())
    }

    /// Mean seconds from pick to end of body in the slow window; `None` until a request has ended.
    pub(super) fn service_seconds(&self) -> Option<f64> {
        let sums = self.slow.sums();
        // Of an old sample's last share less than one request may be left.
        (sums.amounts[ENDED] > 1e-9).then(|| sums.amounts[SERVICE_SECONDS] / sums.amounts[ENDED])
    }

    /// The demand over a window of these means.
    pub(super) fn demand(&self, means: &Means, service_seconds: Option<f64>, scaling: &Scaling) -> f64 {
        Demand {
            in_flight: means.in_flight,
            arrivals_per_s: means.arrivals_per_s,
            queued: f64::from(self.queued()),
            queue_drain_seconds: scaling.queue_drain_time.as_secs_f64().max(1e-3),
            service_seconds,
        }
        .in_requests()
    }

    /// A child's mean requests in flight over the fast window; `None` until that is full.
    pub(super) fn child(&self, node: &str) -> Option<f64> {
        let child = self.children.windows.get(node).filter(|child| child.window.is_full())?;
        child.window.sums().per_second(0)
    }
}

impl Children {
    fn resize(&mut self, scaling: &Scaling) {
        self.length = scaling.fast_window;
        match scaling.policy {
            Policy::Classic => self.windows.values_mut().for_each(|child| child.window.resize(self.length)),
            Policy::Adaptive => self.windows.clear(),
        }
    }

    fn observe(&mut self, sample: &Sample) {
        self.samples += 1;
        for child in &sample.children {
            let amount = [child.in_flight_mean * sample.interval.as_secs_f64()];
            if let Some(known) = self.windows.get_mut(&child.node) {
                known.window.push(sample.interval, amount);
                known.sample = self.samples;
            } else {
                let mut window = Window::new(self.length);
                window.push(sample.interval, amount);
                self.windows.insert(child.node.clone(), ChildWindow { window, sample: self.samples });
            }
        }
        self.windows.retain(|_, child| child.sample == self.samples);
    }
}

impl Means {
    fn of(sums: &Piece<6>) -> Self {
        let mean = |amount| sums.per_second(amount).unwrap_or(0.0);
        Self {
            in_flight: mean(IN_FLIGHT),
            arrivals_per_s: mean(ARRIVALS),
            local_in_flight: mean(LOCAL_IN_FLIGHT),
            local_ready: mean(LOCAL_READY),
        }
    }
}

// Counts far above 2^53 lose their last digits here; no window holds that many.
#[allow(clippy::cast_precision_loss)]
fn amounts(sample: &Sample) -> [f64; 6] {
    let seconds = sample.interval.as_secs_f64();
    let mut amounts = [0.0; 6];
    amounts[IN_FLIGHT] = sample.in_flight_mean * seconds;
    amounts[LOCAL_IN_FLIGHT] = sample.local_in_flight_mean * seconds;
    amounts[LOCAL_READY] = if sample.local_ready { seconds } else { 0.0 };
    amounts[ARRIVALS] = sample.arrivals as f64;
    amounts[ENDED] = sample.ended as f64;
    amounts[SERVICE_SECONDS] = sample.service_time_sum.as_secs_f64();
    amounts
}
