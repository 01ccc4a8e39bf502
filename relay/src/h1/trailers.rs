//! The trailer section of a chunked body (RFC 9112, section 7.1.2): its bounds, its grammar, and which fields
//! must not be in it.

use super::Fault;
use super::grammar::{is_text, is_token};
use super::kind::{Kind, is_alias_of_framing};

/// Bytes of a trailer section, the empty line at its end included. Apache and nginx allow about as much for one
/// line of a head.
pub const TRAILERS_BYTES_MAX: usize = 8 * 1024;

/// Lines of a trailer section: half of what a head may have.
pub const TRAILERS_MAX: usize = 64;

/// Beside those that have a [`Kind`]: what would change how a message is routed, authenticated, cached or
/// decoded, were it merged into the head (RFC 9110, section 6.5.1; the list is that of RFC 7230, section 4.1.2).
const FORBIDDEN: &[&str] = &[
    "age",
    "authorization",
    "cache-control",
    "content-encoding",
    "content-range",
    "content-type",
    "cookie",
    "expires",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "location",
    "max-forwards",
    "pragma",
    "proxy-authenticate",
    "proxy-authorization",
    "range",
    "retry-after",
    "vary",
    "www-authenticate",
];

/// Reads a whole section from the start of `bytes` and gives its length, the empty line at its end included.
/// `None`: it is not whole yet.
pub(super) fn read(bytes: &[u8]) -> Result<Option<usize>, Fault> {
    let window = &bytes[..bytes.len().min(TRAILERS_BYTES_MAX)];
    let mut start = 0;
    let mut lines = 0;
    while let Some(length) = memchr::memchr(b'\n', &window[start..]) {
        let line = &window[start..start + length];
        start += length + 1;
        let Some(line) = line.strip_suffix(b"\r") else {
            return Err(Fault::bad("a line of the trailer section ends without a CR"));
        };
        if line.is_empty() {
            return Ok(Some(start));
        }
        lines += 1;
        if lines > TRAILERS_MAX {
            return Err(Fault::too_large("the trailer section has too many lines"));
        }
        check(line)?;
    }
    if window.len() == TRAILERS_BYTES_MAX {
        return Err(Fault::too_large("the trailer section is too large"));
    }
    Ok(None)
}

/// Whether a line, without its end, may be in a trailer section.
pub(crate) fn is_fit(line: &[u8]) -> bool {
    check(line).is_ok()
}

/// RFC 9112, section 5: a token, the colon at once after it, and no control characters.
fn check(line: &[u8]) -> Result<(), Fault> {
    let malformed = Fault::bad("a line of the trailer section is malformed");
    let end = memchr::memchr(b':', line).ok_or(malformed)?;
    let (name, value) = line.split_at(end);
    if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) || !value.iter().all(|byte| is_text(*byte))
    {
        return Err(malformed);
    }
    let name = str::from_utf8(name).map_err(|_| malformed)?;
    let is_forbidden = Kind::of(name) != Kind::Other
        || is_alias_of_framing(name)
        || FORBIDDEN.iter().any(|forbidden| name.eq_ignore_ascii_case(forbidden));
    if is_forbidden {
        Err(Fault::bad("the trailer section has a field that belongs into the head"))
    } else {
        Ok(())
    }
}
