//! HTTP/1 as bytes in and facts out: what a head says, where a body ends, what must not pass. Reads and
//! writes nothing itself; the caller owns the buffers and the connections.
//!
//! It is strict where two readers of the same bytes could disagree (RFC 9112, section 11.2): such a message
//! is a [`Fault`] and goes nowhere.

mod body;
mod chunk_head;
mod chunks;
mod connection;
mod extension;
mod facts;
mod fields;
mod framing;
mod grammar;
mod host;
mod kind;
mod request;
mod response;
mod target;
mod trailers;

pub use body::{Body, Taken};
pub use chunk_head::{ChunkHead, LAST_CHUNK};
pub use chunks::{Chunks, EXTENSION_BYTES_MAX};
pub use fields::{FIELDS_MAX, Field, Fields, Slots};
pub use framing::Framing;
pub use kind::Kind;
pub use request::{Request, parse_request};
pub use response::{Response, parse_response};
pub use target::Target;
pub(crate) use trailers::is_fit as is_fit_as_trailer;
pub use trailers::{TRAILERS_BYTES_MAX, TRAILERS_MAX};

/// How large a head may be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of a head from its first one, empty lines before a request line included, to the end of the
    /// empty line after the fields.
    pub head_bytes_max: usize,
    /// Field lines of a head; above [`FIELDS_MAX`] it is taken as that.
    pub fields_max: usize,
}

/// The versions that are spoken here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0, RFC 1945.
    Http10,
    /// HTTP/1.1, RFC 9112.
    Http11,
}

/// What is wrong with a message. After one nothing more can be read from the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// What the sender of a bad request gets. A bad response is answered with 502, whatever stands here.
    pub status: u16,
    /// One short sentence for a person.
    pub text: &'static str,
}

impl Limits {
    /// The bytes a head may lie in. To look at no others makes it the same fault however the bytes come in.
    fn window<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        &bytes[..bytes.len().min(self.head_bytes_max)]
    }

    /// Whether an incomplete head can still become a complete one.
    fn have_room(&self, window: &[u8]) -> bool {
        window.len() < self.head_bytes_max
    }

    fn fields(&self) -> usize {
        self.fields_max.min(FIELDS_MAX)
    }
}

impl Fault {
    /// A message that breaks the grammar or a rule of HTTP (RFC 9110, section 15.5.1).
    const fn bad(text: &'static str) -> Fault {
        Fault { status: 400, text }
    }

    /// What is too large to be read (RFC 6585, section 5).
    const fn too_large(text: &'static str) -> Fault {
        Fault { status: 431, text }
    }

    /// What the parser of heads found. The start line is the caller's.
    fn of_fields(error: httparse::Error, start_line: &'static str) -> Fault {
        match error {
            // RFC 9112, section 5.1: no white space before the colon; section 5.2: no folded lines.
            httparse::Error::HeaderName => Fault::bad("a field name is malformed"),
            // RFC 9110, section 5.5: no control characters; RFC 9112, section 2.2: no CR alone.
            httparse::Error::HeaderValue => Fault::bad("a field value has a control character"),
            httparse::Error::TooManyHeaders => Fault::too_large("the head has too many fields"),
            httparse::Error::NewLine => Fault::bad("a line of the head has a CR without an LF"),
            httparse::Error::Status | httparse::Error::Token | httparse::Error::Version => {
                Fault::bad(start_line)
            }
        }
    }
}
