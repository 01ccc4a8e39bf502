//! An end of HTTP/2 that writes its frames by hand, and so what no library would: a client, or a service.

use std::net::SocketAddr;

use crate::peer::Peer;
use crate::rig::Origin;

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
/// Why a stream is reset, or a connection ends (RFC 9113, section 7).
pub(crate) const NO_ERROR: u32 = 0;
pub(crate) const INTERNAL_ERROR: u32 = 2;
pub(crate) const REFUSED_STREAM: u32 = 7;
pub(crate) const CANCEL: u32 = 8;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

pub(crate) struct Raw {
    pub(crate) peer: Peer,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was answered with 400.
    BadRequest,
    /// It was answered otherwise; the first byte of the block of fields.
    Other(u8),
    /// The stream was reset.
    Reset,
    /// The connection was ended.
    GoAway,
}

struct Frame {
    kind: u8,
    stream: u32,
    payload: Vec<u8>,
}

impl Raw {
    pub(crate) fn connect(address: SocketAddr) -> Raw {
        let mut raw = Raw { peer: Peer::connect(address) };
        raw.peer.send(PREFACE);
        raw.frame(SETTINGS, 0, 0, &[]);
        raw
    }

    /// As a service, takes a connection of the relay's.
    pub(crate) fn accept(origin: &Origin) -> Raw {
        let mut raw = Raw { peer: origin.accept() };
        assert_eq!(raw.peer.bytes(PREFACE.len()), PREFACE);
        raw.frame(SETTINGS, 0, 0, &[]);
        raw
    }

    /// The stream of the next request.
    pub(crate) fn asked(&mut self) -> u32 {
        loop {
            let Frame { kind, stream, .. } = self.read();
            if kind == HEADERS {
                return stream;
            }
        }
    }

    /// Reads so many bytes of a body.
    pub(crate) fn data_of(&mut self, of: u32, bytes: usize) {
        let mut seen = 0;
        while seen < bytes {
            let Frame { kind, stream, payload } = self.read();
            if kind == DATA && stream == of {
                seen += payload.len();
            }
        }
    }

    /// The head of an answer that says 200, and nothing else.
    pub(crate) fn answer(&mut self, stream: u32, is_last: bool) {
        // Its index in the static table is 8 (RFC 7541, appendix A).
        self.headers(stream, &[0x88], !is_last);
    }

    pub(crate) fn reset(&mut self, stream: u32, why: u32) {
        self.frame(RST_STREAM, 0, stream, &why.to_be_bytes());
    }

    /// Takes no streams after the `last`.
    pub(crate) fn leave(&mut self, last: u32, why: u32) {
        self.frame(GOAWAY, 0, 0, &[last.to_be_bytes(), why.to_be_bytes()].concat());
    }

    /// Why the other end resets a stream, which it must.
    pub(crate) fn reset_of(&mut self, of: u32) -> u32 {
        loop {
            let Frame { kind, stream, payload } = self.read();
            if kind == RST_STREAM && stream == of {
                return u32::from_be_bytes(payload.try_into().unwrap());
            }
        }
    }

    pub(crate) fn request(&mut self, stream: u32, fields: &[(&str, &str)], has_body: bool) {
        let mut block = Vec::new();
        for (name, value) in fields {
            literal(&mut block, name.as_bytes(), value.as_bytes());
        }
        self.headers(stream, &block, has_body);
    }

    pub(crate) fn headers(&mut self, stream: u32, block: &[u8], has_body: bool) {
        let flags = if has_body { END_HEADERS } else { END_HEADERS | END_STREAM };
        self.frame(HEADERS, flags, stream, block);
    }

    pub(crate) fn data(&mut self, stream: u32, data: &[u8], is_last: bool) {
        self.frame(DATA, u8::from(is_last), stream, data);
    }

    pub(crate) fn trailers(&mut self, stream: u32, fields: &[(&str, &str)]) {
        self.request(stream, fields, false);
    }

    /// No window for any stream.
    pub(crate) fn shut_windows(&mut self) {
        self.frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
    }

    pub(crate) fn open_window(&mut self, stream: u32, bytes: u32) {
        self.frame(WINDOW_UPDATE, 0, stream, &bytes.to_be_bytes());
    }

    /// What becomes of a request, as the next frame about its stream says.
    pub(crate) fn outcome(&mut self, of: u32) -> Outcome {
        loop {
            let Frame { kind, stream, payload } = self.read();
            match kind {
                HEADERS if stream == of => {
                    // In the static table (RFC 7541, appendix A) 400 has the index 12.
                    return match payload[0] {
                        0x8c => Outcome::BadRequest,
                        other => Outcome::Other(other),
                    };
                }
                RST_STREAM if stream == of => return Outcome::Reset,
                GOAWAY => return Outcome::GoAway,
                _ => (),
            }
        }
    }

    pub(crate) fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut frame = length[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        self.peer.send(frame);
    }

    fn read(&mut self) -> Frame {
        let head = self.peer.bytes(9);
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        Frame { kind: head[3], stream, payload: self.peer.bytes(length as usize) }
    }
}

/// A literal field that is not indexed (RFC 7541, section 6.2.2), its strings as they are.
pub(crate) fn literal(block: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    block.push(0);
    for text in [name, value] {
        length(block, text.len());
        block.extend(text);
    }
}

/// An integer with a prefix of 7 bits (RFC 7541, section 5.1).
fn length(block: &mut Vec<u8>, length: usize) {
    if length < 127 {
        block.push(length as u8);
        return;
    }
    block.push(127);
    let mut rest = length - 127;
    while rest >= 128 {
        block.push((rest % 128) as u8 | 128);
        rest /= 128;
    }
    block.push(rest as u8);
}
