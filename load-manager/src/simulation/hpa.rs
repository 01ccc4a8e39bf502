//! The rule of Kubernetes' horizontal pod autoscaler (HPA), to compare with: every 15 s, desired =
//! pods x utilization / target, up at a bounded rate, down by the most that 5 minutes recommended.
//!
//! The rule is that of kubernetes/kubernetes `pkg/controller/podautoscaler/` (`replica_calculator.go`
//! and `horizontal.go`); the numbers are from its `config/v1alpha1/defaults.go` and, for the policies
//! of the way up, `pkg/apis/autoscaling/v2/defaults.go`. The target is that of the service (the default
//! is 80 % of the CPU), the metric what a pod is busy with as a share of its capacity: like CPU, it is
//! never more than all of it.

use std::collections::VecDeque;
use std::time::Duration;

use super::policy::pods;
use crate::decider::window::Window;
use crate::decider::{Fleet, Sample, Settings};

/// `HorizontalPodAutoscalerSyncPeriod`.
const SYNC: Duration = Duration::from_secs(15);
/// `HorizontalPodAutoscalerTolerance`.
const TOLERANCE: f64 = 0.1;
/// `HorizontalPodAutoscalerDownscaleStabilizationWindow`; on the way up there is none.
const DOWN_WINDOW: Duration = Duration::from_secs(300);
/// `scaleUpLimitMinimumPods`, a period of 15 s; or `scaleUpLimitPercent`, 100 %, if that is more. On
/// the way down 100 % may go, which is no bound.
const UP_PODS: u32 = 4;
/// `scaleUpPeriod`.
const UP_PERIOD: Duration = Duration::from_secs(15);
/// `--metric-resolution` of kubernetes-sigs/metrics-server `manifests/base/deployment.yaml`: figures
/// are means over it. Read half a period after they were taken, they are 15 s old at their middle.
const METRICS: Duration = Duration::from_secs(15);
/// How old the newest figures are when they are read, on average.
const METRICS_AGE: Duration = Duration::from_millis(7500);
/// `minReplicas`.
const MIN: u32 = 1;

/// The autoscaler of one service.
#[derive(Debug, Clone)]
pub(crate) struct Hpa {
    target: f64,
    min: u32,
    max: u32,
    metrics: Window<1>,
    /// The utilization of the ready pods as it was last taken; `None` while there was no pod.
    taken: Option<f64>,
    next_taken: Duration,
    next: Duration,
    /// Oldest first.
    recommended: VecDeque<(Duration, u32)>,
    /// What was added, oldest first.
    added: VecDeque<(Duration, u32)>,
}

impl Hpa {
    /// With so many pods ready, which count as recommended.
    pub(crate) fn new(settings: &Settings, ready: u32) -> Self {
        let max = settings.max.min(settings.pool);
        Self {
            target: settings.scaling.target,
            min: settings.min.max(MIN).min(max),
            max,
            metrics: Window::new(METRICS),
            taken: None,
            next_taken: SYNC.saturating_sub(METRICS_AGE),
            next: SYNC,
            recommended: VecDeque::from([(Duration::ZERO, ready)]),
            added: VecDeque::new(),
        }
    }

    /// How many pods there are to be, if it is time to say so.
    pub(crate) fn decide(&mut self, now: Duration, sample: &Sample, fleet: &Fleet) -> Option<u32> {
        self.measure(now, sample, fleet);
        if now < self.next {
            return None;
        }
        self.next = now + SYNC;
        let (ready, unready) = (fleet.ready_count(), fleet.ordered);
        let current = ready + unready;
        let wanted = self.taken.map_or(current, |used| desired(used / self.target, ready, unready));
        let wanted = self.stabilized(now, wanted.clamp(self.min, self.max), current);
        let wanted = wanted.min(self.up_limit(now, current)).clamp(self.min, self.max);
        if wanted > current {
            self.added.push_back((now, wanted - current));
        }
        Some(wanted)
    }

    /// Takes the pods' utilization each period, as a mean over it.
    fn measure(&mut self, now: Duration, sample: &Sample, fleet: &Fleet) {
        let capacity: f64 = fleet.ready.iter().map(|node| node.k).sum();
        if capacity > 0.0 {
            let in_flight: f64 = sample.children.iter().map(|child| child.in_flight_mean).sum();
            let share = in_flight / capacity;
            self.metrics.push(sample.interval, [share * sample.interval.as_secs_f64()]);
        } else {
            self.metrics.clear();
        }
        if now >= self.next_taken {
            self.next_taken += METRICS;
            self.taken = self.metrics.sums().per_second(0);
        }
    }

    /// The most that was recommended lately, where fewer would go.
    fn stabilized(&mut self, now: Duration, wanted: u32, current: u32) -> u32 {
        self.recommended.push_back((now, wanted));
        self.recommended.retain(|(at, _)| now - *at < DOWN_WINDOW);
        if wanted >= current {
            return wanted;
        }
        self.recommended.iter().map(|(_, recommended)| *recommended).max().unwrap_or(wanted)
    }

    /// What may be had at most, by what the period began with.
    fn up_limit(&mut self, now: Duration, current: u32) -> u32 {
        self.added.retain(|(at, _)| now - *at < UP_PERIOD);
        let added: u32 = self.added.iter().map(|(_, added)| added).sum();
        let base = current.saturating_sub(added);
        current.max(base + UP_PODS).max(2 * base)
    }
}

/// How many pods would work at the target, at `ratio` times the target now. On the way up those that
/// are not ready count as idle; if that turns it round, or the ratio is near 1, nothing changes.
fn desired(ratio: f64, ready: u32, unready: u32) -> u32 {
    let current = ready + unready;
    let is_near = |ratio: f64| (1.0 - ratio).abs() <= TOLERANCE;
    // `as` saturates.
    let pods_at = |ratio: f64, of: u32| pods(ratio * f64::from(of)) as u32;
    if unready == 0 || ratio <= 1.0 {
        return if is_near(ratio) { current } else { pods_at(ratio, ready) };
    }
    let ratio = ratio * f64::from(ready) / f64::from(current);
    if is_near(ratio) || ratio < 1.0 { current } else { pods_at(ratio, current).max(current) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Hpa, desired};
    use crate::decider::{ChildLoad, Fleet, ReadyNode, Sample};
    use crate::simulation::comparison;

    /// Pods of 100 that follow at once; a diary by the second.
    struct Diary {
        hpa: Hpa,
        now: Duration,
        pods: u32,
    }

    impl Diary {
        fn new(pods: u32) -> Self {
            Self { hpa: Hpa::new(&comparison::settings(), pods), now: Duration::ZERO, pods }
        }

        /// So many seconds with so many requests offered; the pods after them.
        fn seconds(&mut self, seconds: u32, offered: f64) -> u32 {
            for _ in 0..seconds {
                self.now += Duration::from_secs(1);
                let share = (offered / f64::from(self.pods)).min(100.0);
                let child = ChildLoad { in_flight_mean: share, ..ChildLoad::default() };
                let children = vec![child; self.pods as usize];
                let sample = Sample { interval: Duration::from_secs(1), children, ..Sample::default() };
                let ready = vec![ReadyNode { k: 100.0, ..ReadyNode::default() }; self.pods as usize];
                let wanted = self.hpa.decide(self.now, &sample, &Fleet { ready, ..Fleet::default() });
                self.pods = wanted.unwrap_or(self.pods);
            }
            self.pods
        }
    }

    #[test]
    fn it_tolerates_a_tenth() {
        assert_eq!(desired(1.09, 10, 0), 10);
        assert_eq!(desired(1.11, 10, 0), 12);
        assert_eq!(desired(0.91, 10, 0), 10);
        assert_eq!(desired(0.89, 10, 0), 9);
    }

    #[test]
    fn pods_that_are_not_ready_count_as_idle_on_the_way_up() {
        // 4 busy ones at 1.6 times the target are 6.4; 3 are on their way: 0.91 is near enough.
        assert_eq!(desired(1.6, 4, 3), 7);
        assert_eq!(desired(1.6, 4, 1), 7);
        // They turn it round: nothing changes.
        assert_eq!(desired(1.2, 2, 8), 10);
        // On the way down they do not count.
        assert_eq!(desired(0.5, 4, 2), 2);
    }

    #[test]
    fn it_keeps_one_pod_and_looks_every_fifteen_seconds() {
        let mut diary = Diary::new(0);
        assert_eq!(diary.seconds(14, 0.0), 0);
        assert_eq!(diary.seconds(1, 0.0), 1);
        assert_eq!(diary.seconds(600, 0.0), 1);
    }

    #[test]
    fn it_never_sees_more_than_all_of_a_pod() {
        // However much is offered, 4 pods are busy at most: 4 / 0.6 are 7.
        let mut diary = Diary::new(4);
        assert_eq!(diary.seconds(15, 10_000.0), 7);
        assert_eq!(diary.seconds(15, 10_000.0), 12);
    }

    #[test]
    fn it_doubles_or_grows_by_four_in_a_period() {
        let mut hpa = Hpa::new(&comparison::settings(), 1);
        let limit = |hpa: &mut Hpa, second, current| hpa.up_limit(Duration::from_secs(second), current);
        assert_eq!(limit(&mut hpa, 15, 1), 5);
        assert_eq!(limit(&mut hpa, 30, 10), 20);
        hpa.added.push_back((Duration::from_secs(30), 10));
        // What it began with counts.
        assert_eq!(limit(&mut hpa, 40, 20), 20);
        assert_eq!(limit(&mut hpa, 45, 20), 40);
    }

    #[test]
    fn it_goes_down_by_the_most_of_five_minutes() {
        let mut diary = Diary::new(10);
        assert_eq!(diary.seconds(60, 600.0), 10);
        assert_eq!(diary.seconds(299, 60.0), 10);
        // The figures are half a period old when they are read: the first lower one is a mean of both loads.
        assert_eq!(diary.seconds(1, 60.0), 6);
        assert_eq!(diary.seconds(15, 60.0), 1);
    }
}
