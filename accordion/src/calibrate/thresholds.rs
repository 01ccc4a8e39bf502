//! `high`, `target` and `low` of a curve, as shares of K, each with the sentence that says why.
//!
//! Latency decides on `high`: where it leaves its flat part a copy has too much, though it could do more. A copy that is
//! as quick at K as alone gives no reason to leave the defaults, which keep a quarter of K for what comes between two
//! decisions. No curve of a single copy says when a copy has too little, or at what share it should work: these keep
//! their proportion to `high`, which is within the rules of cluster.toml whatever `high` is.

use cluster::config::Scaling;

use super::curve::Point;
use super::knee::{Knee, smooth};

/// Latency has left its flat part at this many times that of one request alone: half as long again is what a visitor may
/// notice, and more than noise makes of a median.
const LEAVES_FLAT: f64 = 1.5;

/// Not below this share of K, however early latency rises: nodes would be borrowed by copies that are nearly idle.
const HIGH_MIN: f64 = 0.3;

/// `high` is told in steps of this: the curve knows no better.
const STEP: f64 = 0.05;

/// What goes into `[service.NAME.scaling]`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Thresholds {
    pub(super) high: f64,
    pub(super) target: f64,
    pub(super) low: f64,
    /// Requests in flight up to which latency is flat, as far as it was measured.
    pub(super) flat: f64,
    pub(super) why_high: String,
    pub(super) why_target: String,
    pub(super) why_low: String,
}

impl Thresholds {
    /// Of points that the copy handled and their knee.
    pub(super) fn of(points: &[Point], knee: &Knee) -> Self {
        let default = Scaling::default();
        let flat = flat(points);
        let share = flat / f64::from(knee.capacity);
        let up_to = format!("{LEAVES_FLAT} times that of one request alone, up to {:.1} in flight", flat);
        if share >= default.high {
            let kept = "the default: the curve of one copy gives no reason for another".to_owned();
            return Self {
                high: default.high,
                target: default.target,
                low: default.low,
                flat,
                why_high: format!("the default: the median is flat, below {up_to}"),
                why_target: kept.clone(),
                why_low: kept,
            };
        }
        // A little is added, so that 0.7 is not cut to 0.65 for the last of its digits.
        let high = ((share / STEP + 1e-9).floor() * STEP).max(HIGH_MIN);
        let in_proportion = |of: f64| (high * of / default.high * 100.0 + 1e-9).floor() / 100.0;
        let least =
            if share < HIGH_MIN { format!(", and {HIGH_MIN} is the least of use") } else { String::new() };
        let proportion = |of: f64| format!("in the defaults' proportion to high, {of} to {}", default.high);
        Self {
            high: (high * 100.0).round() / 100.0,
            target: in_proportion(default.target),
            low: in_proportion(default.low),
            flat,
            why_high: format!("the median is flat, below {up_to} only{least}"),
            why_target: proportion(default.target),
            why_low: proportion(default.low),
        }
    }
}

/// Up to how many in flight the median is flat; between two points on the line from one to the other.
fn flat(points: &[Point]) -> f64 {
    let times: Vec<f64> = points.iter().map(|point| point.p50.as_secs_f64()).collect();
    let mut before: Option<(f64, f64)> = None;
    let bound = times.first().copied().unwrap_or_default() * LEAVES_FLAT;
    for (point, time) in points.iter().zip(smooth(&times)) {
        let number = f64::from(point.in_flight);
        match before {
            Some((at, was)) if time > bound => return at + (number - at) * (bound - was) / (time - was),
            _ => before = Some((number, time)),
        }
    }
    before.map_or(0.0, |(number, _)| number)
}

#[cfg(test)]
mod tests {
    use super::super::knee;
    use super::super::knee::tests::{curve, workers};
    use super::*;

    const GRID: [u32; 10] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32];

    fn thresholds(rate: impl Fn(f64) -> f64) -> Thresholds {
        let points = curve(&GRID, rate);
        let knee = knee::of(&points).unwrap();
        let thresholds = Thresholds::of(&points, &knee);
        // The rules of cluster.toml.
        assert!(thresholds.low > 0.0 && thresholds.low < thresholds.high / 2.0, "{thresholds:?}");
        assert!(thresholds.target < thresholds.high && thresholds.high <= 1.0, "{thresholds:?}");
        thresholds
    }

    #[test]
    fn a_copy_that_is_as_quick_at_its_capacity_as_alone_keeps_the_defaults() {
        for count in [1.0, 4.0, 16.0] {
            let found = thresholds(workers(count));
            assert_eq!((found.low, found.target, found.high), (0.35, 0.60, 0.75));
            assert!(found.why_high.starts_with("the default: the median is flat"), "{}", found.why_high);
        }
    }

    #[test]
    fn latency_that_rises_early_lowers_high_and_the_others_with_it() {
        // Time grows by a tenth for each request more: half as long again with 6.
        let found = thresholds(|number| 100.0 * number / (1.0 + 0.1 * (number - 1.0)));
        assert!((found.flat - 6.0).abs() < 1e-6, "{}", found.flat);
        assert_eq!((found.low, found.target, found.high), (0.14, 0.24, 0.3));
        assert!(found.why_high.contains("up to 6.0 in flight only"), "{}", found.why_high);
    }

    #[test]
    fn high_is_the_share_of_capacity_where_latency_leaves_its_flat_part() {
        let points =
            curve(&[1, 2, 3, 4, 6, 8], |number| if number <= 4.0 { 10.0 * number } else { 5.0 * number });
        let at = |capacity| {
            let found = Thresholds::of(&points, &Knee { capacity, index: 0, top: 0.0, crossing: 0.0 });
            (found.low, found.target, found.high)
        };
        // Flat up to 5: between 4, where it is 1, and 6, where it is 2.
        assert_eq!(at(6), (0.35, 0.6, 0.75));
        assert_eq!(at(8), (0.28, 0.48, 0.6));
        assert_eq!(at(100), (0.14, 0.24, 0.3));
    }

    #[test]
    fn a_single_slow_step_is_not_the_end_of_the_flat_part() {
        let mut points = curve(&GRID, workers(16.0));
        points[3].p50 *= 3;
        assert!(flat(&points) >= 16.0, "{}", flat(&points));
    }
}
