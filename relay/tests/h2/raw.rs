//! A client of HTTP/2 that writes its frames by hand, and so what no library would.

use std::net::SocketAddr;

use crate::peer::Peer;

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
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
