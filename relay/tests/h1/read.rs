//! Reads one side of a connection as a proxy does: bytes are gathered in a buffer, heads and bodies are taken
//! from its start. What happened is written down, so that two ways of reading can be compared.

use relay::h1::{Body, Fault, Framing, Limits, Slots, parse_request, parse_response};

/// What a reader of the connection saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// Everything that is known of a head, and how its body ends.
    Head(String, Framing),
    /// Body bytes to be passed on. Neighbours are one event.
    Kept(Vec<u8>),
    /// The end of a body, with the trailers that were kept aside.
    End(Vec<u8>),
    /// Nothing comes after it.
    Fault(Fault),
    /// The input ended within a head.
    Cut,
}

/// What is read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Requests,
    Responses {
        to_head: bool,
    },
    /// A chunked body and nothing else.
    Chunks,
}

/// How it is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    pub(crate) kind: Kind,
    pub(crate) limits: Limits,
    pub(crate) keep_framing: bool,
}

/// Everything seen when the bytes come in pieces of these lengths, over and over, and then the input ends.
pub(crate) fn read(manner: Manner, bytes: &[u8], pieces: &[usize]) -> Vec<Event> {
    let mut reader = Reader { manner, buffer: Vec::new(), body: None, events: Vec::new() };
    if let Kind::Chunks = manner.kind {
        reader.body = Some(Body::new(Framing::Chunked, manner.keep_framing));
    }
    let mut rest = bytes;
    let mut pieces = pieces.iter().cycle();
    while !rest.is_empty() {
        let length = (*pieces.next().unwrap_or(&usize::MAX)).clamp(1, rest.len());
        let (piece, others) = rest.split_at(length);
        rest = others;
        reader.buffer.extend_from_slice(piece);
        reader.advance();
    }
    reader.end();
    reader.events
}

struct Reader {
    manner: Manner,
    buffer: Vec<u8>,
    body: Option<Body>,
    events: Vec<Event>,
}

impl Reader {
    fn is_over(&self) -> bool {
        let is_over = |event: &Event| {
            matches!(event, Event::Fault(_))
                || matches!((event, self.manner.kind), (Event::End(_), Kind::Chunks))
        };
        self.events.last().is_some_and(is_over)
    }

    fn advance(&mut self) {
        while !self.is_over() {
            let goes_on = if self.body.is_some() { self.read_body() } else { self.read_head() };
            match goes_on {
                Ok(true) => (),
                Ok(false) => return,
                Err(fault) => self.events.push(Event::Fault(fault)),
            }
        }
    }

    fn read_head(&mut self) -> Result<bool, Fault> {
        let Manner { kind, limits, keep_framing } = self.manner;
        let mut slots = Slots::new();
        let (event, head_bytes, framing) = match kind {
            Kind::Requests => match parse_request(&self.buffer, limits, &mut slots)? {
                None => return Ok(false),
                Some(request) => {
                    let event = Event::Head(format!("{request:?}"), request.framing);
                    (event, request.head_bytes, request.framing)
                }
            },
            Kind::Responses { to_head } => match parse_response(&self.buffer, limits, to_head, &mut slots)? {
                None => return Ok(false),
                Some(response) => {
                    let event = Event::Head(format!("{response:?}"), response.framing);
                    (event, response.head_bytes, response.framing)
                }
            },
            Kind::Chunks => return Ok(false),
        };
        assert!(head_bytes <= self.buffer.len() && head_bytes <= limits.head_bytes_max);
        self.buffer.drain(..head_bytes);
        self.events.push(event);
        self.body = Some(Body::new(framing, keep_framing));
        Ok(true)
    }

    fn read_body(&mut self) -> Result<bool, Fault> {
        let body = self.body.as_mut().expect("in a body");
        if !body.is_done() {
            let before = self.buffer.clone();
            let taken = body.take(&mut self.buffer)?;
            assert!(taken.taken <= before.len() && taken.kept <= taken.taken, "{taken:?}");
            assert_eq!(self.buffer[taken.taken..], before[taken.taken..], "touched what is left");
            let kept = &self.buffer[..taken.kept];
            match self.events.last_mut() {
                _ if kept.is_empty() => (),
                Some(Event::Kept(bytes)) => bytes.extend_from_slice(kept),
                _ => self.events.push(Event::Kept(kept.to_vec())),
            }
            self.buffer.drain(..taken.taken);
            if !body.is_done() {
                let is_stuck = taken.taken == 0 && !self.buffer.is_empty() && !body.needs_more();
                assert!(!is_stuck, "no progress");
                return Ok(taken.taken > 0 && !self.buffer.is_empty());
            }
        }
        self.events.push(Event::End(body.trailers().to_vec()));
        self.body = None;
        Ok(true)
    }

    fn end(&mut self) {
        if self.is_over() {
            return;
        }
        match &mut self.body {
            None if self.buffer.is_empty() => (),
            None => self.events.push(Event::Cut),
            Some(body) => self.events.push(match body.end() {
                Ok(()) => Event::End(body.trailers().to_vec()),
                Err(fault) => Event::Fault(fault),
            }),
        }
    }
}
