//! How a body ends, as a head's fields say it.

use super::{Fault, Version};

/// How a body ends (RFC 9112, section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    None,
    /// After this many bytes, which is what a `Content-Length` says. May be 0; below 2^63.
    Length(u64),
    /// With the last chunk and the trailer section after it.
    Chunked,
    /// With the connection. Responses only.
    Close,
}

/// What the framing fields of a head say. Faults wait until it is known whether they matter.
#[derive(Default)]
pub(super) struct Said {
    length: Option<Result<u64, Fault>>,
    coding: Option<Result<(), Fault>>,
}

impl Said {
    /// A `Content-Length`. A second one is a fault even if it says the same: the leave of RFC 9110, section
    /// 8.6, to take equal ones for one is not used.
    pub(super) fn content_length(&mut self, value: &[u8]) {
        self.length = Some(match self.length {
            None => parse_length(value),
            Some(_) => Err(Fault::bad("there are two content-length fields")),
        });
    }

    /// A `Transfer-Encoding`. Chunked must be the last coding and be applied once (RFC 9112, section 6.1), so
    /// a second field cannot say anything that is known here.
    pub(super) fn transfer_encoding(&mut self, value: &[u8]) {
        self.coding = Some(match self.coding {
            Some(_) => Err(Fault::bad("there are two transfer-encoding fields")),
            None if value.eq_ignore_ascii_case(b"chunked") => Ok(()),
            // RFC 9112, section 6.1: 501 for a coding that is not understood.
            None => Err(Fault { status: 501, text: "the only transfer coding known here is chunked" }),
        });
    }

    /// What they say together, if anything. RFC 9112, section 6.1: a length beside a coding, and a coding in a
    /// message of version 1.0, are to be treated as errors.
    pub(super) fn framing(&self, version: Version) -> Result<Option<Framing>, Fault> {
        match (self.coding, self.length) {
            (None, None) => Ok(None),
            (None, Some(length)) => length.map(|bytes| Some(Framing::Length(bytes))),
            (Some(_), Some(_)) => Err(Fault::bad("there are both a content-length and a transfer-encoding")),
            (Some(_), None) if version == Version::Http10 => {
                Err(Fault::bad("a transfer-encoding does not exist in HTTP/1.0"))
            }
            (Some(coding), None) => coding.map(|()| Some(Framing::Chunked)),
        }
    }

    /// Whether content is announced that some kinds of responses cannot have.
    pub(super) fn announce_content(&self) -> bool {
        self.coding.is_some() || !matches!(self.length, None | Some(Ok(0)))
    }
}

/// RFC 9110, section 8.6: 1*DIGIT, and nothing may overflow. Below 2^63, so that it fits every offset type.
fn parse_length(value: &[u8]) -> Result<u64, Fault> {
    let mut length: u64 = 0;
    for byte in value {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return Err(Fault::bad("the content-length is not a number"));
        }
        length = match length.checked_mul(10).and_then(|tens| tens.checked_add(u64::from(digit))) {
            Some(length) if length <= i64::MAX as u64 => length,
            _ => return Err(Fault::bad("the content-length is too large")),
        };
    }
    if value.is_empty() { Err(Fault::bad("the content-length is empty")) } else { Ok(length) }
}
