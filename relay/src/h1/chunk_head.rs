//! Chunks as they are written (RFC 9112, section 7.1).

/// The end of a chunked body without trailers.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// The line before a chunk's data: its length in hexadecimal digits and CRLF. After the data comes CRLF.
#[derive(Debug, Clone, Copy)]
pub struct ChunkHead {
    text: [u8; ChunkHead::BYTES_MAX],
    start: u8,
}

impl ChunkHead {
    /// 16 digits and CRLF.
    pub const BYTES_MAX: usize = 18;

    /// For a chunk of so many bytes, at least 1: a chunk of 0 would end the body.
    pub fn new(bytes: usize) -> ChunkHead {
        debug_assert!(bytes > 0, "an empty chunk is the last one");
        let mut text = [0; ChunkHead::BYTES_MAX];
        text[16..].copy_from_slice(b"\r\n");
        let mut start = 16;
        let mut rest = bytes;
        loop {
            start -= 1;
            text[start] = b"0123456789abcdef"[rest % 16];
            rest /= 16;
            if rest == 0 {
                return ChunkHead { text, start: start as u8 };
            }
        }
    }

    /// The line.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.text[usize::from(self.start)..]
    }
}
