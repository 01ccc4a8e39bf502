//! Why an attempt brought no answer: whose fault it is, what the dispatcher hears of it and what the
//! client gets when nothing helps.

use crate::access_log::End;
use crate::dispatch::Failure;
use crate::refusal::{self, Refusal};
use crate::retry::Ending;

/// Why an attempt brought no answer.
pub(super) struct Fault {
    pub(super) ending: Ending,
    /// None where the upstream is not to blame.
    pub(super) failure: Option<Failure>,
    /// What the client gets when nothing helps; none where there is nobody to tell, or it is too late.
    pub(super) refusal: Option<Refusal>,
    /// In the log's words, where there is no refusal.
    pub(super) end: End,
}

impl Fault {
    pub(super) fn new(ending: Ending, failure: Failure, refusal: Refusal) -> Box<Fault> {
        Box::new(Fault { ending, failure: Some(failure), refusal: Some(refusal), end: End::Completed })
    }

    /// No failure where the connect could not be tried.
    pub(super) fn not_connected(failure: Option<Failure>) -> Box<Fault> {
        let refusal = Some(refusal::CONNECT_FAILED);
        Box::new(Fault { ending: Ending::NotWritten, failure, refusal, end: End::Completed })
    }

    /// The service says that it did nothing with the request, which is no failure of its.
    pub(super) fn refused() -> Box<Fault> {
        let refusal = Some(refusal::NO_UPSTREAM);
        Box::new(Fault { ending: Ending::Refused, failure: None, refusal, end: End::Completed })
    }

    /// The client's request is at fault, or the client, or the dispatcher has no place for it: no upstream is
    /// to blame.
    pub(super) fn of_client(refusal: Refusal) -> Box<Fault> {
        Box::new(Fault { ending: Ending::Begun, failure: None, refusal: Some(refusal), end: End::Completed })
    }

    /// The client went away.
    pub(super) fn client_gone() -> Box<Fault> {
        Box::new(Fault { ending: Ending::Begun, failure: None, refusal: None, end: End::ClientGone })
    }

    /// The relay is told to end.
    pub(super) fn cut() -> Box<Fault> {
        Box::new(Fault { ending: Ending::Begun, failure: None, refusal: None, end: End::Cut })
    }

    /// An answer that had begun to go to the client breaks off.
    pub(super) fn broken_off(end: End, failure: Option<Failure>) -> Box<Fault> {
        Box::new(Fault { ending: Ending::Begun, failure, refusal: None, end })
    }
}
