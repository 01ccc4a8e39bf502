//! How the load changes: up to a top and down again. Pure.

use std::time::Duration;

use crate::bench::client::{Pace, Segment, Spacing};

/// Requests a second before and after.
const BOTTOM: f64 = 1.0;

/// A climb, a fall of the same length, and a rest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::bench::paper) struct Profile {
    /// Requests a second in the middle.
    pub(in crate::bench::paper) top: f64,
    /// Of climb and fall together.
    pub(in crate::bench::paper) length: Duration,
    /// The longest rest at the rate of the begin, in which the last nodes are given back.
    pub(in crate::bench::paper) tail: Duration,
}

impl Profile {
    /// Requests a second that long after the begin.
    pub(in crate::bench::paper) fn rate(&self, at: Duration) -> f64 {
        let half = self.length / 2;
        let height = if at < half { at } else { self.length.saturating_sub(at) };
        let share = if half.is_zero() { 0.0 } else { height.as_secs_f64() / half.as_secs_f64() };
        BOTTOM + (self.top - BOTTOM) * share
    }

    /// In steps of a second, each at the rate of its middle, evenly spaced as the paper's client does.
    pub(super) fn pace(&self) -> Pace {
        let second = |second: u64| Segment {
            rate: self.rate(Duration::from_secs(second) + Duration::from_millis(500)),
            length: Duration::from_secs(1),
        };
        let mut segments: Vec<_> = (0..self.length.as_secs()).map(second).collect();
        segments.push(Segment { rate: BOTTOM, length: self.tail });
        Pace { segments, spacing: Spacing::Even }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_climbs_to_the_top_and_falls_to_where_it_began() {
        let profile = Profile { top: 250.0, length: Duration::from_secs(600), tail: Duration::from_secs(90) };
        let rate = |second| profile.rate(Duration::from_secs(second));
        assert_eq!([rate(0), rate(300), rate(600), rate(650)], [1.0, 250.0, 1.0, 1.0]);
        assert_eq!((rate(100), rate(500)), (84.0, 84.0));
        let pace = profile.pace();
        assert_eq!((pace.length().as_secs(), pace.spacing), (690, Spacing::Even));
        // 300 s at a mean of 125.5 each way, and one a second in the rest.
        assert!((pace.requests() - (600.0 * 125.5 + 90.0)).abs() < 1.0, "{}", pace.requests());
        assert!(pace.segments.iter().all(|segment| (1.0..=250.0).contains(&segment.rate)));
    }
}
