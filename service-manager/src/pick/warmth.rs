//! Slow start: the share of its K that a new child is judged by, so that a process with cold caches
//! is not filled at once while another one has room. Pure: its age comes in as an argument.
//!
//! A straight line, as in nginx and HAProxy, but for newly added children too, as in Envoy: nodes
//! that come and go are always new.

use std::time::Duration;

/// Where it begins: Envoy's `min_weight_percent`.
pub const WARMTH_MIN: f64 = 0.1;

/// The warmth of a child that became ready `age` ago: from `WARMTH_MIN` to 1 within `slow_start`.
pub fn warmth(age: Duration, slow_start: Duration) -> f64 {
    if age >= slow_start {
        return 1.0;
    }
    WARMTH_MIN.max(age.as_secs_f64() / slow_start.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn it_grows_in_a_straight_line_from_a_tenth() {
        let after = |seconds: u32| warmth(seconds * SECOND, 10 * SECOND);
        assert_eq!(
            [after(0), after(1), after(5), after(9), after(10), after(99)],
            [0.1, 0.1, 0.5, 0.9, 1.0, 1.0]
        );
    }

    #[test]
    fn without_slow_start_a_child_is_warm_at_once() {
        assert_eq!(warmth(Duration::ZERO, Duration::ZERO), 1.0);
    }

    proptest! {
        #[test]
        fn it_never_falls_and_stays_within_its_bounds(
            younger in 0u64..20_000, more in 0u64..20_000, slow_start in 0u64..20_000,
        ) {
            let at = |age| warmth(Duration::from_millis(age), Duration::from_millis(slow_start));
            prop_assert!((WARMTH_MIN..=1.0).contains(&at(younger)));
            prop_assert!(at(younger) <= at(younger + more));
        }
    }
}
