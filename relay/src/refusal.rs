//! Answers that come from the relay itself instead of a service: a status, a reason for the operator,
//! and a line of text for whoever reads the body.

use std::borrow::Cow;

use http::StatusCode;

use crate::h1::Fault;
use crate::headers::field;

/// Why the relay gave the answer itself.
pub(crate) const REASON: &str = "x-accordion-reason";
/// Marks a 503 or 403 that says: no service has seen this request.
pub(crate) const REFUSED: &str = "x-accordion-refused";
/// Marks a node's 502 that says: the service took the request and may have carried it out, and no byte of
/// an answer came. The front end, and nobody else, judges whether to repeat it.
pub(crate) const LOST: &str = "x-accordion-lost";

/// An answer the relay gives by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status, 400 to 599; anything else is sent as 500.
    pub status: u16,
    /// A word for the operator, written as `x-accordion-reason`: lower case letters and hyphens.
    pub reason: &'static str,
    /// A short plain text for the body; a line feed is added.
    pub text: Cow<'static, str>,
    /// Seconds, written as `Retry-After`.
    pub retry_after: Option<u32>,
    /// Also write `x-accordion-refused`: nothing was done, the sender may go elsewhere.
    pub refused: bool,
}

/// What of the answer's head is the connection's matter.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Manner {
    /// The connection ends with this answer.
    pub(crate) close: bool,
    /// An HTTP/1.0 client asked for its connection to be kept.
    pub(crate) keeps_http_10: bool,
    /// It answers a HEAD: the body is left out.
    pub(crate) to_head: bool,
    /// The service did nothing with the request: see [`REFUSED`].
    pub(crate) refused: bool,
    /// The service took the request and was gone: see [`LOST`].
    pub(crate) lost: bool,
}

impl Refusal {
    pub(crate) const fn new(status: u16, reason: &'static str, text: &'static str) -> Refusal {
        Refusal { status, reason, text: Cow::Borrowed(text), retry_after: None, refused: false }
    }

    /// For a request that is not proper HTTP.
    pub(crate) fn of_fault(fault: Fault) -> Refusal {
        let reason = match fault.status {
            405 => "bad-method",
            413 => "body-too-large",
            414 => "target-too-long",
            417 => "bad-expectation",
            431 => "head-too-large",
            501 => "bad-coding",
            505 => "bad-version",
            _ => "bad-request",
        };
        Refusal::new(fault.status, reason, fault.text)
    }

    /// The whole answer.
    pub(crate) fn write(&self, out: &mut Vec<u8>, manner: Manner) {
        let status = match StatusCode::from_u16(self.status) {
            Ok(status) if self.status >= 400 => status,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        out.extend_from_slice(b"HTTP/1.1 ");
        out.extend_from_slice(status.as_str().as_bytes());
        out.push(b' ');
        out.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
        out.extend_from_slice(b"\r\nContent-Type: text/plain; charset=utf-8\r\n");
        field(out, "Content-Length", (self.text.len() + 1).to_string().as_bytes());
        field(out, REASON, self.reason.as_bytes());
        if self.refused || manner.refused {
            field(out, REFUSED, self.reason.as_bytes());
        }
        if manner.lost {
            field(out, LOST, self.reason.as_bytes());
        }
        if let Some(seconds) = self.retry_after {
            field(out, "Retry-After", seconds.to_string().as_bytes());
        }
        if status == StatusCode::METHOD_NOT_ALLOWED {
            field(out, "Allow", b"GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS");
        }
        if manner.close {
            field(out, "Connection", b"close");
        } else if manner.keeps_http_10 {
            field(out, "Connection", b"keep-alive");
        }
        out.extend_from_slice(b"\r\n");
        if !manner.to_head {
            out.extend_from_slice(self.text.as_bytes());
            out.push(b'\n');
        }
    }
}

pub(crate) const BAD_BODY: Refusal = Refusal::new(400, "bad-request", "the request body ended too early");
pub(crate) const BODY_TOO_LARGE: Refusal =
    Refusal::new(413, "body-too-large", "the request body is larger than this service takes");
pub(crate) const HEAD_TIMEOUT: Refusal =
    Refusal::new(408, "head-timeout", "the head of the request did not come in time");
pub(crate) const BODY_TIMEOUT: Refusal =
    Refusal::new(408, "body-timeout", "the request body did not come in time");
pub(crate) const TOO_MANY_CONNECTIONS: Refusal = Refusal {
    status: 503,
    reason: "too-many-connections",
    text: Cow::Borrowed("this front end has as many connections as it may have"),
    retry_after: Some(1),
    refused: false,
};
pub(crate) const CONNECT_FAILED: Refusal =
    Refusal::new(502, "connect-failed", "the service could not be reached");
pub(crate) const UPSTREAM_CLOSED: Refusal =
    Refusal::new(502, "upstream-closed", "the service closed the connection without an answer");
pub(crate) const BAD_RESPONSE: Refusal =
    Refusal::new(502, "bad-response", "the service's answer was not proper HTTP/1.1");
pub(crate) const FIRST_BYTE_TIMEOUT: Refusal =
    Refusal::new(504, "first-byte-timeout", "the service did not answer in time");
pub(crate) const NO_UPSTREAM: Refusal = Refusal {
    status: 503,
    reason: "no-upstream",
    text: Cow::Borrowed("no copy of the service takes this request now"),
    retry_after: Some(1),
    refused: false,
};
