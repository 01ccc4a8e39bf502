//! HTTP/2: from clients that agreed on it by ALPN or know beforehand that it is spoken here, and toward services
//! that speak it (RFC 9113, section 3.3).
//!
//! There is one way of a request through the relay, and it is HTTP/1.1's. A stream takes part in it as an
//! HTTP/1.1 message over a [`pipe`]: `server` writes the requests of a client's streams and reads their
//! answers, `client` reads the requests that an exchange writes and brings them to the service. So whatever
//! a stream brings is judged by the one parser (`h1`), and nothing that HTTP/2 alone can say gets past it.
//! Informational answers end here: hyper has no way to send one on a stream, and tells of none that came.

mod bond;
mod client;
mod pipe;
mod reader;
mod server;
mod writer;

use std::fmt;

pub(crate) use client::Uplinks;
pub(crate) use pipe::Far;
pub(crate) use server::serve;

use crate::h1;

/// The first line of what a client's connection begins with (RFC 9113, section 3.4). The codec of HTTP/1
/// takes it for a request of an unknown version.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n";

/// Bytes that a stream may have on their way in each direction, and the most that is read at once.
const PIPE_BYTES: usize = 32 * 1024;
const READ_BYTES: usize = 16 * 1024;

/// Window of a stream: what its far side may send that nobody has taken (RFC 9113, section 6.9.2; the initial
/// value of the protocol).
const STREAM_WINDOW: u32 = 65_535;

/// Bytes of a stream's body that wait to be written to its connection.
const SEND_BYTES_MAX: usize = 64 * 1024;

/// Bytes of the fields of one message, each counted with 32 more (RFC 9113, section 6.5.2). With fewer bytes
/// between name and value, HTTP/1.1 needs no more than that.
const FIELD_BYTES_MAX: u32 = 16 * 1024;

/// How large a head on a pipe may be: the largest that passes, and what the relay has written into it.
const HEAD: h1::Limits =
    h1::Limits { head_bytes_max: 2 * FIELD_BYTES_MAX as usize, fields_max: h1::FIELDS_MAX };

/// Whether a client's first bytes say that it speaks HTTP/2.
pub(crate) fn is_preface(bytes: &[u8]) -> bool {
    bytes.starts_with(PREFACE)
}

/// A message that did not come to its end, or is none. Its stream is reset.
#[derive(Debug)]
struct Broken(&'static str);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Broken {}
