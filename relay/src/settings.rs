//! What a relay goes by: told at its start, and again when it changes.

use std::time::Duration;

use crate::access_log::AccessLog;
use crate::h1;
use crate::headers::{Forwarding, TrustedProxies};

/// How a relay treats connections and requests.
///
/// Times, but for `connect_timeout`, are enforced by a sweep, so that they cost a request nothing: each may
/// come later by up to two sweeps, never earlier. A sweep runs every second, or every eighth of the shortest
/// of those times where that is less.
#[derive(Debug, Clone)]
pub struct Settings {
    /// True at the place clients reach: the fields of `forwarding` are written. False behind it: those that
    /// came pass as they are, and a lost service is told to the front instead of repeating the request.
    pub front: bool,
    /// Whether answers name the upstream in `x-accordion-served-by`.
    pub served_by: bool,
    /// Which fields the front writes.
    pub forwarding: Forwarding,
    /// Whose `X-Forwarded-*`, `Forwarded` and PROXY headers are believed.
    pub trusted_proxies: TrustedProxies,
    /// Whether each client connection must begin with a PROXY protocol header.
    pub proxy_protocol: bool,
    /// From the start of a connect to an upstream to its end.
    pub connect_timeout: Duration,
    /// From the last byte of a request to the first of its answer.
    pub first_byte_timeout: Duration,
    /// From the first byte of a request's head to its last; also from accept to the first request.
    pub head_timeout: Duration,
    /// How long a client may pause within the body of a request.
    pub body_idle_timeout: Duration,
    /// How long an upstream may pause within an answer.
    pub response_idle_timeout: Duration,
    /// How long a client's connection may rest between two requests.
    pub keep_alive_timeout: Duration,
    /// How long an upgraded connection may be quiet both ways.
    pub tunnel_idle_timeout: Duration,
    /// How long an upstream connection may rest. It must be less than what the service allows, because a
    /// request that meets the service's close on its way is lost, and only a safe one is repeated.
    /// Node and Apache allow 5 s, gunicorn 2 s.
    pub upstream_idle_timeout: Duration,
    /// Bytes that the head of a request may have, at most 16 KiB, and behind a front end 17 KiB: it adds some.
    pub head_bytes_max: usize,
    /// Fields that the head of a request may have, at most [`h1::FIELDS_MAX`].
    pub fields_max: usize,
    /// Bytes that the body of a request may have, without the framing of chunks.
    pub body_bytes_max: Option<u64>,
    /// Clients' connections at a time, over all workers.
    pub connections_max: usize,
    /// A request younger than this is never long-lived.
    pub long_lived_after: Duration,
    /// An older one is long-lived while no byte has moved for this long.
    pub long_lived_quiet: Duration,
    /// What a long-lived request counts in [`Upstream::load`](crate::Upstream::load), 0 to 1.
    pub long_lived_weight: f64,
    /// Where each request leaves a line.
    pub access_log: Option<AccessLog>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            front: true,
            served_by: true,
            forwarding: Forwarding::ALL,
            trusted_proxies: TrustedProxies::default(),
            proxy_protocol: false,
            connect_timeout: Duration::from_secs(2),
            first_byte_timeout: Duration::from_secs(60),
            head_timeout: Duration::from_secs(10),
            body_idle_timeout: Duration::from_secs(60),
            response_idle_timeout: Duration::from_secs(300),
            keep_alive_timeout: Duration::from_secs(60),
            tunnel_idle_timeout: Duration::from_secs(3600),
            upstream_idle_timeout: Duration::from_secs(4),
            head_bytes_max: crate::buffer::HEAD_BYTES_MAX,
            fields_max: 100,
            body_bytes_max: None,
            connections_max: usize::MAX,
            long_lived_after: Duration::from_secs(10),
            long_lived_quiet: Duration::from_secs(1),
            long_lived_weight: 0.1,
            access_log: None,
        }
    }
}

impl Settings {
    /// How often the sweep runs: every second unless a shorter time needs it oftener.
    pub(crate) fn sweep_every(&self) -> Duration {
        let shortest = [
            self.first_byte_timeout,
            self.head_timeout,
            self.body_idle_timeout,
            self.response_idle_timeout,
            self.keep_alive_timeout,
            self.tunnel_idle_timeout,
            self.upstream_idle_timeout,
            self.long_lived_after,
        ]
        .into_iter()
        .min()
        .expect("the array is not empty");
        (shortest / 8).clamp(Duration::from_millis(10), Duration::from_secs(1))
    }

    /// [`Settings::long_lived_weight`] in thousandths, the unit of the counters.
    pub(crate) fn long_lived_thousandths(&self) -> u32 {
        (self.long_lived_weight.clamp(0.0, 1.0) * 1000.0).round() as u32
    }

    /// What the head of a request may have.
    pub(crate) fn head_limits(&self) -> h1::Limits {
        h1::Limits {
            head_bytes_max: self.head_bytes_max.min(crate::buffer::ROOM),
            fields_max: self.fields_max.min(h1::FIELDS_MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resting_connection_ends_before_node_and_apache_end_it() {
        let settings = Settings::default();
        assert!(settings.upstream_idle_timeout + 2 * settings.sweep_every() <= Duration::from_secs(5));
    }
}
