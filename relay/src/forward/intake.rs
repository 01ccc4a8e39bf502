//! A request's head on its way upstream: judged, and rendered for the next hop.

use super::order::{Method, Order, Upgrade};
use crate::h1::{self, Fault, Framing, Kind, Request, Slots, Version};
use crate::headers::field;
use crate::live::{Arrival, Client};

/// Takes in the head at the start of `bytes` and answers its length; none while it is not whole.
pub(crate) fn take_in(order: &mut Order, bytes: &[u8], client: &Client) -> Result<Option<usize>, Fault> {
    let settings = client.worker().settings();
    let mut slots = Slots::new();
    let Some(request) = h1::parse_request(bytes, settings.head_limits(), &mut slots)? else {
        return Ok(None);
    };
    order.clear();
    order.method = Method::of(request.method);
    order.upgrade = upgrade_of(&request);
    order.keep_alive = request.keep_alive;
    order.is_http_10 = request.version == Version::Http10;
    order.expects_continue = request.expects_continue;
    order.set_body(request.framing);
    if let Some(token) = request.fields.get(Kind::Token) {
        order.keep_token(token);
    }
    if settings.access_log.is_some() {
        let fields = &request.fields;
        order.notes.keep(request.host, fields.get(Kind::Referer), fields.get(Kind::UserAgent));
    }
    let out = order.begin(request.method);
    request.target.write(out);
    render(order.end_target(), &request, client);
    order.end_head();
    order.head_bytes = request.head_bytes;
    Ok(Some(request.head_bytes))
}

fn render(out: &mut Vec<u8>, request: &Request<'_, '_>, client: &Client) {
    let is_front = client.worker().settings().front;
    // First, as RFC 9110 section 7.2 asks; an HTTP/1.0 request without one gets an empty one.
    field(out, "Host", request.host);
    let mut forwarder = client.forwarder.borrow_mut();
    for each in request.fields.iter() {
        let passes = match each.kind {
            Kind::Host => false,
            // Never anybody else's: the next hop's own token is written for each attempt.
            Kind::Token => false,
            Kind::Other if is_settings_of_h2c(each.name) => false,
            kind => kind.passes() && (!is_front || forwarder.passes(kind)),
        };
        if passes {
            field(out, each.name, each.value);
        }
    }
    if request.framing == Framing::Chunked {
        out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
    }
    if is_front {
        forwarder.write(out, request.host, &request.fields);
        if client.worker().settings().forwarding.via {
            out.extend_from_slice(via(request.version, client.arrival()));
        }
    }
    connection(out, request);
}

/// The options of this hop: an upgrade, and that trailers are welcome.
fn connection(out: &mut Vec<u8>, request: &Request<'_, '_>) {
    match (wanted_upgrade(request), request.accepts_trailers) {
        (Some(protocol), _) => {
            out.extend_from_slice(b"Connection: upgrade\r\n");
            field(out, "Upgrade", protocol);
        }
        (None, true) => out.extend_from_slice(b"TE: trailers\r\nConnection: TE\r\n"),
        (None, false) => (),
    }
}

/// What the connection is to become. Not HTTP/2: RFC 9113 has taken that upgrade out, and through a tunnel of
/// it requests would go past everything that is looked at here.
fn wanted_upgrade<'b>(request: &Request<'_, 'b>) -> Option<&'b [u8]> {
    let is_h2c = |protocol: &[u8]| protocol.trim_ascii().eq_ignore_ascii_case(b"h2c");
    request.upgrade.filter(|protocols| !protocols.split(|byte| *byte == b',').any(is_h2c))
}

fn is_settings_of_h2c(name: &str) -> bool {
    const NAME: &str = "http2-settings";
    name.len() == NAME.len() && name.eq_ignore_ascii_case(NAME)
}

fn upgrade_of(request: &Request<'_, '_>) -> Upgrade {
    match wanted_upgrade(request) {
        None => Upgrade::No,
        Some(protocol) if protocol.eq_ignore_ascii_case(b"websocket") => Upgrade::WebSocket,
        Some(_) => Upgrade::Other,
    }
}

/// The line names the version that the request was received in (RFC 9110, section 7.6.3).
fn via(version: Version, arrival: Arrival) -> &'static [u8] {
    match (arrival, version) {
        (Arrival::Stream, _) => b"Via: 2.0 accordion\r\n",
        (Arrival::Connection, Version::Http11) => b"Via: 1.1 accordion\r\n",
        (Arrival::Connection, Version::Http10) => b"Via: 1.0 accordion\r\n",
    }
}
