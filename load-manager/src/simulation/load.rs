//! What is offered: requests in flight over time, if none had to wait.

use std::time::Duration;

/// The most points of one load: eleven days by the second.
pub const POINTS_MAX: usize = 1_000_000;

/// How long a load of one point lasts.
const SECOND: Duration = Duration::from_secs(1);

/// From one moment until the next point, or the load's end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Since the load's beginning.
    pub at: Duration,
    /// Requests in flight that the load would keep up.
    pub in_flight: f64,
}

/// A load: points in the order of time, the first at 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    points: Vec<Point>,
    length: Duration,
}

impl Load {
    /// A load of these points, the last of which holds for as long as the one before it. `None`
    /// unless the first is at 0, they rise in time, and each is a number of at least 0.
    pub fn new(points: Vec<Point>) -> Option<Self> {
        let rises = points.windows(2).all(|pair| pair[0].at < pair[1].at);
        let are_numbers = points.iter().all(|point| point.in_flight.is_finite() && point.in_flight >= 0.0);
        let last = points.last()?.at;
        let before = points.len().checked_sub(2).map(|index| points[index].at);
        let length = last + before.map_or(SECOND, |before| last.saturating_sub(before));
        (points[0].at.is_zero() && rises && are_numbers).then_some(Self { points, length })
    }

    /// A load by the second, at least one.
    pub(super) fn by_the_second(in_flight: impl Iterator<Item = f64>) -> Self {
        let point = |(second, in_flight)| Point { at: Duration::from_secs(second), in_flight };
        Self::new((0..).zip(in_flight).map(point).collect()).expect("a generator gives numbers from 0 on")
    }

    /// How long it lasts.
    pub fn length(&self) -> Duration {
        self.length
    }

    /// The points.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// What is offered, and until when, piece by piece.
    pub fn pieces(&self) -> impl Iterator<Item = (f64, Duration)> {
        let ends = self.points.iter().skip(1).map(|point| point.at).chain([self.length]);
        self.points.iter().map(|point| point.in_flight).zip(ends)
    }

    /// The mean from the beginning to that moment, or to the end.
    pub(super) fn mean_until(&self, end: Duration) -> f64 {
        let end = end.min(self.length);
        let (mut amount, mut from) = (0.0, Duration::ZERO);
        for (in_flight, until) in self.pieces().take_while(|(_, until)| *until < end) {
            amount += in_flight * (until - from).as_secs_f64();
            from = until;
        }
        let last = self.points.partition_point(|point| point.at <= from) - 1;
        (amount + self.points[last].in_flight * (end - from).as_secs_f64()) / end.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Load, Point};

    fn points(points: &[(u64, f64)]) -> Vec<Point> {
        let point =
            |(at, in_flight): &(u64, f64)| Point { at: Duration::from_secs(*at), in_flight: *in_flight };
        points.iter().map(point).collect()
    }

    #[test]
    fn a_point_holds_until_the_next_and_the_last_as_long_as_the_one_before() {
        let load = Load::new(points(&[(0, 4.0), (10, 8.0), (15, 2.0)])).unwrap();
        assert_eq!(load.length(), Duration::from_secs(20));
        let seconds = Duration::from_secs;
        let pieces: Vec<_> = load.pieces().collect();
        assert_eq!(pieces, [(4.0, seconds(10)), (8.0, seconds(15)), (2.0, seconds(20))]);
        assert_eq!(load.mean_until(seconds(8)), 4.0);
        assert_eq!(load.mean_until(seconds(10)), 4.0);
        assert_eq!(load.mean_until(Duration::from_secs(12)), (40.0 + 16.0) / 12.0);
        assert_eq!(load.mean_until(Duration::from_secs(99)), (40.0 + 40.0 + 10.0) / 20.0);
        assert_eq!(Load::new(points(&[(0, 4.0)])).unwrap().length(), Duration::from_secs(1));
    }

    #[test]
    fn what_is_no_load_is_none() {
        for wrong in [&[][..], &[(1, 1.0)], &[(0, 1.0), (0, 1.0)], &[(0, f64::NAN)], &[(0, -1.0)]] {
            assert_eq!(Load::new(points(wrong)), None, "{wrong:?}");
        }
    }
}
