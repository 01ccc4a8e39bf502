//! The question a relay asks for each attempt of a request: where to?
//!
//! The answer is given by the daemon around the relay; the relay knows no policy.

use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

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
    method: &'a [u8],
    target: &'a [u8],
    token: Option<&'a [u8]>,
    client: IpAddr,
    peer: Option<&'a str>,
}

impl<'a> Head<'a> {
    /// A head of the given parts.
    pub fn new(
        method: &'a str,
        path_and_query: &'a str,
        token: Option<&'a [u8]>,
        client: IpAddr,
    ) -> Head<'a> {
        Head { method: method.as_bytes(), target: path_and_query.as_bytes(), token, client, peer: None }
    }

    /// The same from a client of that name.
    #[must_use]
    pub fn of_peer(self, peer: Option<&'a str>) -> Head<'a> {
        Head { peer, ..self }
    }

    /// Of parts that the codec has found to be ASCII.
    pub(crate) fn of_ascii(
        method: &'a [u8],
        path_and_query: &'a [u8],
        token: Option<&'a [u8]>,
        client: IpAddr,
    ) -> Head<'a> {
        Head { method, target: path_and_query, token, client, peer: None }
    }

    /// The method, as the client wrote it.
    pub fn method(&self) -> &str {
        str::from_utf8(self.method).unwrap_or("-")
    }

    /// The path and, after a `?`, the query; `*` for `OPTIONS *`.
    pub fn path_and_query(&self) -> &str {
        str::from_utf8(self.target).unwrap_or("/")
    }

    /// The `x-accordion-token` that came with the request. It never passes on.
    pub fn token(&self) -> Option<&[u8]> {
        self.token
    }

    /// Who the client is by its certificate, where [`TlsServer::naming`](crate::TlsServer::naming) asks for it.
    pub fn peer(&self) -> Option<&str> {
        self.peer
    }

    /// The address the connection came from.
    pub fn client(&self) -> IpAddr {
        self.client
    }
}
