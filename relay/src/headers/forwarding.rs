//! `Forwarded` (RFC 7239) and `X-Forwarded-*`: for whom a request is, as the front saw it. What the client
//! sent of them is replaced, because nothing tells a trusted sender from any other.

use std::cell::RefCell;
use std::net::IpAddr;

use http::header::{FORWARDED, HOST, HeaderMap, HeaderName, HeaderValue};

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOST_ASKED: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The values for one client connection, rendered once: the address never changes, the host seldom.
pub(crate) struct Forwarding {
    address: IpAddr,
    rendered: RefCell<Option<Rendered>>,
}

struct Rendered {
    host: Option<HeaderValue>,
    forwarded: HeaderValue,
    x_for: HeaderValue,
}

impl Forwarding {
    pub(crate) fn new(address: IpAddr) -> Forwarding {
        Forwarding { address: address.to_canonical(), rendered: RefCell::new(None) }
    }

    /// Replaces the headers in a request.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let mut rendered = self.rendered.borrow_mut();
        let host = headers.get(HOST).filter(|host| !host.is_empty());
        if rendered.as_ref().is_none_or(|rendered| rendered.host.as_ref() != host) {
            *rendered = Some(self.render(host.cloned()));
        }
        let rendered = rendered.as_ref().expect("it was rendered just now");
        match &rendered.host {
            Some(host) => headers.insert(HOST_ASKED, host.clone()),
            None => headers.remove(HOST_ASKED),
        };
        headers.insert(FORWARDED, rendered.forwarded.clone());
        headers.insert(FOR, rendered.x_for.clone());
        headers.insert(PROTO, HeaderValue::from_static("http"));
    }

    fn render(&self, host: Option<HeaderValue>) -> Rendered {
        let mut forwarded = match self.address {
            IpAddr::V4(address) => format!("for={address};proto=http").into_bytes(),
            IpAddr::V6(address) => format!("for=\"[{address}]\";proto=http").into_bytes(),
        };
        if let Some(host) = &host {
            forwarded.extend_from_slice(b";host=");
            quote_into(&mut forwarded, host.as_bytes());
        }
        Rendered {
            host,
            forwarded: HeaderValue::from_maybe_shared(bytes::Bytes::from(forwarded))
                .expect("a header value with quotes and backslashes added stays one"),
            x_for: HeaderValue::from_str(&self.address.to_string()).expect("an address is visible ASCII"),
        }
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

    fn forwarded(address: &str, host: &'static str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static(host));
        Forwarding::new(address.parse().unwrap()).write(&mut headers);
        headers[FORWARDED].to_str().unwrap().to_owned()
    }

    #[test]
    fn quotes_what_is_not_a_token() {
        assert_eq!(forwarded("192.0.2.1", "a.example"), "for=192.0.2.1;proto=http;host=a.example");
        assert_eq!(forwarded("2001:db8::1", "a:80"), "for=\"[2001:db8::1]\";proto=http;host=\"a:80\"");
        assert_eq!(forwarded("::ffff:192.0.2.1", "a"), "for=192.0.2.1;proto=http;host=a");
        assert_eq!(forwarded("192.0.2.1", "a\"b\\"), "for=192.0.2.1;proto=http;host=\"a\\\"b\\\\\"");
    }

    #[test]
    fn a_new_host_on_the_same_connection_is_written_anew() {
        let forwarding = Forwarding::new("192.0.2.1".parse().unwrap());
        for host in ["a", "b"] {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static(host));
            forwarding.write(&mut headers);
            assert_eq!(headers[HOST_ASKED], host);
            assert!(headers[FORWARDED].to_str().unwrap().ends_with(&format!("host={host}")));
        }
    }

    #[test]
    fn what_the_client_sent_is_replaced() {
        let mut headers = HeaderMap::new();
        for name in [FOR, HOST_ASKED, PROTO, FORWARDED] {
            headers.append(&name, HeaderValue::from_static("forged"));
            headers.append(&name, HeaderValue::from_static("twice"));
        }
        Forwarding::new("192.0.2.1".parse().unwrap()).write(&mut headers);
        assert!(!format!("{headers:?}").contains("forged"));
        assert!(!format!("{headers:?}").contains("twice"));
        assert!(!headers.contains_key(HOST_ASKED));
    }
}
