//! How long to wait before the next try: the first wait, then twice as long each time, up to a
//! bound. Pure: it reads no clock and draws no random number.

use std::time::Duration;

/// The waits between one try and the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    max: Duration,
    next: Duration,
}

impl Backoff {
    /// Waits of `first`, twice that, and so on, never more than `max`.
    pub const fn new(first: Duration, max: Duration) -> Self {
        Self { first, max, next: first }
    }

    /// The wait before the next try.
    #[expect(clippy::should_implement_trait, reason = "it never ends, so an Option would say nothing")]
    pub fn next(&mut self) -> Duration {
        let wait = self.next.min(self.max);
        self.next = wait.saturating_mul(2).min(self.max);
        wait
    }

    /// The last try was good: begin with the first wait again.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::Backoff;

    #[test]
    fn waits_double_up_to_the_bound_and_begin_again_after_a_reset() {
        let mut backoff = Backoff::new(Duration::from_secs(10), Duration::from_secs(60));
        let waits: Vec<u64> = (0..5).map(|_| backoff.next().as_secs()).collect();
        assert_eq!(waits, [10, 20, 40, 60, 60]);
        backoff.reset();
        assert_eq!(backoff.next(), Duration::from_secs(10));
    }

    proptest! {
        #[test]
        fn a_wait_is_twice_the_one_before_or_the_bound(first in 1_u64..10_000, max in 1_u64..1_000_000, tries in 1_usize..80) {
            let (first, max) = (Duration::from_millis(first), Duration::from_millis(max));
            let mut backoff = Backoff::new(first, max);
            let mut before = backoff.next();
            prop_assert_eq!(before, first.min(max));
            for _ in 0..tries {
                let wait = backoff.next();
                prop_assert_eq!(wait, (before * 2).min(max));
                before = wait;
            }
        }
    }
}
