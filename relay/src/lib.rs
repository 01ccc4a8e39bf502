//! The HTTP data plane: accept, forward, pool, count, drain.
//!
//! Knows HTTP/1.1 and nothing of clusters: where a request goes is asked of a [`Dispatch`], once per
//! attempt. Bodies stream both ways and are never buffered whole. Nothing of the HTTP library below
//! shows in the public interface, so that it can be replaced.

mod body;
mod connection;
mod dispatch;
mod forward;
mod headers;
mod live;
mod pool;
mod refusal;
mod relay;
mod replay;
mod retry;
mod settings;
mod stream;
mod upgrade;
mod upstream;
mod worker;

pub use dispatch::{Dispatch, Failure, Head, Pick};
pub use refusal::Refusal;
pub use relay::{Counters, Drained, Relay};
pub use settings::Settings;
pub use upstream::{InFlight, Totals, Upstream, UpstreamSpec};
