//! The rule of Knative's autoscaler (KPA), to compare with: desired = concurrency / target, over a
//! stable window, or over a panic window while the load is twice what the ready pods are meant for.
//!
//! The rule is `Scale` of knative/serving `pkg/autoscaler/scaling/autoscaler.go`, the numbers are those
//! of its `config/core/configmaps/autoscaler.yaml`. Two things are ours: the target, which is that of
//! the service (there it would be 70 % of the capacity), and what stands in for the activator, which is
//! the front end's local copy and its queue. What waits counts as concurrency, as in the activator.

use std::time::Duration;

use super::policy::pods;
use crate::decider::window::Window;
use crate::decider::{Fleet, Sample, Settings};

/// `tick-interval`.
const TICK: Duration = Duration::from_secs(2);
/// `stable-window`.
const STABLE_WINDOW: Duration = Duration::from_secs(60);
/// `panic-window-percentage`, 10 % of the stable window.
const PANIC_WINDOW: Duration = Duration::from_secs(6);
/// `panic-threshold-percentage`.
const PANIC_THRESHOLD: f64 = 2.0;
/// `max-scale-up-rate`, a tick.
const UP_RATE_MAX: f64 = 1000.0;
/// `max-scale-down-rate`, a tick.
const DOWN_RATE_MAX: f64 = 2.0;
/// `scale-to-zero-grace-period`. `scale-down-delay` and `scale-to-zero-pod-retention-period` are 0.
const ZERO_GRACE: Duration = Duration::from_secs(30);

/// The autoscaler of one service.
#[derive(Debug, Clone)]
pub(crate) struct Knative {
    /// Concurrency that a pod should work at.
    target: f64,
    min: u32,
    max: u32,
    stable: Window<1>,
    panic: Window<1>,
    next: Duration,
    /// When the load last was above the panic threshold, while in panic.
    panicked: Option<Duration>,
    /// The most that was wanted in this panic.
    panic_most: u32,
    /// Since when nothing is wanted.
    idle: Option<Duration>,
}

impl Knative {
    /// With so many pods ready. It begins in panic where that are several: until its windows have
    /// filled it would take what it has not seen for no load.
    pub(crate) fn new(settings: &Settings, ready: u32) -> Self {
        let max = settings.max.min(settings.pool);
        Self {
            target: settings.capacity * settings.scaling.target,
            min: settings.min.min(max),
            max,
            stable: Window::new(STABLE_WINDOW),
            panic: Window::new(PANIC_WINDOW),
            next: TICK,
            panicked: (ready > 1).then_some(Duration::ZERO),
            panic_most: ready,
            idle: None,
        }
    }

    /// How many pods there are to be, if it is time to say so.
    pub(crate) fn decide(&mut self, now: Duration, sample: &Sample, fleet: &Fleet) -> Option<u32> {
        let concurrency = sample.in_flight_mean + f64::from(sample.queued);
        let amount = [concurrency * sample.interval.as_secs_f64()];
        self.stable.push(sample.interval, amount);
        self.panic.push(sample.interval, amount);
        if now < self.next {
            return None;
        }
        self.next = now + TICK;
        let mean = |window: &Window<1>| window.sums().per_second(0).unwrap_or(0.0);
        let (stable, panic) = (mean(&self.stable), mean(&self.panic));
        let wanted = self.wanted(now, stable, panic, fleet.ready_count());
        Some(self.keep_one_a_while(now, wanted.clamp(self.min, self.max)))
    }

    fn wanted(&mut self, now: Duration, stable: f64, panic: f64, ready: u32) -> u32 {
        let ready = f64::from(ready.max(1));
        let within = |pods: f64| pods.max((ready / DOWN_RATE_MAX).floor()).min((UP_RATE_MAX * ready).ceil());
        let (stable, panic) = (pods(stable / self.target), pods(panic / self.target));
        if panic / ready >= PANIC_THRESHOLD {
            self.panicked = Some(now);
        } else if self.panicked.is_some_and(|at| now - at > STABLE_WINDOW) {
            (self.panicked, self.panic_most) = (None, 0);
        }
        // `as` saturates.
        let wanted = within(stable) as u32;
        if self.panicked.is_none() {
            return wanted;
        }
        // In panic it only grows.
        self.panic_most = self.panic_most.max(wanted).max(within(panic) as u32);
        self.panic_most
    }

    /// The last pod goes when none was wanted for the grace period.
    fn keep_one_a_while(&mut self, now: Duration, wanted: u32) -> u32 {
        if wanted > 0 {
            self.idle = None;
            return wanted;
        }
        let since = *self.idle.get_or_insert(now);
        u32::from(now - since < ZERO_GRACE).min(self.max)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Knative;
    use crate::decider::{Fleet, ReadyNode, Sample};
    use crate::simulation::comparison;

    /// A target of 60 of 100; a diary by the second, as the pods would follow at once.
    struct Diary {
        knative: Knative,
        now: Duration,
        pods: u32,
    }

    impl Diary {
        fn new(pods: u32) -> Self {
            Self { knative: Knative::new(&comparison::settings(), pods), now: Duration::ZERO, pods }
        }

        /// So many seconds at so many requests; the pods after them.
        fn seconds(&mut self, seconds: u32, in_flight: f64, queued: u32) -> u32 {
            for _ in 0..seconds {
                self.now += Duration::from_secs(1);
                let interval = Duration::from_secs(1);
                let sample = Sample { interval, in_flight_mean: in_flight, queued, ..Sample::default() };
                let ready = vec![ReadyNode::default(); self.pods as usize];
                let wanted = self.knative.decide(self.now, &sample, &Fleet { ready, ..Fleet::default() });
                self.pods = wanted.unwrap_or(self.pods);
            }
            self.pods
        }
    }

    #[test]
    fn it_follows_the_mean_of_a_minute_at_the_target() {
        let mut diary = Diary::new(0);
        assert_eq!(diary.seconds(10, 59.0, 0), 1);
        assert_eq!(diary.seconds(120, 61.0, 0), 2);
        // 90 for half a minute are 75.5 on average, 90 for all of it are two pods still.
        assert_eq!(diary.seconds(30, 90.0, 0), 2);
        assert_eq!(diary.seconds(60, 130.0, 0), 3);
    }

    #[test]
    fn at_twice_what_the_pods_are_meant_for_it_panics_and_then_only_grows() {
        let mut diary = Diary::new(0);
        diary.seconds(70, 59.0, 0);
        // Six seconds of 600 are ten pods, long before a minute is.
        assert_eq!(diary.seconds(8, 600.0, 0), 10);
        // The load is gone, and it stays for a minute from where it was twice as much.
        assert_eq!(diary.seconds(50, 0.0, 0), 10);
        assert!(diary.seconds(30, 0.0, 0) <= 5);
    }

    #[test]
    fn what_waits_is_concurrency() {
        let mut diary = Diary::new(0);
        diary.seconds(70, 50.0, 0);
        assert_eq!(diary.seconds(8, 100.0, 1000), 19);
    }

    #[test]
    fn it_halves_at_most_and_the_last_pod_stays_for_the_grace_period() {
        let mut diary = Diary::new(8);
        // It begins in panic, so nothing goes for a minute.
        assert_eq!(diary.seconds(60, 0.0, 0), 8);
        assert_eq!(diary.seconds(2, 0.0, 0), 4);
        assert_eq!(diary.seconds(2, 0.0, 0), 2);
        assert_eq!(diary.seconds(2, 0.0, 0), 1);
        assert_eq!(diary.seconds(30, 0.0, 0), 1);
        assert_eq!(diary.seconds(2, 0.0, 0), 0);
    }
}
