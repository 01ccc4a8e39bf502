//! Whose word about a client is believed.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

type Trusts = dyn Fn(IpAddr) -> bool + Send + Sync;

/// The proxies in front of this one whose `Forwarded`, `X-Forwarded-*` and PROXY headers are believed.
#[derive(Clone, Default)]
pub struct TrustedProxies(Option<Arc<Trusts>>);

impl TrustedProxies {
    /// Those that `trusts` says so of.
    pub fn new(trusts: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> TrustedProxies {
        TrustedProxies(Some(Arc::new(trusts)))
    }

    /// Whether nobody is trusted.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn trust(&self, address: IpAddr) -> bool {
        self.0.as_ref().is_some_and(|trusts| trusts(address.to_canonical()))
    }
}

impl fmt::Debug for TrustedProxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "TrustedProxies(none)" } else { "TrustedProxies(..)" })
    }
}
