//! An answer's body on its way to the client. It carries the request's ticket and the upstream connection:
//! both end with the body, whether it ends well, fails or is dropped because the client has gone.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::Progress;
use crate::dispatch::Failure;
use crate::live::Ticket;
use crate::pool::Wire;

pub(crate) enum Answer {
    /// None, and nothing to wait for.
    Empty,
    /// The relay's own words.
    Text {
        text: Option<Bytes>,
        _ticket: Ticket,
    },
    Stream(Stream),
}

/// A body that comes from an upstream.
pub(crate) struct Stream {
    incoming: Incoming,
    /// None once the body has ended.
    exchange: Option<Exchange>,
}

struct Exchange {
    ticket: Ticket,
    wire: Wire,
    upload: Option<Rc<Cell<Progress>>>,
}

impl Answer {
    pub(crate) fn stream(
        incoming: Incoming,
        wire: Wire,
        ticket: Ticket,
        upload: Option<Rc<Cell<Progress>>>,
    ) -> Answer {
        Answer::Stream(Stream { incoming, exchange: Some(Exchange { ticket, wire, upload }) })
    }
}

impl Stream {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.incoming).poll_frame(cx));
        match &frame {
            Some(Ok(_)) => {
                if let Some(exchange) = &self.exchange {
                    exchange.ticket.client().touch();
                }
                if self.incoming.is_end_stream() {
                    self.finish();
                }
            }
            Some(Err(_)) => self.fail(),
            None => self.finish(),
        }
        Poll::Ready(frame)
    }

    /// The connection goes back to the pool, unless the service answered before it took the whole request.
    fn finish(&mut self) {
        if let Some(Exchange { ticket, wire, upload }) = self.exchange.take() {
            if upload.is_none_or(|progress| progress.get() == Progress::Ended) {
                wire.put_back(ticket.client().worker().now());
            }
            drop(ticket);
        }
    }

    fn fail(&mut self) {
        if let Some(Exchange { ticket, wire, .. }) = self.exchange.take() {
            drop(wire);
            let guard = ticket.client().release();
            if let Some(guard) = &guard {
                ticket.client().worker().dispatch().failed(guard.upstream(), Failure::Truncated);
            }
        }
    }
}

impl Drop for Stream {
    /// A body without bytes is never polled; one that was not read to its end takes its connection along.
    fn drop(&mut self) {
        if self.incoming.is_end_stream() {
            self.finish();
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut *self {
            Answer::Empty => Poll::Ready(None),
            Answer::Text { text, .. } => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
            Answer::Stream(stream) => stream.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Answer::Empty => true,
            Answer::Text { text, .. } => text.is_none(),
            Answer::Stream(stream) => stream.incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Answer::Empty => SizeHint::with_exact(0),
            Answer::Text { text, .. } => SizeHint::with_exact(text.as_ref().map_or(0, Bytes::len) as u64),
            Answer::Stream(stream) => stream.incoming.size_hint(),
        }
    }
}
