//! A stream's request as an HTTP/1.1 message. It is written as it came, so that the parser judges it; only
//! what HTTP/2 writes in another way is put into HTTP/1.1's.

use http::header::{CONTENT_LENGTH, COOKIE, EXPECT, HOST, TE};
use http::request::Parts;
use http::{HeaderMap, Method};
use http_body::Body;
use hyper::body::Incoming;

use crate::h2::writer::Coding;
use crate::headers::field;

/// A head, and how its body follows.
pub(super) struct Written {
    pub(super) head: Vec<u8>,
    pub(super) coding: Coding,
}

pub(super) fn write(request: &Parts, body: &Incoming) -> Written {
    let mut head = Vec::with_capacity(1024);
    request_line(&mut head, request);
    let authority = request.uri.authority().map(|authority| authority.as_str());
    if let Some(authority) = authority {
        field(&mut head, "Host", authority.as_bytes());
    }
    let coding = coding_of(&request.headers, body);
    for (name, value) in &request.headers {
        let is_written = match *name {
            // RFC 9113, section 8.3.1: it says the same as the authority, or there are two of them.
            HOST => authority.is_none_or(|said| !said.as_bytes().eq_ignore_ascii_case(value.as_bytes())),
            // No interim answer goes to a stream: its client need not wait for one.
            EXPECT => !value.as_bytes().eq_ignore_ascii_case(b"100-continue"),
            COOKIE | TE => false,
            _ => true,
        };
        if is_written {
            field(&mut head, name.as_str(), value.as_bytes());
        }
    }
    cookies(&mut head, &request.headers);
    if coding == Coding::Chunked {
        head.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
    }
    // RFC 9113, section 8.2.2: it says "trailers" or is not there.
    if request.headers.contains_key(TE) {
        head.extend_from_slice(b"TE: trailers\r\nConnection: close, TE\r\n\r\n");
    } else {
        head.extend_from_slice(b"Connection: close\r\n\r\n");
    }
    Written { head, coding }
}

fn request_line(head: &mut Vec<u8>, request: &Parts) {
    head.extend_from_slice(request.method.as_str().as_bytes());
    head.push(b' ');
    let target = match (&request.method, request.uri.path_and_query(), request.uri.authority()) {
        (&Method::CONNECT, _, Some(authority)) => authority.as_str(),
        (_, Some(target), _) => target.as_str(),
        (_, None, _) => "",
    };
    head.extend_from_slice(target.as_bytes());
    head.extend_from_slice(b" HTTP/1.1\r\n");
}

fn coding_of(fields: &HeaderMap, body: &Incoming) -> Coding {
    if body.is_end_stream() {
        Coding::Nothing
    } else if fields.contains_key(CONTENT_LENGTH) {
        Coding::Plain
    } else {
        Coding::Chunked
    }
}

/// RFC 9113, section 8.2.3: in one field, however many there are.
fn cookies(head: &mut Vec<u8>, fields: &HeaderMap) {
    let mut separator: &[u8] = b"Cookie: ";
    for value in fields.get_all(COOKIE) {
        head.extend_from_slice(separator);
        head.extend_from_slice(value.as_bytes());
        separator = b"; ";
    }
    if fields.contains_key(COOKIE) {
        head.extend_from_slice(b"\r\n");
    }
}
