//! What a copy did at each number of requests in flight: single steps, and their medians over the rounds.

use std::time::Duration;

use crate::spread::Spread;

/// A step with more failed requests than this share of them is none that the copy handled.
const FAILED_SHARE_MAX: f64 = 0.01;

/// A 99th percentile beyond both of these is not handling well: so many times the median of one request alone, and a
/// second, for small multiples of very little are nothing that anybody feels.
const P99_FACTOR_MAX: f64 = 20.0;
const P99_FLOOR: Duration = Duration::from_secs(1);

/// One step of one round.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sample {
    /// Requests that were in flight all the time.
    pub(super) in_flight: u32,
    /// Good answers a second.
    pub(super) per_second: f64,
    /// Of the good answers.
    pub(super) p50: Duration,
    pub(super) p99: Duration,
    pub(super) good: u64,
    pub(super) failed: u64,
    /// Of those that failed, the ones that had no answer at all, each on a connection of its own.
    pub(super) unanswered: u32,
    /// What the first of those that failed came to, or those without an answer.
    pub(super) fault: Option<String>,
    /// CPU time of the thread that sent them, as a share of one CPU.
    pub(super) client_cpu: f64,
}

/// One number of requests in flight, all rounds together.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Point {
    pub(super) in_flight: u32,
    /// Medians of the rounds.
    pub(super) per_second: f64,
    pub(super) p50: Duration,
    pub(super) p99: Duration,
    /// How far the rounds' throughputs lie apart, as a share of their median.
    pub(super) spread: f64,
    /// Sums of the rounds.
    pub(super) good: u64,
    pub(super) failed: u64,
    pub(super) fault: Option<String>,
    /// The most of all rounds.
    pub(super) unanswered: u32,
    pub(super) client_cpu: f64,
}

/// All points, the fewest in flight first.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Curve {
    pub(super) points: Vec<Point>,
}

/// Why a point is none that the copy handles well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfit {
    /// Too many requests failed.
    Failed,
    /// Some connections are never answered, however many requests are on the others.
    Unanswered,
    /// They take far too long.
    Slow,
}

impl Curve {
    /// Of all steps so far, in any order.
    pub(super) fn of(samples: &[Sample]) -> Self {
        let mut numbers: Vec<u32> = samples.iter().map(|sample| sample.in_flight).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let rounds = |number: u32| samples.iter().filter(move |sample| sample.in_flight == number);
        Self { points: numbers.into_iter().map(|number| Point::of(number, rounds(number))).collect() }
    }

    /// The points up to the first unfit one, and why that is.
    pub(super) fn fit(&self) -> (&[Point], Option<Unfit>) {
        let unfit = self.points.iter().position(|point| self.unfit(point).is_some());
        let end = unfit.unwrap_or(self.points.len());
        (&self.points[..end], unfit.and_then(|index| self.unfit(&self.points[index])))
    }

    fn unfit(&self, point: &Point) -> Option<Unfit> {
        let alone = self.points.first().map_or(Duration::ZERO, |first| first.p50);
        let all = point.good + point.failed;
        if point.good > 0 && point.unanswered > 0 {
            Some(Unfit::Unanswered)
        } else if point.good == 0 || point.failed as f64 > all as f64 * FAILED_SHARE_MAX {
            Some(Unfit::Failed)
        } else if point.p99 > alone.mul_f64(P99_FACTOR_MAX).max(P99_FLOOR) {
            Some(Unfit::Slow)
        } else {
            None
        }
    }
}

impl Point {
    fn of<'s>(in_flight: u32, rounds: impl Iterator<Item = &'s Sample> + Clone) -> Self {
        let values = |of: fn(&Sample) -> f64| rounds.clone().map(of).collect::<Vec<_>>();
        let rates = values(|sample| sample.per_second);
        let (least, most) =
            rates.iter().fold((f64::MAX, 0.0_f64), |(least, most), rate| (least.min(*rate), most.max(*rate)));
        let per_second = median(rates);
        let time = |of: fn(&Sample) -> f64| Duration::from_secs_f64(median(values(of)));
        Self {
            in_flight,
            per_second,
            p50: time(|sample| sample.p50.as_secs_f64()),
            p99: time(|sample| sample.p99.as_secs_f64()),
            spread: if per_second > 0.0 { (most - least) / per_second } else { 0.0 },
            good: rounds.clone().map(|sample| sample.good).sum(),
            failed: rounds.clone().map(|sample| sample.failed).sum(),
            fault: rounds.clone().find_map(|sample| sample.fault.clone()),
            unanswered: rounds.clone().map(|sample| sample.unanswered).max().unwrap_or_default(),
            client_cpu: rounds.map(|sample| sample.client_cpu).fold(0.0, f64::max),
        }
    }
}

/// 0 of none.
pub(super) fn median(values: Vec<f64>) -> f64 {
    Spread::of(values).map_or(0.0, |spread| spread.median)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(in_flight: u32, per_second: f64) -> Sample {
        let p50 = Duration::from_millis(10);
        Sample { in_flight, per_second, p50, p99: p50, good: 100, ..Sample::default() }
    }

    #[test]
    fn a_point_is_the_median_of_its_rounds() {
        let curve = Curve::of(&[sample(2, 30.0), sample(1, 10.0), sample(2, 20.0), sample(2, 90.0)]);
        let shown: Vec<_> = curve.points.iter().map(|point| (point.in_flight, point.per_second)).collect();
        assert_eq!(shown, [(1, 10.0), (2, 30.0)]);
        assert!((curve.points[1].spread - 70.0 / 30.0).abs() < 1e-9);
        assert_eq!(curve.points[1].good, 300);
    }

    #[test]
    fn two_rounds_have_their_middle() {
        assert_eq!(median(vec![4.0, 1.0]), 2.5);
        assert_eq!(median(Vec::new()), 0.0);
    }

    #[test]
    fn what_comes_from_the_first_failures_on_does_not_count() {
        let failing = Sample { failed: 2, ..sample(2, 20.0) };
        let curve = Curve::of(&[sample(1, 10.0), failing, sample(3, 30.0)]);
        let (fit, why) = curve.fit();
        assert_eq!((fit.len(), why), (1, Some(Unfit::Failed)));
        // Among many good answers too, where nobody answers on one of the connections.
        let silent = Sample { failed: 1, unanswered: 1, good: 100_000, ..sample(2, 20.0) };
        assert_eq!(Curve::of(&[sample(1, 10.0), silent]).fit().1, Some(Unfit::Unanswered));
        // One in a hundred happens.
        let failing = Sample { failed: 1, ..sample(2, 20.0) };
        assert_eq!(Curve::of(&[sample(1, 10.0), failing]).fit().1, None);
    }

    #[test]
    fn nor_does_what_takes_far_longer_than_one_request_alone() {
        let after = |p99| {
            Curve::of(&[sample(1, 10.0), Sample { p99: Duration::from_millis(p99), ..sample(2, 20.0) }])
        };
        assert_eq!(after(900).fit().1, None, "20 times as long, but below a second");
        assert_eq!(after(1100).fit().1, Some(Unfit::Slow));
    }
}
