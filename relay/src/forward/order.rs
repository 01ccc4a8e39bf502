//! A request as it goes upstream: its head rendered once, the start of its body, and what is known of it.

use crate::h1::{Body, Framing};

/// The methods that are treated in ways of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Head,
    Options,
    Other,
}

/// What a client wants its connection to become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Upgrade {
    No,
    WebSocket,
    Other,
}

/// Kept by the worker from request to request, for its memory.
pub(crate) struct Order {
    /// What is written upstream: the head without its end, then for each attempt the token, the end of the
    /// head and the start of the body.
    out: Vec<u8>,
    /// Where the part ends that is the same for each attempt.
    head_end: usize,
    method_end: usize,
    target_end: usize,
    /// As much of the body as came before the request was sent, framed as it goes upstream.
    pub(crate) start: Vec<u8>,
    /// The token that came with the request: for the dispatcher's eyes, never passed on.
    token: Vec<u8>,
    has_token: bool,
    /// Host, referer and user agent for the log, one after the other; empty where nothing is logged.
    pub(crate) notes: Notes,
    pub(crate) method: Method,
    pub(crate) upgrade: Upgrade,
    pub(crate) body: Body,
    pub(crate) has_body: bool,
    /// Bytes of the body that have come, and through a tunnel, the framing of chunks included.
    pub(crate) received: u64,
    /// Bytes of the head as it came.
    pub(crate) head_bytes: usize,
    pub(crate) keep_alive: bool,
    pub(crate) is_http_10: bool,
    pub(crate) expects_continue: bool,
}

/// What the access log wants to know of a head.
#[derive(Default)]
pub(crate) struct Notes {
    text: Vec<u8>,
    host: usize,
    referer: Option<usize>,
    user_agent: bool,
}

impl Default for Order {
    fn default() -> Order {
        Order {
            out: Vec::with_capacity(1024),
            head_end: 0,
            method_end: 0,
            target_end: 0,
            start: Vec::new(),
            token: Vec::new(),
            has_token: false,
            notes: Notes::default(),
            method: Method::Other,
            upgrade: Upgrade::No,
            body: Body::Done,
            has_body: false,
            received: 0,
            head_bytes: 0,
            keep_alive: false,
            is_http_10: false,
            expects_continue: false,
        }
    }
}

impl Order {
    /// Empties it for another request.
    pub(crate) fn clear(&mut self) {
        self.out.clear();
        self.start.clear();
        self.token.clear();
        self.has_token = false;
        self.notes.clear();
        self.body = Body::Done;
        self.has_body = false;
        self.received = 0;
        (self.head_end, self.method_end, self.target_end) = (0, 0, 0);
    }

    /// Whether its memory is within a bound, so that keeping it is no waste.
    pub(crate) fn is_smaller_than(&self, bytes: usize) -> bool {
        self.out.capacity() + self.start.capacity() < bytes
    }

    /// All that was taken of the body is in `start`, so that the request can be sent from its beginning.
    pub(crate) fn is_all_in_start(&self) -> bool {
        self.received == self.start.len() as u64
    }

    /// Bytes of the body that have come, without the framing of chunks.
    pub(crate) fn content_bytes(&self) -> u64 {
        self.received.saturating_sub(self.body.framing_bytes())
    }

    /// Begins the head; the target is written by the caller, who says then where it ends.
    pub(super) fn begin(&mut self, method: &str) -> &mut Vec<u8> {
        self.out.extend_from_slice(method.as_bytes());
        self.method_end = self.out.len();
        self.out.push(b' ');
        &mut self.out
    }

    /// The target is written.
    pub(super) fn end_target(&mut self) -> &mut Vec<u8> {
        self.target_end = self.out.len();
        self.out.extend_from_slice(b" HTTP/1.1\r\n");
        &mut self.out
    }

    pub(super) fn end_head(&mut self) {
        self.head_end = self.out.len();
    }

    pub(super) fn set_body(&mut self, framing: Framing) {
        self.body = Body::new(framing, true);
        // A length of nothing is no body.
        self.has_body = !self.body.is_done();
    }

    pub(super) fn keep_token(&mut self, token: &[u8]) {
        self.token.clear();
        self.token.extend_from_slice(token);
        self.has_token = true;
    }

    pub(crate) fn token(&self) -> Option<&[u8]> {
        self.has_token.then_some(&self.token[..])
    }

    pub(crate) fn method_bytes(&self) -> &[u8] {
        &self.out[..self.method_end]
    }

    pub(crate) fn target_bytes(&self) -> &[u8] {
        let from = (self.method_end + 1).min(self.target_end);
        &self.out[from..self.target_end]
    }

    /// Readies what is written for an attempt: `field` is the token's line, or empty.
    pub(crate) fn ready(&mut self, field: &[u8]) {
        self.out.truncate(self.head_end);
        self.out.extend_from_slice(field);
        self.out.extend_from_slice(b"\r\n");
        self.out.extend_from_slice(&self.start);
    }

    /// What an attempt writes first.
    pub(crate) fn out(&self) -> &[u8] {
        &self.out
    }
}

impl Notes {
    fn clear(&mut self) {
        self.text.clear();
        self.host = 0;
        self.referer = None;
        self.user_agent = false;
    }

    /// Keeps a copy of what the log shows.
    pub(super) fn keep(&mut self, host: &[u8], referer: Option<&[u8]>, user_agent: Option<&[u8]>) {
        self.text.extend_from_slice(host);
        self.host = self.text.len();
        self.text.extend_from_slice(referer.unwrap_or_default());
        self.referer = referer.map(|_| self.text.len());
        self.user_agent = user_agent.is_some();
        self.text.extend_from_slice(user_agent.unwrap_or_default());
    }

    pub(crate) fn host(&self) -> Option<&[u8]> {
        Some(&self.text[..self.host]).filter(|host| !host.is_empty())
    }

    pub(crate) fn referer(&self) -> Option<&[u8]> {
        self.referer.map(|end| &self.text[self.host..end])
    }

    pub(crate) fn user_agent(&self) -> Option<&[u8]> {
        self.user_agent.then(|| &self.text[self.referer.unwrap_or(self.host)..])
    }
}

impl Method {
    pub(super) fn of(method: &str) -> Method {
        match method {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "OPTIONS" => Method::Options,
            _ => Method::Other,
        }
    }

    /// Whether doing it twice is as good as once and nobody minds: what is repeated without an answer.
    pub(crate) fn is_safe(self) -> bool {
        match self {
            Method::Get | Method::Head | Method::Options => true,
            Method::Other => false,
        }
    }
}
