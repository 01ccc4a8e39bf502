//! What a relay does to headers: hop-by-hop ones end here, and at the front it is written down for whom
//! the request is.

mod forwarding;
mod hop;

use http::Version;
use http::header::{CONNECTION, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING, UPGRADE, VIA};

pub(crate) use forwarding::Forwarding;
pub(crate) use hop::remove_hop_by_hop;

use crate::refusal::{LOST, REASON, REFUSED};
use crate::upstream::Upstream;

/// Proves to a node that the sender holds its lease.
pub(crate) const TOKEN: HeaderName = HeaderName::from_static("x-accordion-token");
const SERVED_BY: HeaderName = HeaderName::from_static("x-accordion-served-by");

/// Says that the message came this way. It names the version the message was received in.
pub(crate) fn append_via(headers: &mut HeaderMap, version: Version) {
    let via = if version == Version::HTTP_10 { "1.0 accordion" } else { "1.1 accordion" };
    headers.append(VIA, HeaderValue::from_static(via));
}

/// Writes the token for this attempt's upstream, or takes out that of the attempt before.
pub(crate) fn set_token(headers: &mut HeaderMap, upstream: &Upstream) {
    match upstream.token() {
        Some(token) => {
            headers.insert(TOKEN, token.clone());
        }
        None => {
            headers.remove(TOKEN);
        }
    }
}

/// Names who served.
pub(crate) fn set_served_by(headers: &mut HeaderMap, upstream: &Upstream) {
    if let Some(name) = upstream.served_by() {
        headers.insert(SERVED_BY, name.clone());
    }
}

/// A service must not be able to speak for Accordion.
pub(crate) fn remove_marks(headers: &mut HeaderMap) {
    for name in [REFUSED, LOST, REASON, SERVED_BY] {
        headers.remove(name);
    }
}

/// Says that the service took the request and was gone without an answer.
pub(crate) fn set_lost(headers: &mut HeaderMap, reason: &'static str) {
    headers.insert(LOST, HeaderValue::from_static(reason));
}

/// A body of unknown length goes in chunks. The codec would do so by itself, but for the methods that
/// seldom have a body: theirs it would leave out.
pub(crate) fn set_chunked(headers: &mut HeaderMap) {
    headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
}

/// Takes back an offer to switch protocols that is not to be taken up.
pub(crate) fn remove_upgrade(headers: &mut HeaderMap) {
    headers.remove(CONNECTION);
    headers.remove(UPGRADE);
}

pub(crate) fn set_close(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
}
