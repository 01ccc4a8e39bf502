//! What came of the requests of a load.

use std::time::Duration;

/// How long each good answer took, and what failed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Timings {
    /// Of the good answers, the shortest first.
    latencies: Vec<Duration>,
    pub(crate) failed: u64,
    pub(crate) seconds: f64,
}

impl Timings {
    /// Of good answers in any order.
    pub(super) fn new(mut latencies: Vec<Duration>, failed: u64, took: Duration) -> Self {
        latencies.sort_unstable();
        Self { latencies, failed, seconds: took.as_secs_f64() }
    }

    pub(crate) fn requests(&self) -> u64 {
        self.latencies.len() as u64
    }

    /// The latency that this share of the requests does not exceed.
    pub(crate) fn quantile(&self, share: f64) -> Option<Duration> {
        let last = self.latencies.len().checked_sub(1)?;
        let rank = (share * self.latencies.len() as f64).ceil() as usize;
        Some(self.latencies[rank.saturating_sub(1).min(last)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_the_latency_that_so_many_do_not_exceed() {
        let latencies = (1..=100).rev().map(Duration::from_millis).collect();
        let timings = Timings::new(latencies, 0, Duration::from_secs(1));
        let at = |share| timings.quantile(share).unwrap().as_millis();
        assert_eq!([at(0.0), at(0.5), at(0.99), at(1.0)], [1, 50, 99, 100]);
    }
}
