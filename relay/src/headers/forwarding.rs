//! `Forwarded` (RFC 7239) and `X-Forwarded-*`: for whom a request is, as the front saw it. What the client
//! sent of them is replaced, unless it is a trusted proxy: then this hop is added to what it says.

use std::net::IpAddr;

use super::field;
use crate::h1::{Field, Fields, Kind};

/// Which of them the front writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forwarding {
    /// `X-Forwarded-For`: the client's address.
    pub x_for: bool,
    /// `X-Forwarded-Host`: the Host it asked for.
    pub x_host: bool,
    /// `X-Forwarded-Proto`: how it reached the front.
    pub x_proto: bool,
    /// `Forwarded`: all of these, as RFC 7239 writes them.
    pub forwarded: bool,
    /// `Via`, in answers too.
    pub via: bool,
}

impl Forwarding {
    /// All of them.
    pub const ALL: Forwarding =
        Forwarding { x_for: true, x_host: true, x_proto: true, forwarded: true, via: true };
    /// None of them.
    pub const NONE: Forwarding =
        Forwarding { x_for: false, x_host: false, x_proto: false, forwarded: false, via: false };
}

/// How a request reached the front.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

/// What the fields have without the host, and a little more: one allocation holds them.
const BLOCK_BYTES: usize = 192;

/// What one client connection writes, rendered once: its address never changes, the host seldom.
pub(crate) struct Forwarder {
    written: Forwarding,
    address: IpAddr,
    is_trusted: bool,
    scheme: Scheme,
    host: Vec<u8>,
    block: Vec<u8>,
}

impl Forwarder {
    pub(crate) fn new(written: Forwarding, address: IpAddr, is_trusted: bool, scheme: Scheme) -> Forwarder {
        let address = address.to_canonical();
        Forwarder { written, address, is_trusted, scheme, host: Vec::new(), block: Vec::new() }
    }

    /// Whether a field of the client's passes on as it is.
    pub(crate) fn passes(&self, kind: Kind) -> bool {
        match kind {
            Kind::Forwarded | Kind::XForwardedFor => self.is_trusted && !self.joins(kind),
            Kind::XForwardedHost | Kind::XForwardedProto => self.is_trusted,
            _ => true,
        }
    }

    /// Writes this hop's fields.
    pub(crate) fn write(&mut self, out: &mut Vec<u8>, host: &[u8], fields: &Fields<'_, '_>) {
        if self.is_trusted {
            self.join(out, host, fields);
            return;
        }
        if self.block.is_empty() || self.host != host {
            self.host.clear();
            self.host.extend_from_slice(host);
            let mut block = std::mem::take(&mut self.block);
            block.clear();
            block.reserve(BLOCK_BYTES + 2 * host.len());
            self.render(&mut block, host);
            self.block = block;
        }
        out.extend_from_slice(&self.block);
    }

    fn joins(&self, kind: Kind) -> bool {
        match kind {
            Kind::Forwarded => self.written.forwarded,
            Kind::XForwardedFor => self.written.x_for,
            _ => false,
        }
    }

    fn render(&self, out: &mut Vec<u8>, host: &[u8]) {
        if self.written.forwarded {
            out.extend_from_slice(b"Forwarded: ");
            self.element(out, host);
            out.extend_from_slice(b"\r\n");
        }
        if self.written.x_for {
            out.extend_from_slice(b"X-Forwarded-For: ");
            write_address(out, self.address);
            out.extend_from_slice(b"\r\n");
        }
        if self.written.x_host && !host.is_empty() {
            field(out, "X-Forwarded-Host", host);
        }
        if self.written.x_proto {
            field(out, "X-Forwarded-Proto", self.scheme.name());
        }
    }

    /// Adds this hop to what a trusted proxy says.
    fn join(&self, out: &mut Vec<u8>, host: &[u8], fields: &Fields<'_, '_>) {
        if self.written.forwarded {
            out.extend_from_slice(b"Forwarded: ");
            said(out, fields, Kind::Forwarded);
            self.element(out, host);
            out.extend_from_slice(b"\r\n");
        }
        if self.written.x_for {
            out.extend_from_slice(b"X-Forwarded-For: ");
            said(out, fields, Kind::XForwardedFor);
            write_address(out, self.address);
            out.extend_from_slice(b"\r\n");
        }
        if self.written.x_host && !host.is_empty() && fields.get(Kind::XForwardedHost).is_none() {
            field(out, "X-Forwarded-Host", host);
        }
        if self.written.x_proto && fields.get(Kind::XForwardedProto).is_none() {
            field(out, "X-Forwarded-Proto", self.scheme.name());
        }
    }

    fn element(&self, out: &mut Vec<u8>, host: &[u8]) {
        let (open, close): (&[u8], &[u8]) = match self.address {
            IpAddr::V4(_) => (b"for=", b";proto="),
            IpAddr::V6(_) => (b"for=\"[", b"]\";proto="),
        };
        out.extend_from_slice(open);
        write_address(out, self.address);
        out.extend_from_slice(close);
        out.extend_from_slice(self.scheme.name());
        if !host.is_empty() {
            out.extend_from_slice(b";host=");
            quote_into(out, host);
        }
    }
}

impl Scheme {
    fn name(self) -> &'static [u8] {
        match self {
            Scheme::Http => b"http",
            Scheme::Https => b"https",
        }
    }
}

fn write_address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            let mut digits = itoa::Buffer::new();
            for (index, byte) in address.octets().into_iter().enumerate() {
                if index > 0 {
                    out.push(b'.');
                }
                out.extend_from_slice(digits.format(byte).as_bytes());
            }
        }
        IpAddr::V6(address) => out.extend_from_slice(address.to_string().as_bytes()),
    }
}

/// What came of a kind, as one list that another element may follow.
fn said(out: &mut Vec<u8>, fields: &Fields<'_, '_>, kind: Kind) {
    for Field { value, .. } in fields.iter().filter(|field| field.kind == kind && !field.value.is_empty()) {
        out.extend_from_slice(value);
        out.extend_from_slice(b", ");
    }
}

/// Writes a token as it is and anything else as a quoted string.
fn quote_into(text: &mut Vec<u8>, value: &[u8]) {
    let is_token_byte = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    if value.iter().all(is_token_byte) {
        text.extend_from_slice(value);
        return;
    }
    text.push(b'"');
    for byte in value {
        if matches!(byte, b'"' | b'\\') {
            text.push(b'\\');
        }
        text.push(*byte);
    }
    text.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h1::{Limits, Slots, parse_request};

    fn written(address: &str, trusted: bool, request: &str) -> String {
        let mut slots = Slots::new();
        let limits = Limits { head_bytes_max: 16384, fields_max: 100 };
        let request = parse_request(request.as_bytes(), limits, &mut slots).unwrap().unwrap();
        let mut forwarder = Forwarder::new(Forwarding::ALL, address.parse().unwrap(), trusted, Scheme::Http);
        let mut out = Vec::new();
        for each in request.fields.iter().filter(|each| forwarder.passes(each.kind)) {
            field(&mut out, each.name, each.value);
        }
        forwarder.write(&mut out, request.host, &request.fields);
        String::from_utf8(out).unwrap()
    }

    fn forwarded(address: &str, host: &str) -> String {
        let text = written(address, false, &format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        let line = text.lines().find_map(|line| line.strip_prefix("Forwarded: "));
        line.unwrap().to_owned()
    }

    #[test]
    fn quotes_what_is_not_a_token() {
        assert_eq!(forwarded("192.0.2.1", "a.example"), "for=192.0.2.1;proto=http;host=a.example");
        assert_eq!(forwarded("2001:db8::1", "a:80"), "for=\"[2001:db8::1]\";proto=http;host=\"a:80\"");
        assert_eq!(forwarded("::ffff:192.0.2.1", "a"), "for=192.0.2.1;proto=http;host=a");
    }

    #[test]
    fn a_new_host_on_the_same_connection_is_written_anew() {
        let mut forwarder =
            Forwarder::new(Forwarding::ALL, "192.0.2.1".parse().unwrap(), false, Scheme::Http);
        for host in ["a", "b", "b"] {
            let text = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
            let mut slots = Slots::new();
            let limits = Limits { head_bytes_max: 16384, fields_max: 100 };
            let request = parse_request(text.as_bytes(), limits, &mut slots).unwrap().unwrap();
            let mut out = Vec::new();
            forwarder.write(&mut out, request.host, &request.fields);
            let out = String::from_utf8(out).unwrap();
            assert!(out.contains(&format!("X-Forwarded-Host: {host}\r\n")), "{out}");
            assert!(out.contains(&format!("host={host}\r\n")), "{out}");
        }
    }

    const SAID: &str = "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 198.51.100.1\r\nForwarded: for=198.51.100.1\r\n\
                        X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n\r\n";

    #[test]
    fn what_a_stranger_says_is_replaced() {
        let text = written("192.0.2.1", false, SAID);
        assert!(!text.contains("198.51.100.1") && !text.contains("https"), "{text}");
        assert!(text.contains("X-Forwarded-For: 192.0.2.1\r\n"), "{text}");
    }

    #[test]
    fn a_trusted_proxys_word_is_kept_and_this_hop_added() {
        let text = written("192.0.2.1", true, SAID);
        assert!(text.contains("X-Forwarded-For: 198.51.100.1, 203.0.113.9, 192.0.2.1\r\n"), "{text}");
        assert!(text.contains("Forwarded: for=198.51.100.1, for=192.0.2.1;proto=http;host=a\r\n"), "{text}");
        assert_eq!(text.matches("X-Forwarded-Proto").count(), 1);
        assert!(text.contains("X-Forwarded-Proto: https\r\n"), "{text}");
    }
}
