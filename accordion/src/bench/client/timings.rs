//! What came of the requests of a load.

use std::time::Duration;

/// How each request ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Timings {
    /// In the order in which they were due.
    outcomes: Vec<Outcome>,
    /// Of the good answers, the shortest first.
    latencies: Vec<Duration>,
    pub(crate) failed: u64,
    pub(crate) seconds: f64,
}

/// How one request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// From the begin of the load on.
    pub(crate) due: Duration,
    /// From then to the last byte of the answer; `None`: there was none, or not a good one.
    pub(crate) latency: Option<Duration>,
}

impl Timings {
    /// Of requests in any order.
    pub(super) fn new(mut outcomes: Vec<Outcome>, took: Duration) -> Self {
        outcomes.sort_unstable_by_key(|outcome| outcome.due);
        let mut latencies: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.latency).collect();
        latencies.sort_unstable();
        let failed = (outcomes.len() - latencies.len()) as u64;
        Self { outcomes, latencies, failed, seconds: took.as_secs_f64() }
    }

    /// Answered well.
    pub(crate) fn requests(&self) -> u64 {
        self.latencies.len() as u64
    }

    /// All requests, in the order in which they were due.
    pub(crate) fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// The latency that this share of the good answers does not exceed.
    pub(crate) fn quantile(&self, share: f64) -> Option<Duration> {
        quantile(&self.latencies, share)
    }

    pub(crate) fn mean(&self) -> Option<Duration> {
        let count = u32::try_from(self.latencies.len()).ok().filter(|count| *count > 0)?;
        Some(self.latencies.iter().sum::<Duration>() / count)
    }

    pub(crate) fn max(&self) -> Option<Duration> {
        self.latencies.last().copied()
    }
}

/// What this share of them does not exceed; the shortest comes first.
pub(crate) fn quantile(sorted: &[Duration], share: f64) -> Option<Duration> {
    let last = sorted.len().checked_sub(1)?;
    let rank = (share * sorted.len() as f64).ceil() as usize;
    Some(sorted[rank.saturating_sub(1).min(last)])
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_quantile_is_the_latency_that_so_many_do_not_exceed() {
        let outcomes =
            (1..=100).rev().map(|ms| Outcome { due: Duration::ZERO, latency: Some(ms * MS) }).collect();
        let timings = Timings::new(outcomes, Duration::from_secs(1));
        let at = |share| timings.quantile(share).unwrap().as_millis();
        assert_eq!([at(0.0), at(0.5), at(0.99), at(1.0)], [1, 50, 99, 100]);
        assert_eq!((timings.mean(), timings.max()), (Some(101 * MS / 2), Some(100 * MS)));
    }

    #[test]
    fn outcomes_come_as_they_were_due_and_those_without_an_answer_are_told() {
        let of = |due, latency: Option<u32>| Outcome { due: due * MS, latency: latency.map(|ms| ms * MS) };
        let timings = Timings::new(vec![of(20, Some(4)), of(30, None), of(10, Some(9))], MS);
        assert_eq!(timings.outcomes(), [of(10, Some(9)), of(20, Some(4)), of(30, None)]);
        assert_eq!((timings.requests(), timings.failed), (2, 1));
        assert_eq!((timings.mean(), timings.max()), (Some(13 * MS / 2), Some(9 * MS)));
    }

    #[test]
    fn where_nothing_was_answered_there_is_no_time() {
        let timings = Timings::new(vec![Outcome { due: MS, latency: None }], MS);
        assert_eq!((timings.quantile(0.5), timings.mean(), timings.max()), (None, None, None));
    }
}
