//! The line of [`Format::Json`](super::Format::Json), and its line for lost lines.

use super::clock::Clock;
use super::combined::{address, number};
use super::escape;
use super::record::{
    HOST_BYTES_MAX, METHOD_BYTES_MAX, REFERER_BYTES_MAX, Record, TARGET_BYTES_MAX, USER_AGENT_BYTES_MAX,
    WORD_BYTES_MAX,
};

/// Writes the line of one request.
pub(super) fn write(out: &mut Vec<u8>, record: &Record<'_>, clock: &Clock) {
    out.extend_from_slice(br#"{"time":""#);
    out.extend_from_slice(&clock.rfc_3339());
    out.extend_from_slice(br#"","client":""#);
    address(out, record.client);
    out.push(b'"');
    let has_line = !record.method.is_empty();
    text(out, br#","method":"#, has_line.then_some(record.method), METHOD_BYTES_MAX);
    text(out, br#","target":"#, has_line.then_some(record.target), TARGET_BYTES_MAX);
    text(out, br#","version":"#, has_line.then_some(record.version.as_bytes()), WORD_BYTES_MAX);
    text(out, br#","host":"#, record.host, HOST_BYTES_MAX);
    text(out, br#","referer":"#, record.referer, REFERER_BYTES_MAX);
    text(out, br#","user_agent":"#, record.user_agent, USER_AGENT_BYTES_MAX);
    whole(out, br#","status":"#, u64::from(record.status));
    whole(out, br#","request_bytes":"#, record.request_bytes);
    whole(out, br#","response_bytes":"#, record.response_bytes);
    let served_by = (record.served_by != "-").then_some(record.served_by.as_bytes());
    text(out, br#","served_by":"#, served_by, WORD_BYTES_MAX);
    whole(out, br#","retries":"#, u64::from(record.retries));
    whole(out, br#","head_us":"#, record.times.head);
    whole(out, br#","queue_us":"#, record.times.queue);
    whole(out, br#","connect_us":"#, record.times.connect);
    whole(out, br#","first_byte_us":"#, record.times.first_byte);
    whole(out, br#","total_us":"#, record.times.total);
    text(out, br#","ended":"#, Some(record.ended.word().as_bytes()), WORD_BYTES_MAX);
    text(out, br#","reason":"#, record.ended.reason().map(str::as_bytes), WORD_BYTES_MAX);
    out.extend_from_slice(b"}\n");
}

/// An object of its own kind.
pub(super) fn write_lost(out: &mut Vec<u8>, lines: u64, clock: &Clock) {
    out.extend_from_slice(br#"{"time":""#);
    out.extend_from_slice(&clock.rfc_3339());
    whole(out, br#"","lost_lines":"#, lines);
    out.extend_from_slice(b"}\n");
}

fn text(out: &mut Vec<u8>, key: &[u8], value: Option<&[u8]>, bytes_max: usize) {
    out.extend_from_slice(key);
    match value {
        Some(value) => {
            out.push(b'"');
            escape::json(out, value, bytes_max);
            out.push(b'"');
        }
        None => out.extend_from_slice(b"null"),
    }
}

fn whole(out: &mut Vec<u8>, key: &[u8], value: u64) {
    out.extend_from_slice(key);
    number(out, value);
}
