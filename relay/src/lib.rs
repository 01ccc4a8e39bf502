//! The HTTP data plane: accept, forward, pool, count, drain.
//!
//! Knows HTTP and nothing of clusters: where a request goes is asked of a [`Dispatch`], once per
//! attempt. Bodies stream both ways and are never buffered whole. Nothing of the HTTP library below
//! shows in the public interface, so that it can be replaced.

pub mod access_log;
mod buffer;
mod connection;
mod dispatch;
mod flow;
mod forward;
pub mod h1;
mod h2;
mod headers;
mod io;
mod live;
mod lookout;
pub mod metrics;
mod pool;
mod proxy_protocol;
mod refusal;
mod relay;
mod retry;
mod settings;
mod tls;
mod upstream;
mod worker;

pub use dispatch::{Dispatch, Failure, Head, Pick};
pub use headers::{Forwarding, TrustedProxies};
pub use refusal::Refusal;
pub use relay::{Counters, Drained, Relay, Secured};
pub use settings::Settings;
pub use tls::{FailedHandshake, HandshakeFault, TlsClient, TlsCounts, TlsServer};
pub use upstream::{InFlight, Protocol, Totals, Upstream, UpstreamSpec};
