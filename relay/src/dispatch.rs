//! The question a relay asks for each attempt of a request: where to?
//!
//! The answer is given by the daemon around the relay; the relay knows no policy.

use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use http::header::{HeaderMap, HeaderValue};

use crate::headers::TOKEN;
use crate::refusal::Refusal;
use crate::upstream::{InFlight, Upstream};

/// Says where each request goes.
pub trait Dispatch: Send + Sync + 'static {
    /// Picks for one attempt. Called on a worker's thread, once per attempt: it must be quick and must not block.
    ///
    /// `avoid` holds the ids of the upstreams this request has already tried: another is better, and where
    /// there is none, the same again is better than a refusal only if the dispatcher thinks so.
    fn pick(&self, head: &Head<'_>, avoid: &[u64]) -> Pick;

    /// Hears of an attempt that failed. Called on a worker's thread before the next pick.
    fn failed(&self, upstream: &Arc<Upstream>, failure: Failure);
}

/// Where one attempt goes.
pub enum Pick {
    /// To this guard's upstream, now.
    Forward(InFlight),
    /// Nowhere yet. The future is dropped when the client goes away.
    Wait(Pin<Box<dyn Future<Output = Pick> + Send>>),
    /// Nowhere: the client gets this answer.
    Refuse(Refusal),
}

impl fmt::Debug for Pick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pick::Forward(guard) => f.debug_tuple("Forward").field(guard).finish(),
            Pick::Wait(_) => f.write_str("Wait"),
            Pick::Refuse(refusal) => f.debug_tuple("Refuse").field(refusal).finish(),
        }
    }
}

/// How an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The connect was refused or reset, or there was no way to the address.
    Connect,
    /// The connect did not end in time.
    ConnectTimeout,
    /// The connection ended without a byte of answer.
    Closed,
    /// No byte of answer in time.
    FirstByteTimeout,
    /// The upstream refused the request before its service saw it.
    Refused,
    /// The answer began and did not come to a proper end.
    Truncated,
}

/// What a dispatcher may look at.
#[derive(Debug)]
pub struct Head<'a> {
    method: &'a str,
    target: &'a str,
    headers: Headers<'a>,
    client: IpAddr,
}

#[derive(Debug)]
enum Headers<'a> {
    /// A request's own; its token has been taken out, so that it can never pass on.
    Request {
        map: &'a HeaderMap,
        token: Option<&'a HeaderValue>,
    },
    Listed(&'a [(&'a str, &'a [u8])]),
}

impl<'a> Head<'a> {
    /// A head of the given parts, for a dispatcher's own tests.
    pub fn listed(
        method: &'a str,
        path_and_query: &'a str,
        headers: &'a [(&'a str, &'a [u8])],
        client: IpAddr,
    ) -> Head<'a> {
        Head { method, target: path_and_query, headers: Headers::Listed(headers), client }
    }

    pub(crate) fn of_request(
        method: &'a str,
        target: &'a str,
        map: &'a HeaderMap,
        token: Option<&'a HeaderValue>,
        client: IpAddr,
    ) -> Head<'a> {
        Head { method, target, headers: Headers::Request { map, token }, client }
    }

    /// The method, as the client wrote it.
    pub fn method(&self) -> &str {
        self.method
    }

    /// The path and, after a `?`, the query; `*` for `OPTIONS *`.
    pub fn path_and_query(&self) -> &str {
        self.target
    }

    /// The first header of that name, which may be written in any case.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        match self.headers {
            Headers::Request { token, .. } if name.eq_ignore_ascii_case(TOKEN.as_str()) => {
                token.map(HeaderValue::as_bytes)
            }
            Headers::Request { map, .. } => map.get(name).map(HeaderValue::as_bytes),
            Headers::Listed(pairs) => {
                pairs.iter().find(|(listed, _)| listed.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
            }
        }
    }

    /// The address the connection came from.
    pub fn client(&self) -> IpAddr {
        self.client
    }
}
