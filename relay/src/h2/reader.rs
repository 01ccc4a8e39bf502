//! The body of an HTTP/1.1 message on a pipe, as the frames of a stream.

use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::{Frame, SizeHint};

use super::Broken;
use super::pipe::Pipe;
use crate::h1::{Body, Framing};

/// Reads a body whose head was read.
pub(super) struct Reader {
    pipe: Pipe,
    /// What was read and not judged.
    unread: BytesMut,
    body: Body,
    is_over: bool,
}

impl Reader {
    /// `unread` is what came with the head.
    pub(super) fn new(pipe: Pipe, unread: BytesMut, framing: Framing) -> Reader {
        let body = Body::new(framing, false);
        Reader { pipe, unread, is_over: body.is_done(), body }
    }

    /// The next frame; none after the last. A body that breaks off is an error, and never an end.
    pub(super) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let frame = ready!(self.poll_next(cx));
        self.is_over = match &frame {
            Ok(Some(frame)) => frame.is_trailers() || self.has_ended(),
            Ok(None) | Err(_) => true,
        };
        Poll::Ready(frame.transpose())
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Frame<Bytes>>, Broken>> {
        loop {
            if self.body.is_done() {
                let trailers = fields(self.body.trailers())?;
                return Poll::Ready(Ok((!trailers.is_empty()).then(|| Frame::trailers(trailers))));
            }
            if let Some(data) = self.take()? {
                if !data.is_empty() {
                    return Poll::Ready(Ok(Some(Frame::data(data))));
                }
                continue;
            }
            let read = ready!(self.pipe.poll_read(cx, &mut self.unread));
            if !matches!(read, Ok(1..)) {
                self.body.end().map_err(|fault| Broken(fault.text))?;
            }
        }
    }

    /// What can be told of the bytes that are here; none where more must come.
    fn take(&mut self) -> Result<Option<Bytes>, Broken> {
        if self.unread.is_empty() {
            return Ok(None);
        }
        let taken = self.body.take(&mut self.unread).map_err(|fault| Broken(fault.text))?;
        if taken.taken == 0 {
            return Ok(None);
        }
        let data = self.unread.split_to(taken.kept).freeze();
        self.unread.advance(taken.taken - taken.kept);
        Ok(Some(data))
    }

    /// Whether nothing follows, trailers neither.
    pub(super) fn has_ended(&self) -> bool {
        self.is_over || self.body.is_done() && self.body.trailers().is_empty()
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        match &self.body {
            Body::Done => SizeHint::with_exact(0),
            Body::Length(bytes) => SizeHint::with_exact(*bytes),
            Body::Chunked(_) | Body::Close => SizeHint::new(),
        }
    }
}

/// Fields in lines, which were judged before.
fn fields(lines: &[u8]) -> Result<HeaderMap, Broken> {
    let mut fields = HeaderMap::new();
    for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let malformed = Broken("a trailer is malformed");
        let Some(colon) = memchr::memchr(b':', line) else { return Err(malformed) };
        let name = HeaderName::from_bytes(&line[..colon]);
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        match (name, value) {
            (Ok(name), Ok(value)) => fields.append(name, value),
            _ => return Err(malformed),
        };
    }
    Ok(fields)
}
