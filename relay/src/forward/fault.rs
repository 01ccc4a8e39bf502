//! Why an attempt brought no answer: whose fault it is, what the dispatcher hears of it and what the
//! client gets when nothing helps.

use http::header::HeaderMap;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;

use crate::body::Upload;
use crate::dispatch::Failure;
use crate::headers;
use crate::live::Client;
use crate::pool::Wire;
use crate::refusal::{self, LOST, REFUSED, Refusal};
use crate::retry::Ending;

/// Why an attempt brought no answer.
pub(super) struct Fault {
    pub(super) ending: Ending,
    /// None where the upstream is not to blame.
    pub(super) failure: Option<Failure>,
    /// What the client gets when nothing helps.
    pub(super) refusal: Refusal,
    /// The request, when the connection gave it back.
    pub(super) request: Option<Request<Upload>>,
}

impl Fault {
    pub(super) fn new(ending: Ending, failure: Failure, refusal: Refusal) -> Box<Fault> {
        Box::new(Fault { ending, failure: Some(failure), refusal, request: None })
    }

    /// No failure where the connect could not be tried.
    pub(super) fn not_connected(failure: Option<Failure>) -> Box<Fault> {
        let refusal = refusal::CONNECT_FAILED;
        Box::new(Fault { ending: Ending::NotWritten, failure, refusal, request: None })
    }

    /// The client's body broke off: no upstream is to blame.
    pub(super) fn of_client() -> Box<Fault> {
        Box::new(Fault { ending: Ending::Begun, failure: None, refusal: refusal::BAD_BODY, request: None })
    }

    /// The client stopped sending its body: no upstream is to blame.
    pub(super) fn of_stalled_client() -> Box<Fault> {
        let refusal = refusal::REQUEST_TIMEOUT;
        Box::new(Fault { ending: Ending::TimedOut, failure: None, refusal, request: None })
    }

    pub(super) fn of_connection(mut error: TrySendError<Request<Upload>>, wire: &Wire) -> Box<Fault> {
        let moved = wire.link().moved();
        if let Some(request) = error.take_message() {
            let mut fault = Fault::new(Ending::NotWritten, Failure::Closed, refusal::UPSTREAM_CLOSED);
            fault.request = Some(request);
            return fault;
        }
        if moved.has_read() {
            return Fault::new(Ending::Begun, Failure::Truncated, refusal::BAD_RESPONSE);
        }
        let ending = if moved.has_written() { Ending::NoAnswer } else { Ending::NotWritten };
        Fault::new(ending, Failure::Closed, refusal::UPSTREAM_CLOSED)
    }
}

/// Takes in the head of an answer. It is a fault when it is a node's word that its service gave none, when
/// it switches protocols though nobody asked, and when its coding cannot be passed on.
pub(super) fn inspect(
    mut response: Response<Incoming>,
    wire: Wire,
    client: &Client,
    asked_upgrade: bool,
) -> Result<(Response<Incoming>, Wire), Box<Fault>> {
    let status = response.status();
    let hops = headers::remove_hop_by_hop(response.headers_mut());
    let switches = status == StatusCode::SWITCHING_PROTOCOLS;
    if hops.upgrade && !switches {
        headers::remove_upgrade(response.headers_mut());
    }
    if hops.unknown_coding || switches && !asked_upgrade {
        return Err(Fault::new(Ending::Begun, Failure::Truncated, refusal::BAD_RESPONSE));
    }
    if hops.marks {
        let mut is_node = false;
        client.with_guard(|guard| is_node = guard.upstream().may_refuse());
        if !is_node {
            headers::remove_marks(response.headers_mut());
        } else if let Some(fault) = word_of_node(status, response.headers()) {
            return Err(fault);
        }
    }
    Ok((response, wire))
}

/// What a node says of a request that has no answer of its service.
fn word_of_node(status: StatusCode, headers: &HeaderMap) -> Option<Box<Fault>> {
    match status {
        // The second one: it does not know the token, as after a restart.
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::FORBIDDEN if headers.contains_key(REFUSED) => {
            Some(Fault::new(Ending::Refused, Failure::Refused, refusal::NO_UPSTREAM))
        }
        StatusCode::BAD_GATEWAY if headers.contains_key(LOST) => {
            Some(Fault::new(Ending::NoAnswer, Failure::Closed, refusal::UPSTREAM_CLOSED))
        }
        _ => None,
    }
}
