//! The body of an answer, whatever it is made of, and the place that is held until it has been sent.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Full, combinators::UnsyncBoxBody};
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::content::Content;
use super::events::Events;
use super::places::Place;

/// What any of our answers carries. It fails only where it passes on a request's own body.
pub(super) type Answer = UnsyncBoxBody<Bytes, hyper::Error>;

/// A body and the place of its request, which is free when the body has ended, failed or been dropped.
struct Held {
    body: Answer,
    _place: Place,
}

pub(super) fn empty() -> Answer {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

pub(super) fn text(text: String) -> Answer {
    Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed_unsync()
}

pub(super) fn content(content: Content) -> Answer {
    content.map_err(|never| match never {}).boxed_unsync()
}

pub(super) fn events(events: Events) -> Answer {
    events.map_err(|never| match never {}).boxed_unsync()
}

pub(super) fn echo(body: Incoming) -> Answer {
    body.boxed_unsync()
}

pub(super) fn held(body: Answer, place: Place) -> Answer {
    Held { body, _place: place }.boxed_unsync()
}

impl Body for Held {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
