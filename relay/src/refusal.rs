//! Answers that come from the relay itself instead of a service: a status, a reason for the operator,
//! and a line of text for whoever reads the body.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};

/// Why the relay gave the answer itself.
pub(crate) const REASON: HeaderName = HeaderName::from_static("x-accordion-reason");
/// Marks a 503 or 403 that says: no service has seen this request.
pub(crate) const REFUSED: HeaderName = HeaderName::from_static("x-accordion-refused");
/// Marks a node's 502 that says: the service took the request and may have carried it out, and no byte of
/// an answer came. The front end, and nobody else, judges whether to repeat it.
pub(crate) const LOST: HeaderName = HeaderName::from_static("x-accordion-lost");

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

impl Refusal {
    pub(crate) const fn new(status: u16, reason: &'static str, text: &'static str) -> Refusal {
        Refusal { status, reason, text: Cow::Borrowed(text), retry_after: None, refused: false }
    }

    /// The head of the answer with its body; framing is left to the codec.
    pub(crate) fn response(&self) -> Response<Bytes> {
        let mut response = Response::new(Bytes::from(format!("{}\n", self.text)));
        *response.status_mut() = match StatusCode::from_u16(self.status) {
            Ok(status) if self.status >= 400 => status,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        self.write(response.headers_mut());
        response
    }

    fn write(&self, headers: &mut HeaderMap) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        let reason = HeaderValue::from_str(self.reason).unwrap_or(HeaderValue::from_static("unnamed"));
        if self.refused {
            headers.insert(REFUSED, reason.clone());
        }
        headers.insert(REASON, reason);
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::METHOD_NOT_ALLOWED.as_u16() {
            headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS"));
        }
    }
}

pub(crate) const CONNECT_METHOD: Refusal =
    Refusal::new(405, "bad-request", "CONNECT is not served here: this is not a forward proxy");
pub(crate) const BAD_HOST: Refusal =
    Refusal::new(400, "bad-request", "an HTTP/1.1 request has exactly one Host header");
pub(crate) const BAD_TARGET: Refusal = Refusal::new(400, "bad-request", "the request target has no path");
pub(crate) const BAD_BODY: Refusal = Refusal::new(400, "bad-request", "the request body ended too early");
pub(crate) const REQUEST_TIMEOUT: Refusal =
    Refusal::new(408, "request-timeout", "the request body did not come in time");
pub(crate) const BAD_CODING: Refusal =
    Refusal::new(501, "bad-request", "the only transfer coding served here is chunked");
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
