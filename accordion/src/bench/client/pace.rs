//! How fast the requests of a load come, and how they are spaced. Pure.

use std::time::Duration;

/// What one request leaves to the next of another stretch may be off by, from the adding up of fractions.
const ROUNDING: f64 = 1e-9;

/// The rate of a load over its whole length.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pace {
    /// One after the other.
    pub(crate) segments: Vec<Segment>,
    pub(crate) spacing: Spacing,
}

/// A stretch at one rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Segment {
    /// Requests a second; 0 is a rest.
    pub(crate) rate: f64,
    pub(crate) length: Duration,
}

/// How requests follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spacing {
    /// As independent clients would send them (Poisson); the first one is not due at once.
    Random,
    /// Each as long after the one before as the rate says, as httperf does; the first one is due at once.
    Even,
    /// Each at any moment of the gap that the rate leaves it: as many as even ones, and in step with nothing.
    Loose,
}

impl Pace {
    /// One rate throughout, as of independent clients.
    pub(crate) fn random(rate: f64, length: Duration) -> Self {
        Self { segments: vec![Segment { rate, length }], spacing: Spacing::Random }
    }

    /// One rate throughout, evenly.
    pub(crate) fn even(rate: f64, length: Duration) -> Self {
        Self { segments: vec![Segment { rate, length }], spacing: Spacing::Even }
    }

    /// One rate throughout, evenly but for where in its gap each is.
    pub(crate) fn loose(rate: f64, length: Duration) -> Self {
        Self { spacing: Spacing::Loose, ..Self::even(rate, length) }
    }

    /// From the first segment's begin to the last one's end.
    pub(crate) fn length(&self) -> Duration {
        self.segments.iter().map(|segment| segment.length).sum()
    }

    /// How many requests that is; of random ones, in the mean.
    pub(crate) fn requests(&self) -> f64 {
        self.segments.iter().map(Segment::requests).sum()
    }

    /// When that many requests are due (with fractions, for those that are not even); `None`: they never are.
    pub(super) fn due(&self, requests: f64) -> Option<Duration> {
        let (mut left, mut begin) = (requests, Duration::ZERO);
        for segment in &self.segments {
            if left < segment.requests() - ROUNDING {
                return Some(begin + Duration::from_secs_f64(left.max(0.0) / segment.rate));
            }
            left -= segment.requests();
            begin += segment.length;
        }
        None
    }
}

impl Segment {
    fn requests(&self) -> f64 {
        self.rate * self.length.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn requests_go_on_from_one_segment_to_the_next() {
        let segments = [(2.0, 1), (0.0, 1), (4.0, 1)]
            .map(|(rate, seconds)| Segment { rate, length: seconds * SECOND })
            .to_vec();
        let pace = Pace { segments, spacing: Spacing::Even };
        let due: Vec<_> = (0..7).map(|count| pace.due(f64::from(count)).map(|due| due.as_millis())).collect();
        let expected = [Some(0), Some(500), Some(2000), Some(2250), Some(2500), Some(2750), None];
        assert_eq!(due, expected);
        assert_eq!((pace.length(), pace.requests()), (3 * SECOND, 6.0));
    }

    #[test]
    fn a_segment_that_holds_part_of_a_request_leaves_the_rest_to_the_next() {
        let segments = [0.5, 1.5].map(|rate| Segment { rate, length: SECOND }).to_vec();
        let pace = Pace { segments, spacing: Spacing::Even };
        // Half of the second request falls into the first second, the other half takes a third of the next.
        assert_eq!(pace.due(1.0).unwrap().as_millis(), 1333);
        assert_eq!(pace.due(2.0), None);
    }
}
