//! The knee of a curve: from how many requests in flight on a copy does hardly more, and what it does at most.
//!
//! In a closed loop the throughput of a copy follows two asymptotes (P. J. Denning and J. P. Buzen, "The Operational
//! Analysis of Queueing Network Models", Computing Surveys 10, 1978): at first it grows with the requests in flight, at
//! last it is what the busiest part of the copy gives. Beyond the bend more requests in flight only wait for each other.
//! R. Jain ("The Art of Computer Systems Performance Analysis", 1991, section 3.3) calls that bend the knee capacity, and
//! L. Kleinrock ("Power and deterministic rules of thumb", ICC 1979) puts the best operation there: just enough to keep
//! the pipe full. K is read from the measured curve, as the first point that gives `SHARE` of the most, and not from where
//! the asymptotes meet, for a copy whose curve bends slowly does much less there; that is the cross-check.
//!
//! The rule has to bear noise. A running median of three takes single outliers away, and leaves what only rises or only
//! falls as it is (J. W. Tukey, "Exploratory Data Analysis", 1977, his end-point rule too); the most is the mean of all
//! points near the highest one, and not the luckiest point.

use super::curve::{Point, median};

/// The knee is where throughput reaches this share of the most. A tenth is what noise takes from a point of the plateau
/// without its being left out, and less than one of ten workers gives.
const SHARE: f64 = 0.9;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Knee {
    /// K, in requests in flight.
    pub(super) capacity: u32,
    /// Which point that is.
    pub(super) index: usize,
    /// Answers a second, at most.
    pub(super) top: f64,
    /// Where the two asymptotes meet, in requests in flight.
    pub(super) crossing: f64,
}

/// Of points that the copy handled, the fewest in flight first; `None` of none.
pub(super) fn of(points: &[Point]) -> Option<Knee> {
    let rates: Vec<f64> = points.iter().map(|point| point.per_second).collect();
    let smooth = smooth(&rates);
    let highest = smooth.iter().copied().fold(0.0, f64::max);
    let plateau: Vec<f64> = smooth.iter().copied().filter(|rate| *rate >= SHARE * highest).collect();
    let top = plateau.iter().sum::<f64>() / plateau.len().max(1) as f64;
    let index = smooth.iter().position(|rate| *rate >= SHARE * top)?;
    let alone = f64::from(points[0].in_flight) / rates[0].max(f64::MIN_POSITIVE);
    Some(Knee { capacity: points[index].in_flight, index, top, crossing: top * alone })
}

/// Each value as the median of itself and its neighbours. A peak behind which the curve falls stays: a copy that thrashes
/// has one, and an outlier has not.
pub(super) fn smooth(values: &[f64]) -> Vec<f64> {
    let mut smooth = values.to_vec();
    for (index, three) in values.windows(3).enumerate() {
        let [before, value, after] = three else { continue };
        let is_peak = value > before && *after < SHARE * before;
        smooth[index + 1] = if is_peak { *value } else { median(three.to_vec()) };
    }
    // The last has one neighbour only: it stays below where the two before it lead to.
    if let [.., earlier, before, last] = smooth[..] {
        let end = smooth.len() - 1;
        smooth[end] = median(vec![last, before, 3.0 * before - 2.0 * earlier]);
    }
    smooth
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::*;

    /// The numbers that a climb goes through.
    const GRID: [u32; 11] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48];

    /// What a copy that gives `rate` a second does at each number; times by Little's law.
    pub(crate) fn curve(numbers: &[u32], rate: impl Fn(f64) -> f64) -> Vec<Point> {
        let point = |number: &u32| {
            let per_second = rate(f64::from(*number));
            let p50 = Duration::from_secs_f64(f64::from(*number) / per_second);
            Point { in_flight: *number, per_second, p50, p99: p50 * 2, good: 1000, ..Point::default() }
        };
        numbers.iter().map(point).collect()
    }

    /// So many workers that take 20 ms each.
    pub(crate) fn workers(count: f64) -> impl Fn(f64) -> f64 {
        move |number| number.min(count) * 50.0
    }

    fn knee(rate: impl Fn(f64) -> f64) -> Knee {
        of(&curve(&GRID, rate)).unwrap()
    }

    #[test]
    fn workers_that_wait_are_filled_by_one_request_each() {
        for count in [2.0, 4.0, 8.0, 16.0] {
            let knee = knee(workers(count));
            assert_eq!(f64::from(knee.capacity), count);
            assert!((knee.top - 50.0 * count).abs() < 1e-9);
            assert!((knee.crossing - count).abs() < 1e-9, "{}", knee.crossing);
        }
    }

    #[test]
    fn one_server_with_a_way_there_and_back_is_filled_by_two() {
        // 2 ms of work, 1 ms on the way: by mean value analysis of a closed M/M/1.
        let rate = |number: f64| {
            let (mut waiting, mut rate) = (0.0, 0.0);
            for count in 1..=number as u32 {
                let time = 0.002 * (1.0 + waiting);
                rate = f64::from(count) / (0.001 + time);
                waiting = rate * time;
            }
            rate
        };
        let knee = knee(rate);
        assert!((2..=3).contains(&knee.capacity), "{knee:?}");
        assert!((490.0..=500.0).contains(&knee.top), "{knee:?}");
    }

    #[test]
    fn a_flat_curve_has_its_knee_at_one() {
        let knee = knee(|_| 400.0);
        assert_eq!((knee.capacity, knee.index), (1, 0));
        assert!((knee.top - 400.0).abs() < 1e-9);
    }

    #[test]
    fn a_copy_that_thrashes_has_it_before_the_fall() {
        // Eight workers; beyond that each request makes all of them slower.
        let rate = |number: f64| number.min(8.0) * 50.0 / (1.0 + 0.2 * (number - 8.0).max(0.0));
        assert_eq!(knee(rate).capacity, 8);
    }

    #[test]
    fn a_curve_that_bends_slowly_has_it_beyond_where_the_asymptotes_meet() {
        // The universal scalability law (N. J. Gunther), with contention and a little coherency.
        let law =
            |number: f64| 100.0 * number / (1.0 + 0.05 * (number - 1.0) + 0.0005 * number * (number - 1.0));
        let knee = knee(law);
        assert!((16..=24).contains(&knee.capacity), "{knee:?}");
        assert!(knee.crossing < f64::from(knee.capacity), "{knee:?}");
    }

    #[test]
    fn a_curve_that_still_rises_has_it_at_its_end() {
        assert_eq!(knee(workers(1000.0)).capacity, 48);
    }

    #[test]
    fn nothing_has_no_knee_and_one_point_is_its_own() {
        assert_eq!(of(&[]), None);
        assert_eq!(of(&curve(&[1], workers(4.0))).unwrap().capacity, 1);
        assert_eq!(of(&curve(&[1, 2], workers(4.0))).unwrap().capacity, 2);
    }

    #[test]
    fn noise_of_a_tenth_does_not_move_it_to_another_step() {
        // The medians of three rounds, each up to a tenth off, evenly.
        let mut state = 0x9e37_79b9_u64;
        let mut noise = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            0.9 + 0.2 * (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        let mut found = Vec::new();
        for _ in 0..1000 {
            let mut points = curve(&GRID[..9], workers(8.0));
            for point in &mut points {
                point.per_second *= median(vec![noise(), noise(), noise()]);
            }
            found.push(of(&points).unwrap().capacity);
        }
        let right = found.iter().filter(|capacity| **capacity == 8).count();
        assert!(right >= 950, "{right} of 1000");
        assert!(found.iter().all(|capacity| (8..=16).contains(capacity)), "{found:?}");
    }

    #[test]
    fn one_outlier_is_not_the_most() {
        for outlier in 0..GRID.len() {
            let mut points = curve(&GRID, workers(8.0));
            points[outlier].per_second *= 1.5;
            let knee = of(&points).unwrap();
            assert!((6..=8).contains(&knee.capacity), "{outlier}: {knee:?}");
        }
    }

    #[test]
    fn what_only_rises_stays_as_it_is() {
        let rates = [50.0, 100.0, 150.0, 200.0, 300.0, 400.0];
        assert_eq!(smooth(&rates), rates);
        assert_eq!(smooth(&[200.0, 200.0, 200.0, 300.0]), [200.0; 4]);
        assert_eq!(smooth(&[1.0, 3.0]), [1.0, 3.0]);
    }
}
