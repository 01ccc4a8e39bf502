//! Hop-by-hop headers, RFC 9110 section 7.6.1: those that belong to one connection, and those a
//! `Connection` header names.

use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRANSFER_ENCODING,
    UPGRADE,
};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// What the removed headers said.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hops {
    /// `Connection: upgrade` with an `Upgrade`; both are left in place.
    pub(crate) upgrade: bool,
    /// A transfer coding other than exactly one `chunked`.
    pub(crate) unknown_coding: bool,
    /// The sender waits for a word before it sends the body.
    pub(crate) expect: bool,
    /// Headers of Accordion's own, which are left in place.
    pub(crate) marks: bool,
}

/// Which of them a message has. One pass over the names is cheaper than a lookup for each.
#[derive(Default)]
struct Present {
    connection: bool,
    keep_alive: bool,
    proxy_connection: bool,
    te: bool,
    transfer_encoding: bool,
    upgrade: bool,
    expect: bool,
    marks: bool,
}

/// Removes what must not pass on. `Expect: 100-continue` goes too: the codec on this side answers it. So
/// does a `Content-Length` beside a transfer coding, which overrides it (RFC 9112, section 6.3).
pub(crate) fn remove_hop_by_hop(headers: &mut HeaderMap) -> Hops {
    let present = Present::of(headers);
    let mut hops = Hops { expect: present.expect, marks: present.marks, ..Hops::default() };
    if present.connection {
        let named_upgrade = remove_named(headers);
        headers.remove(CONNECTION);
        hops.upgrade = named_upgrade && present.upgrade;
    }
    if hops.upgrade {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    } else if present.upgrade {
        headers.remove(UPGRADE);
    }
    if present.transfer_encoding {
        hops.unknown_coding = !is_chunked_alone(headers);
        headers.remove(TRANSFER_ENCODING);
        headers.remove(CONTENT_LENGTH);
    }
    for (is_present, name) in [
        (present.keep_alive, KEEP_ALIVE),
        (present.proxy_connection, PROXY_CONNECTION),
        (present.te, TE),
        (present.expect, EXPECT),
    ] {
        if is_present {
            headers.remove(name);
        }
    }
    hops
}

impl Present {
    fn of(headers: &HeaderMap) -> Present {
        let mut present = Present::default();
        for name in headers.keys() {
            match name.as_str() {
                "connection" => present.connection = true,
                "keep-alive" => present.keep_alive = true,
                "proxy-connection" => present.proxy_connection = true,
                "te" => present.te = true,
                "transfer-encoding" => present.transfer_encoding = true,
                "upgrade" => present.upgrade = true,
                "expect" => present.expect = true,
                name if name.starts_with("x-accordion-") => present.marks = true,
                _ => (),
            }
        }
        present
    }
}

/// Removes the headers that `Connection` names; true when it names `upgrade`. Names without which a
/// message would change its meaning stay: naming them is an attack, not a wish.
fn remove_named(headers: &mut HeaderMap) -> bool {
    let mut upgrade = false;
    let mut named: Vec<HeaderName> = Vec::new();
    for value in headers.get_all(CONNECTION) {
        for token in value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if token.eq_ignore_ascii_case(b"upgrade") {
                upgrade = true;
            } else if !token.eq_ignore_ascii_case(b"close")
                && !token.eq_ignore_ascii_case(b"keep-alive")
                && let Ok(name) = HeaderName::from_bytes(token)
                && ![CONTENT_LENGTH, HOST, TRANSFER_ENCODING].contains(&name)
            {
                named.push(name);
            }
        }
    }
    for name in named {
        headers.remove(name);
    }
    upgrade
}

fn is_chunked_alone(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let first = codings.next().is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"chunked"));
    first && codings.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn removes_the_listed_ones_and_those_connection_names() {
        let mut headers = map(&[
            ("connection", "close, X-Mine"),
            ("connection", "x-other"),
            ("x-mine", "1"),
            ("x-other", "2"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "keep-alive"),
            ("te", "trailers"),
            ("upgrade", "h2c"),
            ("expect", "100-continue"),
            ("accept", "*/*"),
        ]);
        assert_eq!(remove_hop_by_hop(&mut headers), Hops { expect: true, ..Hops::default() });
        assert_eq!(headers, map(&[("accept", "*/*")]));
    }

    #[test]
    fn an_upgrade_keeps_both_its_headers_and_no_other_option() {
        let mut headers =
            map(&[("connection", "keep-alive, Upgrade"), ("upgrade", "websocket"), ("keep-alive", "1")]);
        assert!(remove_hop_by_hop(&mut headers).upgrade);
        assert_eq!(headers, map(&[("connection", "upgrade"), ("upgrade", "websocket")]));
    }

    #[test]
    fn connection_cannot_remove_host_or_framing() {
        let mut headers =
            map(&[("connection", "host, content-length"), ("host", "a"), ("content-length", "3")]);
        remove_hop_by_hop(&mut headers);
        assert_eq!(headers, map(&[("host", "a"), ("content-length", "3")]));
    }

    #[test]
    fn a_transfer_coding_overrides_a_length() {
        let mut headers = map(&[("content-length", "3"), ("transfer-encoding", "chunked"), ("host", "a")]);
        remove_hop_by_hop(&mut headers);
        assert_eq!(headers, map(&[("host", "a")]));
    }

    #[test]
    fn a_coding_other_than_chunked_is_told() {
        assert!(!remove_hop_by_hop(&mut map(&[("transfer-encoding", "Chunked")])).unknown_coding);
        assert!(remove_hop_by_hop(&mut map(&[("transfer-encoding", "gzip, chunked")])).unknown_coding);
        let twice = &mut map(&[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")]);
        assert!(remove_hop_by_hop(twice).unknown_coding);
    }
}
