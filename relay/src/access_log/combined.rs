//! The line of [`Format::Combined`](super::Format::Combined), and its line for lost lines.

use std::io::Write;
use std::net::IpAddr;

use super::clock::Clock;
use super::escape;
use super::record::{
    METHOD_BYTES_MAX, REFERER_BYTES_MAX, Record, TARGET_BYTES_MAX, USER_AGENT_BYTES_MAX, WORD_BYTES_MAX,
};

/// Writes the line of one request.
pub(super) fn write(out: &mut Vec<u8>, record: &Record<'_>, clock: &Clock) {
    address(out, record.client);
    out.extend_from_slice(b" - - ");
    out.extend_from_slice(clock.common());
    out.extend_from_slice(b" \"");
    request_line(out, record);
    out.extend_from_slice(b"\" ");
    status(out, record.status);
    out.push(b' ');
    if record.response_bytes == 0 {
        out.push(b'-');
    } else {
        number(out, record.response_bytes);
    }
    out.extend_from_slice(b" \"");
    escape::quoted(out, record.referer.unwrap_or(b"-"), REFERER_BYTES_MAX);
    out.extend_from_slice(b"\" \"");
    escape::quoted(out, record.user_agent.unwrap_or(b"-"), USER_AGENT_BYTES_MAX);
    out.extend_from_slice(b"\" ");
    escape::bare(out, record.served_by.as_bytes(), WORD_BYTES_MAX);
    out.push(b' ');
    number(out, u64::from(record.retries));
    let times = record.times;
    for (before, time) in [
        (b' ', times.head),
        (b'/', times.queue),
        (b'/', times.connect),
        (b'/', times.first_byte),
        (b'/', times.total),
    ] {
        out.push(before);
        number(out, time);
    }
    out.push(b' ');
    out.extend_from_slice(record.ended.word().as_bytes());
    if let Some(reason) = record.ended.reason() {
        out.push(b':');
        escape::bare(out, reason.as_bytes(), WORD_BYTES_MAX);
    }
    out.push(b'\n');
}

/// A comment, which readers of this format skip (GoAccess and AWStats do).
pub(super) fn write_lost(out: &mut Vec<u8>, lines: u64, clock: &Clock) {
    out.extend_from_slice(b"# ");
    number(out, lines);
    out.extend_from_slice(b" lines lost ");
    out.extend_from_slice(clock.common());
    out.push(b'\n');
}

/// An address as people write it: one of IPv4 that came in through IPv6 as IPv4.
pub(super) fn address(out: &mut Vec<u8>, address: IpAddr) {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            number(out, u64::from(a));
            for octet in [b, c, d] {
                out.push(b'.');
                number(out, u64::from(octet));
            }
        }
        // Writing into a Vec cannot fail.
        IpAddr::V6(address) => drop(write!(out, "{address}")),
    }
}

/// A number in decimal.
pub(super) fn number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn request_line(out: &mut Vec<u8>, record: &Record<'_>) {
    if record.method.is_empty() {
        // As Apache has it where no request line came.
        return out.push(b'-');
    }
    escape::quoted(out, record.method, METHOD_BYTES_MAX);
    out.push(b' ');
    escape::quoted(out, record.target, TARGET_BYTES_MAX);
    out.push(b' ');
    escape::quoted(out, record.version.as_bytes(), WORD_BYTES_MAX);
}

fn status(out: &mut Vec<u8>, status: u16) {
    if status == 0 {
        out.extend_from_slice(b"000");
    } else {
        number(out, u64::from(status));
    }
}
