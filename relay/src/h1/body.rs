//! Where a body is and where it ends. Works in place on the bytes after a head.

use super::Fault;
use super::chunks::Chunks;
use super::framing::Framing;

/// What is still to come of a body.
#[derive(Debug, Clone)]
pub enum Body {
    /// Nothing.
    Done,
    /// This many bytes, at least 1.
    Length(u64),
    /// Chunks; see [`Body::is_done`].
    Chunked(Chunks),
    /// Everything until the connection ends.
    Close,
}

/// What became of the bytes that were given to [`Body::take`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// So many from the start are used up.
    pub taken: usize,
    /// So many, moved together at the start, are to be passed on. Never more than `taken`.
    pub kept: usize,
}

impl Body {
    /// A body of which nothing came yet. `keep_framing`: a chunked one is passed on in its chunks; otherwise
    /// only its data.
    pub fn new(framing: Framing, keep_framing: bool) -> Body {
        match framing {
            Framing::None | Framing::Length(0) => Body::Done,
            Framing::Length(bytes) => Body::Length(bytes),
            Framing::Chunked => Body::Chunked(Chunks::new(keep_framing)),
            Framing::Close => Body::Close,
        }
    }

    /// Takes body bytes from the start of `bytes`. What is left over belongs to the next message
    /// ([`Body::is_done`]), or waits for more to come after it ([`Body::needs_more`]); if neither, the next call
    /// with it says what is wrong with it.
    ///
    /// # Errors
    ///
    /// Chunks that break the rules. What came before the fault was kept by earlier calls; nothing after it
    /// ever is.
    pub fn take(&mut self, bytes: &mut [u8]) -> Result<Taken, Fault> {
        match self {
            Body::Done => Ok(Taken { taken: 0, kept: 0 }),
            Body::Length(remaining) => {
                let taken = usize::try_from(*remaining).map_or(bytes.len(), |most| most.min(bytes.len()));
                self.advance(taken as u64);
                Ok(Taken { taken, kept: taken })
            }
            Body::Chunked(chunks) => chunks.take(bytes),
            Body::Close => Ok(Taken { taken: bytes.len(), kept: bytes.len() }),
        }
    }

    /// Whether all of it was taken.
    #[inline]
    pub fn is_done(&self) -> bool {
        match self {
            Body::Done => true,
            Body::Chunked(chunks) => chunks.is_done(),
            Body::Length(_) | Body::Close => false,
        }
    }

    /// Whether bytes that were not taken must stay where they are until more come after them: a trailer
    /// section is read as a whole. It is at most [`TRAILERS_BYTES_MAX`](super::TRAILERS_BYTES_MAX) long.
    #[inline]
    pub fn needs_more(&self) -> bool {
        match self {
            Body::Chunked(chunks) => chunks.needs_more(),
            Body::Done | Body::Length(_) | Body::Close => false,
        }
    }

    /// The input ended here.
    ///
    /// # Errors
    ///
    /// The body is not whole (RFC 9112, section 8).
    pub fn end(&mut self) -> Result<(), Fault> {
        if !self.is_done() && !matches!(self, Body::Close) {
            return match self {
                Body::Chunked(chunks) => Err(chunks.cut_short()),
                Body::Done | Body::Length(_) | Body::Close => Err(Fault::bad("the body ended too early")),
            };
        }
        if matches!(self, Body::Close) {
            *self = Body::Done;
        }
        Ok(())
    }

    /// Bytes that surely still come of a body of known length.
    #[inline]
    pub fn remaining(&self) -> Option<u64> {
        match self {
            Body::Length(bytes) => Some(*bytes),
            Body::Done | Body::Chunked(_) | Body::Close => None,
        }
    }

    /// Of the bytes that were kept so far, those that are the framing of chunks and no content, trailers included.
    #[inline]
    pub fn framing_bytes(&self) -> u64 {
        match self {
            Body::Chunked(chunks) => chunks.framing_bytes(),
            Body::Done | Body::Length(_) | Body::Close => 0,
        }
    }

    /// So many bytes of a body of known length went by other means, such as splice(2).
    pub fn advance(&mut self, bytes: u64) {
        if let Body::Length(remaining) = self {
            debug_assert!(bytes <= *remaining, "more went by than the body has");
            *remaining = remaining.saturating_sub(bytes);
            if *remaining == 0 {
                *self = Body::Done;
            }
        }
    }

    /// The trailer lines of a chunked body that was not passed on in its chunks, each with its CRLF; empty
    /// before its end.
    pub fn trailers(&self) -> &[u8] {
        match self {
            Body::Chunked(chunks) => chunks.trailers(),
            Body::Done | Body::Length(_) | Body::Close => b"",
        }
    }
}
