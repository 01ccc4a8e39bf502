//! The head of a response (RFC 9112, section 4).

use httparse::Status;

use super::facts::Facts;
use super::fields::{Fields, Slots};
use super::framing::Framing;
use super::kind::{Kind, drop_all};
use super::{Fault, Limits, Version};

/// The head of a response that may go on. An interim one (1xx) is a response of its own.
#[derive(Debug)]
pub struct Response<'s, 'b> {
    /// The version of the message.
    pub version: Version,
    /// 100 to 999.
    pub status: u16,
    /// May be empty, and may hold bytes above 0x7f; no control character but the tab.
    pub reason: &'b [u8],
    /// How the body ends: `None` for an answer to HEAD, 1xx, 204 and 304, whatever they say.
    pub framing: Framing,
    /// Whether the connection can carry another message after this one.
    pub keep_alive: bool,
    /// The value of `Upgrade`, where `Connection: upgrade` is there too. HTTP/1.1 only.
    pub upgrade: Option<&'b [u8]>,
    /// Length of the head in bytes.
    pub head_bytes: usize,
    /// All its fields.
    pub fields: Fields<'s, 'b>,
}

/// Reads a head from the start of `bytes`; what follows it does not matter. `None`: it is not complete yet, and
/// within the limits so far. `to_head`: it answers a HEAD.
///
/// # Errors
///
/// What makes a head unfit to go on, always with status 502. It is the same fault however the bytes come in.
pub fn parse_response<'s, 'b>(
    bytes: &'b [u8],
    limits: Limits,
    to_head: bool,
    slots: &'s mut Slots<'b>,
) -> Result<Option<Response<'s, 'b>>, Fault> {
    read(bytes, limits, to_head, slots).map_err(|fault| Fault { status: 502, ..fault })
}

fn read<'s, 'b>(
    bytes: &'b [u8],
    limits: Limits,
    to_head: bool,
    slots: &'s mut Slots<'b>,
) -> Result<Option<Response<'s, 'b>>, Fault> {
    let window = limits.window(bytes);
    // Only before a request may there be empty lines (RFC 9112, section 2.2): here they are the rest of a body
    // that was longer than it said.
    if let [b'\r' | b'\n', ..] = window {
        return Err(Fault::bad("there is an empty line before the status line"));
    }
    let Slots { headers, kinds } = slots;
    let mut parsed = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    let headers = &mut headers[..limits.fields()];
    let head_bytes = match config.parse_response_with_uninit_headers(&mut parsed, window, headers) {
        Ok(Status::Complete(head_bytes)) => head_bytes,
        Ok(Status::Partial) if limits.have_room(window) => return Ok(None),
        Ok(Status::Partial) => return Err(Fault::too_large("the head of the response is too large")),
        Err(error) => return Err(Fault::of_fields(error, "the status line is malformed")),
    };
    let (Some(minor), Some(status)) = (parsed.version, parsed.code) else {
        return Err(Fault::bad("the status line is malformed"));
    };
    // RFC 9110, section 15: 100 to 599, and a client takes what is above for a 5xx.
    if status < 100 {
        return Err(Fault::bad("the status is below 100"));
    }
    let version = if minor == 0 { Version::Http10 } else { Version::Http11 };
    let headers: &'s [httparse::Header<'b>] = parsed.headers;
    let kinds = &mut kinds[..headers.len()];
    let facts = Facts::gather(headers, kinds)?;
    let mut keep_alive = facts.options.persist(version);
    let framing = match status {
        // RFC 9110, section 8.6, and RFC 9112, section 6.1: neither field may be there. The sender who
        // announces content all the same may also send it, so nothing can follow.
        100..=199 | 204 => {
            keep_alive &= !facts.framing.announce_content();
            drop_all(kinds, Kind::ContentLength);
            Framing::None
        }
        _ => match facts.framing.framing(version)? {
            // RFC 9112, section 6.3: such a response speaks of a body that another one would have had.
            _ if to_head || status == 304 => Framing::None,
            Some(framing) => framing,
            None => {
                keep_alive = false;
                Framing::Close
            }
        },
    };
    Ok(Some(Response {
        version,
        status,
        reason: reason_of(window),
        framing,
        keep_alive,
        upgrade: facts.upgrade(version),
        head_bytes,
        fields: Fields { headers, kinds },
    }))
}

/// What is after the status. Taken from the line itself: the parser of heads gives no reason that has bytes
/// above 0x7f.
fn reason_of(head: &[u8]) -> &[u8] {
    let end = memchr::memchr(b'\n', head).unwrap_or(head.len());
    let line = head[..end].strip_suffix(b"\r").unwrap_or(&head[..end]);
    line.get("HTTP/1.1 200 ".len()..).unwrap_or_default()
}
