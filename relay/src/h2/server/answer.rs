//! The answer to a stream's request, read off the pipe.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderName, HeaderValue, Response};
use http_body::{Body, Frame, SizeHint};

use super::stream::Stream;
use crate::h1::{self, Framing, Slots};
use crate::h2::pipe::{Closing, Pipe};
use crate::h2::reader::Reader;
use crate::h2::{Broken, HEAD};

/// Its body. When it is dropped, so is the pipe: the exchange sees that its client is gone.
pub(super) struct Answer {
    reader: Reader,
    stream: Rc<Stream>,
    _closing: Closing,
}

/// Reads the head. Without one the stream is reset, and so it is when the body breaks off.
pub(super) async fn read(pipe: Pipe, to_head: bool, stream: Rc<Stream>) -> Result<Response<Answer>, Broken> {
    let closing = pipe.closing();
    let mut unread = BytesMut::new();
    loop {
        if let Some((response, framing)) = take_head(&mut unread, to_head)? {
            let reader = Reader::new(pipe, unread, framing);
            return Ok(response.map(|()| Answer { reader, stream, _closing: closing }));
        }
        match pipe.read(&mut unread).await {
            Ok(1..) => (),
            Ok(0) | Err(_) => return Err(Broken("there is no answer")),
        }
    }
}

/// Takes the head of the last answer off the bytes that are here; none where more must come.
fn take_head(unread: &mut BytesMut, to_head: bool) -> Result<Option<(Response<()>, Framing)>, Broken> {
    loop {
        let mut slots = Slots::new();
        let parsed = h1::parse_response(unread, HEAD, to_head, &mut slots);
        let Some(answer) = parsed.map_err(|fault| Broken(fault.text))? else { return Ok(None) };
        if answer.status >= 200 {
            let head_bytes = answer.head_bytes;
            let taken = (response(&answer)?, answer.framing);
            unread.advance(head_bytes);
            return Ok(Some(taken));
        }
        let head_bytes = answer.head_bytes;
        unread.advance(head_bytes);
    }
}

fn response(answer: &h1::Response<'_, '_>) -> Result<Response<()>, Broken> {
    let mut response = Response::builder().status(answer.status);
    for field in answer.fields.iter().filter(|field| field.kind.passes()) {
        let name = HeaderName::from_bytes(field.name.as_bytes());
        let value = HeaderValue::from_bytes(field.value);
        response = match (name, value) {
            (Ok(name), Ok(value)) => response.header(name, value),
            _ => return Err(Broken("a field cannot be written")),
        };
    }
    response.body(()).map_err(|_| Broken("the answer cannot be written"))
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        self.stream.take();
        self.reader.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.reader.has_ended()
    }

    fn size_hint(&self) -> SizeHint {
        self.reader.size_hint()
    }
}
