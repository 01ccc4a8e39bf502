//! What an exchange writes for its upstream, as a request of HTTP/2.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use http::header::TE;
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderName, HeaderValue, Request, Uri};
use http_body::{Body, Frame, SizeHint};

use super::uplink::Spawn;
use crate::h1::{self, Framing, Kind, Slots};
use crate::h2::bond::Bond;
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
    bond: Rc<Bond>,
    /// Whoever spawns the tasks of the uplink that it goes by.
    spawn: Option<Spawn>,
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
    pub(super) fn new(reader: Reader, bond: &Rc<Bond>) -> Question {
        Question { reader, bond: Rc::clone(bond), spawn: None }
    }

    /// It is given to an uplink.
    pub(super) fn goes_by(&mut self, spawn: Spawn) {
        self.spawn = Some(spawn);
    }
}

impl Body for Question {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        self.reader.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.reader.has_ended()
    }

    fn size_hint(&self) -> SizeHint {
        // The library asks once, and then spawns the tasks of this request before it looks at another.
        if let Some(spawn) = &self.spawn {
            spawn.for_request(&self.bond);
        }
        self.reader.size_hint()
    }
}
