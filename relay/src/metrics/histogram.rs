//! How long something took, counted in fixed buckets. One thread writes, anybody reads.

use std::ops::AddAssign;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use super::{add, read};
use crate::access_log::micros;

/// The buckets' upper bounds in microseconds, each included: 100 us to 60 s, three a decade, as
/// Prometheus's own client libraries have them between 5 ms and 10 s. A last bucket takes what is longer.
pub const BOUNDS: [u32; 18] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000, 30_000_000, 60_000_000,
];

/// With the one for what is longer.
const BUCKETS: usize = BOUNDS.len() + 1;

/// How long something took, since the start.
#[derive(Debug, Default)]
pub struct Histogram {
    counts: [AtomicU64; BUCKETS],
    micros: AtomicU64,
}

/// What one histogram, or the sum of several, held at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Buckets {
    /// How many were in each bucket alone.
    pub counts: [u64; BUCKETS],
    /// All times together, in microseconds.
    pub micros: u64,
}

impl Histogram {
    /// Counts one. Only one thread may do so.
    pub fn record(&self, took: Duration) {
        self.record_micros(micros(took));
    }

    /// Counts one of so many microseconds. Only one thread may do so.
    pub fn record_micros(&self, took: u64) {
        add(&self.counts[bucket(took)], 1);
        add(&self.micros, took);
    }

    /// What it holds now.
    pub fn buckets(&self) -> Buckets {
        Buckets { counts: self.counts.each_ref().map(read), micros: read(&self.micros) }
    }
}

impl Buckets {
    /// How many there are in all.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

impl AddAssign for Buckets {
    fn add_assign(&mut self, other: Buckets) {
        self.counts.iter_mut().zip(other.counts).for_each(|(count, more)| *count += more);
        // A sum that goes past the end begins again, as the counters do.
        self.micros = self.micros.wrapping_add(other.micros);
    }
}

/// Compares with every bound: no branch to guess wrong, and four comparisons at a time.
fn bucket(took: u64) -> usize {
    // Most phases take next to nothing.
    if took <= u64::from(BOUNDS[0]) {
        return 0;
    }
    let took = u32::try_from(took).unwrap_or(u32::MAX);
    BOUNDS.iter().map(|bound| u32::from(took > *bound)).sum::<u32>() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket_and_one_more_to_the_next() {
        for (index, bound) in BOUNDS.into_iter().enumerate() {
            assert_eq!(bucket(u64::from(bound)), index, "{bound} us");
            assert_eq!(bucket(u64::from(bound) + 1), index + 1, "{bound} us and one more");
        }
        assert_eq!((bucket(0), bucket(u64::MAX)), (0, BUCKETS - 1));
    }

    #[test]
    fn bounds_rise() {
        assert!(BOUNDS.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn what_was_recorded_is_in_its_bucket_and_in_the_sum() {
        let histogram = Histogram::default();
        histogram.record(Duration::from_nanos(100_900));
        histogram.record(Duration::from_micros(101));
        histogram.record(Duration::from_secs(61));
        let buckets = histogram.buckets();
        assert_eq!((buckets.counts[0], buckets.counts[1], buckets.counts[BUCKETS - 1]), (1, 1, 1));
        assert_eq!((buckets.count(), buckets.micros), (3, 61_000_201));
    }

    #[test]
    fn buckets_add_up() {
        let histogram = Histogram::default();
        histogram.record(Duration::from_millis(1));
        let mut sum = histogram.buckets();
        sum += histogram.buckets();
        assert_eq!((sum.counts[3], sum.count(), sum.micros), (2, 2, 2_000));
    }
}
