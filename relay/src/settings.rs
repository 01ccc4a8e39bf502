//! What a relay is told once, at its start.

use std::time::Duration;

/// How a relay treats connections and requests.
///
/// Times on the client's side and the first-byte timeout are enforced by a sweep, so that they cost a
/// request nothing: each may come later by up to two sweeps, never earlier. A sweep runs every second,
/// or every eighth of the shortest of those times where that is less.
#[derive(Debug, Clone)]
pub struct Settings {
    /// True at the place clients reach: `Forwarded` and `X-Forwarded-*` are written (what the client sent is
    /// replaced) and `Via` is appended. False behind it: those headers pass as they are.
    pub front: bool,
    /// Whether answers name the upstream in `x-accordion-served-by`.
    pub served_by: bool,
    /// From the start of a connect to an upstream to its end.
    pub connect_timeout: Duration,
    /// From the sending of a request to the head of its answer.
    pub first_byte_timeout: Duration,
    /// From the first byte of a request's head to its last; also from accept to the first request.
    pub head_timeout: Duration,
    /// How long a client's connection may rest between two requests.
    pub keep_alive_idle: Duration,
    /// How long an upstream connection may rest. It must be less than what the service allows, because a
    /// request that meets the service's close on its way is lost, and only a safe one is repeated.
    /// Node and Apache allow 5 s, gunicorn 2 s.
    pub upstream_idle: Duration,
    /// A request younger than this is never long-lived.
    pub long_lived_after: Duration,
    /// An older one is long-lived while no byte has moved for this long.
    pub long_lived_quiet: Duration,
    /// What a long-lived request counts in [`Upstream::load`](crate::Upstream::load), 0 to 1.
    pub long_lived_weight: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            front: true,
            served_by: true,
            connect_timeout: Duration::from_secs(2),
            first_byte_timeout: Duration::from_secs(60),
            head_timeout: Duration::from_secs(10),
            keep_alive_idle: Duration::from_secs(60),
            upstream_idle: Duration::from_secs(4),
            long_lived_after: Duration::from_secs(10),
            long_lived_quiet: Duration::from_secs(1),
            long_lived_weight: 0.1,
        }
    }
}

impl Settings {
    /// How often the sweep runs: every second unless a shorter time needs it oftener.
    pub(crate) fn sweep_every(&self) -> Duration {
        let shortest = [
            self.first_byte_timeout,
            self.head_timeout,
            self.keep_alive_idle,
            self.upstream_idle,
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resting_connection_ends_before_node_and_apache_end_it() {
        let settings = Settings::default();
        assert!(settings.upstream_idle + 2 * settings.sweep_every() <= Duration::from_secs(5));
    }
}
