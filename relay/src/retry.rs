//! Whether a failed attempt is repeated. Pure: facts in, a verdict out.
//!
//! Nothing written yet, or refused before the service saw it: any method whose body can be sent again.
//! Ended without a byte of answer: a safe method without a started body, once; and again where it did not end by
//! itself, but was closed here since the upstream was declared dead: that says nothing of the request. Never
//! after the first byte of an answer. The first repeat of each kind is free, all others come out of a budget.
//!
//! A request that may have been carried out is repeated by the front end only: a node that did so too
//! would multiply the repeats, and carry a request that kills its service to every copy.

/// Attempts of one request in all, the first included.
pub(crate) const ATTEMPTS_MAX: usize = 8;

/// Requests that may be in a paid repeat at a time, however few are live.
const BUDGET_MIN: u32 = 3;

/// Paid repeats at a time: one for so many live requests (20 %).
const LIVE_PER_PAID: u32 = 5;

/// How an attempt ended without an answer to pass on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Not a byte of the request was written.
    NotWritten,
    /// The upstream said that no service has seen it, or the service that it did nothing with it.
    Refused,
    /// The connection ended without a byte of answer.
    NoAnswer,
    /// Before a byte of answer the connection was closed by this relay: the upstream was declared dead.
    Severed,
    /// The answer had begun.
    Begun,
    /// No byte of answer in time: the service may be at work on it.
    TimedOut,
}

/// One failed attempt.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempt {
    pub(crate) ending: Ending,
    /// This relay is where clients come in.
    pub(crate) at_front: bool,
    /// GET, HEAD or OPTIONS.
    pub(crate) is_safe: bool,
    /// The request is at hand from its first byte to as much of its body as an attempt needs.
    pub(crate) can_be_sent_again: bool,
    /// A part of a body was given to a connection.
    pub(crate) body_started: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    GiveUp,
    /// Repeat at no charge.
    Free,
    /// Repeat if the budget has room.
    Paid,
}

/// The repeats of one request so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct History {
    not_written: u8,
    refused: u8,
    no_answer: u8,
    severed: u8,
}

impl History {
    /// Judges an attempt and, unless it gives up, counts the repeat.
    pub(crate) fn judge(&mut self, attempt: Attempt) -> Verdict {
        if 1 + self.repeats() >= ATTEMPTS_MAX || !attempt.can_be_sent_again {
            return Verdict::GiveUp;
        }
        let may_be_done_twice = attempt.at_front && attempt.is_safe && !attempt.body_started;
        let (count, before) = match attempt.ending {
            Ending::NotWritten => (&mut self.not_written, 0),
            Ending::Refused => (&mut self.refused, 0),
            Ending::NoAnswer if may_be_done_twice && self.no_answer == 0 => {
                (&mut self.no_answer, self.severed)
            }
            Ending::Severed if may_be_done_twice => (&mut self.severed, self.no_answer),
            Ending::NoAnswer | Ending::Severed | Ending::Begun | Ending::TimedOut => return Verdict::GiveUp,
        };
        *count += 1;
        if *count + before == 1 { Verdict::Free } else { Verdict::Paid }
    }

    fn repeats(&self) -> usize {
        let History { not_written, refused, no_answer, severed } = *self;
        [not_written, refused, no_answer, severed].into_iter().map(usize::from).sum()
    }
}

/// Whether one more paid repeat may run beside `running` ones, with so many requests live on all workers.
pub(crate) fn budget_has_room(running: u32, live: u32) -> bool {
    running < (live / LIVE_PER_PAID).max(BUDGET_MIN)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GET: Attempt = Attempt {
        ending: Ending::NoAnswer,
        at_front: true,
        is_safe: true,
        can_be_sent_again: true,
        body_started: false,
    };
    const POST: Attempt = Attempt { is_safe: false, body_started: true, ..GET };

    #[test]
    fn a_get_without_an_answer_is_repeated_once() {
        let mut history = History::default();
        assert_eq!(history.judge(GET), Verdict::Free);
        assert_eq!(history.judge(GET), Verdict::GiveUp);
    }

    #[test]
    fn a_get_whose_upstream_was_declared_dead_is_repeated_again_out_of_the_budget() {
        const SEVERED: Attempt = Attempt { ending: Ending::Severed, ..GET };
        let mut history = History::default();
        assert_eq!(history.judge(SEVERED), Verdict::Free);
        assert_eq!(history.judge(SEVERED), Verdict::Paid);
        // Not so where it ended by itself: it may be the request that ends the service.
        assert_eq!(history.judge(GET), Verdict::Paid);
        assert_eq!(history.judge(GET), Verdict::GiveUp);
        let mut history = History::default();
        assert_eq!(history.judge(GET), Verdict::Free);
        assert_eq!(history.judge(SEVERED), Verdict::Paid);
        for attempt in [POST, Attempt { at_front: false, ..GET }, Attempt { body_started: true, ..GET }] {
            let attempt = Attempt { ending: Ending::Severed, ..attempt };
            assert_eq!(History::default().judge(attempt), Verdict::GiveUp);
        }
    }

    #[test]
    fn a_node_repeats_nothing_that_may_have_been_carried_out() {
        let at_node = Attempt { at_front: false, ..GET };
        assert_eq!(History::default().judge(at_node), Verdict::GiveUp);
        let not_written = Attempt { ending: Ending::NotWritten, ..at_node };
        assert_eq!(History::default().judge(not_written), Verdict::Free);
    }

    #[test]
    fn a_post_that_was_written_is_not_repeated() {
        assert_eq!(History::default().judge(POST), Verdict::GiveUp);
    }

    #[test]
    fn a_get_whose_body_was_started_is_not_repeated_without_an_answer() {
        assert_eq!(History::default().judge(Attempt { body_started: true, ..GET }), Verdict::GiveUp);
    }

    #[test]
    fn a_post_that_was_not_written_or_refused_is_repeated_first_free_then_paid() {
        for ending in [Ending::NotWritten, Ending::Refused] {
            let mut history = History::default();
            let attempt = Attempt { ending, ..POST };
            assert_eq!(history.judge(attempt), Verdict::Free);
            assert_eq!(history.judge(attempt), Verdict::Paid);
        }
    }

    #[test]
    fn the_first_of_each_kind_is_free() {
        let mut history = History::default();
        assert_eq!(history.judge(Attempt { ending: Ending::NotWritten, ..GET }), Verdict::Free);
        assert_eq!(history.judge(Attempt { ending: Ending::Refused, ..GET }), Verdict::Free);
        assert_eq!(history.judge(GET), Verdict::Free);
        assert_eq!(history.judge(Attempt { ending: Ending::Refused, ..GET }), Verdict::Paid);
    }

    #[test]
    fn a_body_that_is_gone_is_never_sent_again() {
        for ending in [Ending::NotWritten, Ending::Refused, Ending::NoAnswer, Ending::Severed] {
            let attempt = Attempt { ending, can_be_sent_again: false, ..GET };
            assert_eq!(History::default().judge(attempt), Verdict::GiveUp);
        }
    }

    #[test]
    fn the_budget_is_a_fifth_of_the_live_requests_and_at_least_three() {
        assert!(budget_has_room(2, 1));
        assert!(!budget_has_room(3, 1));
        assert!(budget_has_room(19, 100));
        assert!(!budget_has_room(20, 100));
    }

    fn endings() -> impl Strategy<Value = Ending> {
        prop_oneof![
            Just(Ending::NotWritten),
            Just(Ending::Refused),
            Just(Ending::NoAnswer),
            Just(Ending::Severed),
            Just(Ending::Begun),
            Just(Ending::TimedOut),
        ]
    }

    prop_compose! {
        fn attempts()(
            ending in endings(),
            at_front in any::<bool>(),
            is_safe in any::<bool>(),
            can_be_sent_again in any::<bool>(),
            body_started in any::<bool>(),
        ) -> Attempt {
            Attempt { ending, at_front, is_safe, can_be_sent_again, body_started }
        }
    }

    proptest! {
        #[test]
        fn no_history_repeats_what_must_not_be(before in prop::collection::vec(attempts(), 0..12), last in attempts()) {
            let mut history = History::default();
            for attempt in before {
                history.judge(attempt);
            }
            if history.judge(last) != Verdict::GiveUp {
                prop_assert!(last.ending != Ending::Begun && last.ending != Ending::TimedOut);
                prop_assert!(last.can_be_sent_again);
                if last.ending == Ending::NoAnswer || last.ending == Ending::Severed {
                    prop_assert!(last.at_front && last.is_safe && !last.body_started);
                }
            }
        }

        #[test]
        fn repeats_are_bounded_and_each_kind_is_free_once(tries in prop::collection::vec(attempts(), 0..64)) {
            let mut history = History::default();
            let verdicts: Vec<Verdict> = tries.into_iter().map(|attempt| history.judge(attempt)).collect();
            let free = verdicts.iter().filter(|verdict| **verdict == Verdict::Free).count();
            let paid = verdicts.iter().filter(|verdict| **verdict == Verdict::Paid).count();
            prop_assert!(free <= 3);
            prop_assert!(1 + free + paid <= ATTEMPTS_MAX);
        }
    }
}
