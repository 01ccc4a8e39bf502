//! Why a copy is out, and since when. Pure; who finds out is `health` and the relay, what it means for
//! a pick is in `seat` and `child_list`.

use std::time::{Duration, Instant};

/// Why a copy is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OutReason {
    /// It takes no connection, or refuses what comes by it: it gets no request.
    NoConnection,
    /// It answered with 5xx too often: it gets a request only when nobody else can take it.
    Errors,
}

/// A copy that is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Out {
    pub reason: OutReason,
    /// For how long it has been out for that reason.
    pub lasted: Duration,
}

/// Since when it is out for each reason.
#[derive(Debug, Default)]
pub(super) struct Outs {
    no_connection: Option<Instant>,
    errors: Option<Instant>,
}

impl OutReason {
    /// The words for it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::NoConnection => "no connection",
            Self::Errors => "5xx",
        }
    }
}

impl Outs {
    /// Takes it out for that reason from `now` on, or back in; answers whether that changed anything.
    pub(super) fn set(&mut self, reason: OutReason, is_out: bool, now: Instant) -> bool {
        let since = match reason {
            OutReason::NoConnection => &mut self.no_connection,
            OutReason::Errors => &mut self.errors,
        };
        let is_changed = since.is_some() != is_out;
        if is_changed {
            *since = is_out.then_some(now);
        }
        is_changed
    }

    /// Whether it is out for that reason, and maybe for the other too.
    pub(super) const fn is(&self, reason: OutReason) -> bool {
        match reason {
            OutReason::NoConnection => self.no_connection.is_some(),
            OutReason::Errors => self.errors.is_some(),
        }
    }

    /// How it stands: of two reasons the one that leaves it nothing at all.
    pub(super) fn at(&self, now: Instant) -> Option<Out> {
        let of = |reason, since: Instant| Out { reason, lasted: now.saturating_duration_since(since) };
        let no_connection = self.no_connection.map(|since| of(OutReason::NoConnection, since));
        no_connection.or_else(|| self.errors.map(|since| of(OutReason::Errors, since)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_out_since_it_went_and_told_for_the_graver_of_two_reasons() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut outs = Outs::default();
        assert_eq!(outs.at(start), None);
        // Its 5xx put it out; said again a second later, it is no later for that.
        assert!(outs.set(OutReason::Errors, true, start));
        assert!(!outs.set(OutReason::Errors, true, start + second));
        let errors = Out { reason: OutReason::Errors, lasted: 2 * second };
        assert_eq!(outs.at(start + 2 * second), Some(errors));
        // Then it takes no connection either.
        assert!(outs.set(OutReason::NoConnection, true, start + 3 * second));
        let no_connection = Out { reason: OutReason::NoConnection, lasted: second };
        assert_eq!(outs.at(start + 4 * second), Some(no_connection));
        // It answers again, and its time for the 5xx goes on.
        assert!(outs.set(OutReason::NoConnection, false, start + 5 * second));
        assert_eq!(outs.at(start + 8 * second), Some(Out { lasted: 8 * second, ..errors }));
        assert!(outs.set(OutReason::Errors, false, start + 9 * second));
        assert!(!outs.set(OutReason::Errors, false, start + 9 * second));
        assert_eq!(outs.at(start + 9 * second), None);
    }
}
