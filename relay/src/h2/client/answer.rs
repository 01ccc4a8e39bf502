//! An upstream's answer of HTTP/2, as the HTTP/1.1 message that an exchange reads.

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRAILER};
use http::{HeaderMap, Response, StatusCode};
use http_body::Body;
use hyper::body::Incoming;

use crate::h2::Broken;
use crate::h2::pipe::Pipe;
use crate::h2::writer::{self, Coding, Trailers};
use crate::headers::field;

/// Writes all of it. When it breaks off, the end is missing.
pub(super) async fn write(pipe: &Pipe, answer: Response<Incoming>, to_head: bool) -> Result<(), Broken> {
    let (answer, mut body) = answer.into_parts();
    let framing = Framing::of(answer.status, &answer.headers, &body, to_head);
    let mut head = Vec::with_capacity(512);
    status_line(&mut head, answer.status);
    for (name, value) in &answer.headers {
        if *name != CONTENT_LENGTH || framing == Framing::Said || framing == Framing::Nothing {
            field(&mut head, name.as_str(), value.as_bytes());
        }
    }
    head.extend_from_slice(match framing {
        Framing::Nothing | Framing::Said => b"",
        Framing::Empty => b"Content-Length: 0\r\n",
        Framing::Chunked => b"Transfer-Encoding: chunked\r\n",
    });
    // The wire serves no other request.
    head.extend_from_slice(b"Connection: close\r\n\r\n");
    pipe.write_all(&head).await.map_err(|_| Broken("nobody reads"))?;
    let coding = match framing {
        Framing::Nothing | Framing::Empty => Coding::Nothing,
        Framing::Said => Coding::Plain,
        Framing::Chunked => Coding::Chunked,
    };
    writer::write(pipe, &mut body, coding, Trailers::Fit).await
}

fn status_line(head: &mut Vec<u8>, status: StatusCode) {
    head.extend_from_slice(b"HTTP/1.1 ");
    head.extend_from_slice(status.as_str().as_bytes());
    head.push(b' ');
    head.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    head.extend_from_slice(b"\r\n");
}

/// How the body is told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    /// It has none, whatever is said of one that it would have.
    Nothing,
    /// It is over with the head.
    Empty,
    /// By its `Content-Length`.
    Said,
    Chunked,
}

impl Framing {
    /// In chunks wherever trailers may come: a body of a length that is said has no place for them.
    fn of(status: StatusCode, fields: &HeaderMap, body: &Incoming, to_head: bool) -> Framing {
        if to_head || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
            return Framing::Nothing;
        }
        if body.is_end_stream() {
            return Framing::Empty;
        }
        let content_type = fields.get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
        let may_have_trailers = fields.contains_key(TRAILER) || content_type.starts_with(b"application/grpc");
        if fields.contains_key(CONTENT_LENGTH) && !may_have_trailers {
            Framing::Said
        } else {
            Framing::Chunked
        }
    }
}
