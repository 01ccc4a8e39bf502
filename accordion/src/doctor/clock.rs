//! Whether another machine's clock is apart from ours. Leases need none: only durations travel. Logs and
//! `accordion why` of several machines are hard to read side by side, and certificates have a time to live.

use std::time::Duration;

/// More than this is told.
pub(super) const APART_MAX: Duration = Duration::from_secs(2);

/// How far apart the clocks are at least, when `theirs` was read between `sent` and `received`, all since
/// 1970 by each one's own clock. Zero where it fits in between.
pub(super) fn apart(sent: Duration, theirs: Duration, received: Duration) -> Duration {
    sent.saturating_sub(theirs).max(theirs.saturating_sub(received))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_way_took_is_not_held_against_a_clock() {
        let at = Duration::from_millis;
        assert_eq!(apart(at(10_000), at(10_700), at(11_500)), Duration::ZERO);
        assert_eq!(apart(at(10_000), at(7_000), at(11_500)), at(3_000));
        assert_eq!(apart(at(10_000), at(14_000), at(11_500)), at(2_500));
    }
}
