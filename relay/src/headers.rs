//! What a relay writes into heads: for whom the request is, which way it came, who served.

mod forwarding;
mod trusted;

pub use forwarding::Forwarding;
pub(crate) use forwarding::{Forwarder, Scheme};
pub use trusted::TrustedProxies;

/// Proves to a node that the sender holds its lease.
pub(crate) const TOKEN: &str = "X-Accordion-Token";

/// Writes one field.
pub(crate) fn field(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}
