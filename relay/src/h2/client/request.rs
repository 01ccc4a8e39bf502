//! What an exchange writes for its upstream, as a request of HTTP/2.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use http::header::TE;
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderName, HeaderValue, Request, Uri};
use http_body::{Body, Frame, SizeHint};
use tokio::sync::Notify;

use crate::h1::{self, Framing, Kind, Slots};
use crate::h2::reader::Reader;
use crate::h2::{Broken, HEAD};
use crate::refusal::Refusal;

/// What is known of a request beside its head.
pub(super) struct Asked {
    pub(super) request: Request<()>,
    pub(super) framing: Framing,
    pub(super) to_head: bool,
    pub(super) expects_continue: bool,
}

/// A request's body on its way upstream.
pub(super) struct Question {
    reader: Reader,
    /// Hears when it is at its end, or nobody asks for it any more.
    ended: Rc<Notify>,
}

/// Takes a head off the bytes that are here; none where more must come. What HTTP/2 cannot say is refused.
pub(super) fn take_head(unread: &mut BytesMut) -> Result<Option<Asked>, Refusal> {
    let mut slots = Slots::new();
    let Some(asked) = h1::parse_request(unread, HEAD, &mut slots).map_err(Refusal::of_fault)? else {
        return Ok(None);
    };
    let head_bytes = asked.head_bytes;
    let request = request(&asked).ok_or(UNSPEAKABLE)?;
    let taken = Asked {
        request,
        framing: asked.framing,
        to_head: asked.method == "HEAD",
        expects_continue: asked.expects_continue,
    };
    unread.advance(head_bytes);
    Ok(Some(taken))
}

const UNSPEAKABLE: Refusal =
    Refusal::new(400, "bad-request", "the target or the host of the request cannot be said in HTTP/2");

fn request(asked: &h1::Request<'_, '_>) -> Option<Request<()>> {
    let mut request = Request::builder().method(asked.method).uri(uri(asked)?);
    for field in asked.fields.iter() {
        let passes = match field.kind {
            Kind::Host => false,
            // It is met here, at once.
            Kind::Expect => !asked.expects_continue,
            kind => kind.passes(),
        };
        if passes {
            let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
            request = request.header(name, HeaderValue::from_bytes(field.value).ok()?);
        }
    }
    if asked.accepts_trailers {
        request = request.header(TE, "trailers");
    }
    request.body(()).ok()
}

/// Without a host, which only HTTP/1.0 may leave out, there is no authority either (RFC 9113, section 8.3.1).
fn uri(asked: &h1::Request<'_, '_>) -> Option<Uri> {
    let mut target = Vec::new();
    asked.target.write(&mut target);
    let target = PathAndQuery::from_maybe_shared(Bytes::from(target)).ok()?;
    let uri = Uri::builder().path_and_query(target);
    if asked.host.is_empty() {
        return uri.build().ok();
    }
    uri.scheme(Scheme::HTTP).authority(asked.host).build().ok()
}

impl Question {
    pub(super) fn new(reader: Reader, ended: Rc<Notify>) -> Question {
        Question { reader, ended }
    }
}

impl Body for Question {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let frame = ready!(self.reader.poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) || self.reader.has_ended() {
            self.ended.notify_one();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.reader.has_ended()
    }

    fn size_hint(&self) -> SizeHint {
        self.reader.size_hint()
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        self.ended.notify_one();
    }
}
