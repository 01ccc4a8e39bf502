//! The head of a service's answer, rendered for the client.

use super::fault::Fault;
use super::order::{Order, Upgrade};
use crate::connection::Conn;
use crate::dispatch::Failure;
use crate::h1::{Field, Framing, Kind, Response};
use crate::headers::field;
use crate::metrics::listed_reason;
use crate::refusal;
use crate::retry::Ending;
use crate::upstream::Upstream;

/// What becomes of both connections after an answer, decided when its head is here.
pub(super) struct Manner {
    pub(super) framing: Framing,
    /// A body that ends with its connection goes to the client in chunks.
    pub(super) in_chunks: bool,
    pub(super) keeps_client: bool,
}

/// The status of an answer that switches protocols.
pub(super) const SWITCHING_PROTOCOLS: u16 = 101;

/// Whether an answer is one of the service, to be passed on. It is not when it is a node's word that its
/// service gave none, and when it switches protocols though nobody asked.
pub(super) fn inspect(
    response: &Response<'_, '_>,
    order: &Order,
    upstream: &Upstream,
) -> Result<(), Box<Fault>> {
    if response.status == SWITCHING_PROTOCOLS && (order.upgrade == Upgrade::No || response.upgrade.is_none())
    {
        return Err(Fault::new(Ending::Begun, Failure::Truncated, refusal::BAD_RESPONSE));
    }
    if !upstream.may_refuse() {
        return Ok(());
    }
    match response.status {
        // The second one: it does not know the token, as after a restart.
        503 | 403 if response.fields.get(Kind::Refused).is_some() => {
            Err(Fault::new(Ending::Refused, Failure::Refused, refusal::NO_UPSTREAM))
        }
        502 if response.fields.get(Kind::Lost).is_some() => {
            Err(Fault::new(Ending::NoAnswer, Failure::Closed, refusal::UPSTREAM_CLOSED))
        }
        _ => Ok(()),
    }
}

/// Why a node gave this answer itself, where it is the node's and not its service's.
pub(super) fn node_reason(response: &Response<'_, '_>, upstream: &Upstream) -> Option<&'static str> {
    let reason = response.fields.get(Kind::Reason).filter(|_| upstream.may_refuse());
    reason.map(listed_reason)
}

/// How the answer goes on to the client.
pub(super) fn manner(response: &Response<'_, '_>, order: &Order, conn: &Conn, all_sent: bool) -> Manner {
    let has_end = match response.framing {
        Framing::None | Framing::Length(_) => true,
        Framing::Chunked | Framing::Close => !order.is_http_10,
    };
    Manner {
        framing: response.framing,
        in_chunks: response.framing == Framing::Close && !order.is_http_10,
        keeps_client: has_end && all_sent && order.keep_alive && !conn.client.is_leaving(),
    }
}

/// Writes the head of a last answer.
pub(super) fn write(
    out: &mut Vec<u8>,
    response: &Response<'_, '_>,
    manner: &Manner,
    order: &Order,
    conn: &Conn,
    upstream: &Upstream,
) {
    let settings = conn.client.worker().settings();
    status_line(out, response);
    let names_server = settings.front && settings.served_by;
    for Field { kind, name, value } in response.fields.iter() {
        let passes = match kind {
            // A service must not be able to speak for Accordion; its nodes may.
            Kind::ServedBy => upstream.may_refuse() && !names_server,
            Kind::Token => false,
            kind if kind.is_mark() => upstream.may_refuse(),
            kind => kind.passes(),
        };
        if passes {
            field(out, name, value);
        }
    }
    if manner.in_chunks || manner.framing == Framing::Chunked && !order.is_http_10 {
        out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
    }
    if settings.front && settings.forwarding.via {
        out.extend_from_slice(b"Via: 1.1 accordion\r\n");
    }
    if names_server {
        field(out, "X-Accordion-Served-By", upstream.served_by().unwrap_or_default());
    }
    match response.upgrade {
        Some(protocol) if response.status == SWITCHING_PROTOCOLS => {
            out.extend_from_slice(b"Connection: upgrade\r\n");
            field(out, "Upgrade", protocol);
        }
        _ if !manner.keeps_client => out.extend_from_slice(b"Connection: close\r\n"),
        _ if order.is_http_10 => out.extend_from_slice(b"Connection: keep-alive\r\n"),
        _ => (),
    }
    out.extend_from_slice(b"\r\n");
}

/// Writes an answer that is only information, such as 103 (RFC 8297).
pub(super) fn write_informational(out: &mut Vec<u8>, response: &Response<'_, '_>) {
    status_line(out, response);
    for Field { kind, name, value } in response.fields.iter() {
        if matches!(kind, Kind::Other | Kind::Via | Kind::Date | Kind::Server) {
            field(out, name, value);
        }
    }
    out.extend_from_slice(b"\r\n");
}

fn status_line(out: &mut Vec<u8>, response: &Response<'_, '_>) {
    out.extend_from_slice(b"HTTP/1.1 ");
    let status = response.status;
    let digits = [status / 100, status / 10 % 10, status % 10].map(|digit| b'0' + digit as u8);
    out.extend_from_slice(&digits);
    out.push(b' ');
    out.extend_from_slice(response.reason);
    out.extend_from_slice(b"\r\n");
}
