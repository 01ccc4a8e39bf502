//! The reasons an answer of the relay's own is counted by. A label must not grow with what daemons think
//! of, so the table is fixed, and a word that is not in it counts as `other`.

/// What the table does not have.
const OTHER: usize = REASONS.len() - 1;

/// Every word that is counted by itself, the last one for the rest.
pub(super) const REASONS: [&str; 23] = [
    "bad-coding",
    "bad-expectation",
    "bad-method",
    "bad-request",
    "bad-response",
    "bad-token",
    "bad-version",
    "body-timeout",
    "body-too-large",
    "connect-failed",
    "draining",
    "first-byte-timeout",
    "gone",
    "head-timeout",
    "head-too-large",
    "no-upstream",
    "not-ready",
    "queue-full",
    "queue-timeout",
    "target-too-long",
    "too-many-connections",
    "upstream-closed",
    "other",
];

/// The place of a reason in the table. Only refusals look it up, so it is searched in order.
pub(super) fn index(reason: &str) -> usize {
    REASONS.iter().position(|listed| *listed == reason).unwrap_or(OTHER)
}

/// The listed word for a reason that somebody else gave.
pub(crate) fn listed(reason: &[u8]) -> &'static str {
    REASONS.iter().find(|listed| listed.as_bytes() == reason).unwrap_or(&REASONS[OTHER])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_own_place_and_an_unknown_one_the_last() {
        for (place, reason) in REASONS.into_iter().enumerate() {
            assert_eq!((index(reason), listed(reason.as_bytes())), (place, reason));
        }
        assert_eq!((index("never heard of"), listed(b"never heard of")), (OTHER, "other"));
    }
}
