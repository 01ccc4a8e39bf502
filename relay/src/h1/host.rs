//! The `Host` field's grammar (RFC 9110, section 7.2): uri-host [ ":" port ].

use std::net::Ipv6Addr;

use super::grammar::is_reg_name;

/// Whether it names a host. The empty one does not: an `http` URI has none such (RFC 9110, section 4.2.1).
pub(super) fn is_valid(host: &[u8]) -> bool {
    if let Some(literal) = host.strip_prefix(b"[") {
        let Some(end) = memchr::memchr(b']', literal) else { return false };
        let address = str::from_utf8(&literal[..end]).ok().and_then(|text| text.parse::<Ipv6Addr>().ok());
        return address.is_some() && is_port(&literal[end + 1..]);
    }
    let end = memchr::memchr(b':', host).unwrap_or(host.len());
    is_name(&host[..end]) && is_port(&host[end..])
}

/// RFC 3986, section 3.2.2: reg-name, of which a dotted IPv4 address is one; not empty.
fn is_name(name: &[u8]) -> bool {
    if !name.is_empty() && name.iter().all(|byte| is_reg_name(*byte)) {
        return true;
    }
    let mut rest = name;
    loop {
        rest = match rest {
            [] => return !name.is_empty(),
            [b'%', high, low, rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => rest,
            [byte, rest @ ..] if is_reg_name(*byte) => rest,
            _ => return false,
        }
    }
}

/// Nothing, or a colon and a port. The port may be empty (RFC 3986, section 3.2.3).
fn is_port(text: &[u8]) -> bool {
    match text {
        [] => true,
        [b':', digits @ ..] => {
            let value = |value: u32, digit: &u8| value * 10 + u32::from(digit - b'0');
            digits.len() <= 5
                && digits.iter().all(u8::is_ascii_digit)
                && digits.iter().fold(0, value) <= u32::from(u16::MAX)
        }
        _ => false,
    }
}
