//! What the service-manager says to Prometheus of itself: which service this is, its queue, its level.
//! What the relay counts is written by the relay.

use std::time::{SystemTime, UNIX_EPOCH};

use cluster::level::Level;
use relay::metrics::{Kind, Text};

/// The front end at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Front<'a> {
    /// The service's name.
    pub(crate) service: &'a str,
    /// Whether the daemon has been asked to end.
    pub(crate) is_draining: bool,
    /// The child_list in force.
    pub(crate) generation: u64,
    /// Its queue.
    pub(crate) queue: QueueRow,
    /// The service's level of load.
    pub(crate) level: Level,
    /// What a copy of speed 1 handles well, where that is learned or to be learned.
    pub(crate) learned_capacity: Option<f64>,
    /// Handshakes with nodes for requests, where there are any: with certificates, by a ticket, and in vain.
    pub(crate) node_handshakes: Option<(u64, u64, u64)>,
    /// When the first of the certificates ends that clients are shown.
    pub(crate) clients_certificate: Option<SystemTime>,
    /// When this front end's own ends, by which nodes know it.
    pub(crate) machine_certificate: Option<SystemTime>,
    /// Lines the access log dropped since the start.
    pub(crate) log_lines_dropped: u64,
}

/// The service's one queue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QueueRow {
    /// Requests that wait now.
    pub(crate) length: usize,
    /// How many may.
    pub(crate) max: usize,
}

impl Front<'_> {
    /// Writes its families.
    pub(crate) fn write(&self, text: &mut Text) {
        let version = env!("CARGO_PKG_VERSION");
        text.family("accordion_service_info", "Always 1: which service, which version.", Kind::Gauge)
            .sample(&[("service", self.service), ("version", version)], 1.0);
        let gauges = [
            ("accordion_draining", "1 when the daemon has been asked to end.", f64::from(self.is_draining)),
            ("accordion_child_list_generation", "The child_list in force.", self.generation as f64),
            ("accordion_queue_length", "Requests that wait for a place now.", self.queue.length as f64),
            ("accordion_queue_max", "How many requests may wait.", self.queue.max as f64),
        ];
        for (name, help, value) in gauges {
            text.family(name, help, Kind::Gauge).sample(&[], value);
        }
        let words = [Level::Low, Level::Medium, Level::High].map(word);
        text.family("accordion_level", "1 for the level of load the service is at.", Kind::Gauge).state(
            &[],
            "level",
            &words,
            word(self.level),
        );
        if let Some(capacity) = self.learned_capacity {
            let help = "Requests in flight that a copy of speed 1 handles well by capacity = \"auto\": as learned, or where that begins.";
            text.family("accordion_learned_capacity", help, Kind::Gauge).sample(&[], capacity);
        }
        if let Some((full, resumed, failed)) = self.node_handshakes {
            let help = "Handshakes of TLS with nodes for requests: full, resumed by a ticket, or failed.";
            let mut family = text.family("accordion_node_tls_handshakes_total", help, Kind::Counter);
            for (kind, count) in [("full", full), ("resumed", resumed), ("failed", failed)] {
                family.sample(&[("kind", kind)], count as f64);
            }
        }
        let help = "When a certificate ends, in seconds since 1970: the first that clients are shown, or the machine's own.";
        let mut family = text.family("accordion_certificate_expires_timestamp_seconds", help, Kind::Gauge);
        for (of, expires) in [("clients", self.clients_certificate), ("machine", self.machine_certificate)] {
            let Some(expires) = expires else { continue };
            let since = expires.duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
            family.sample(&[("of", of)], since);
        }
        let help = "Lines the access log dropped, because they could not be written fast enough.";
        text.family("accordion_access_log_dropped_lines_total", help, Kind::Counter)
            .sample(&[], self.log_lines_dropped as f64);
    }
}

/// Labels are written small.
const fn word(level: Level) -> &'static str {
    match level {
        Level::Low => "low",
        Level::Medium => "medium",
        Level::High => "high",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_front_end_tells_its_queue_and_its_level() {
        let front = Front {
            service: "shop",
            is_draining: false,
            generation: 7,
            queue: QueueRow { length: 3, max: 1000 },
            level: Level::High,
            learned_capacity: Some(14.5),
            node_handshakes: Some((3, 40, 1)),
            clients_certificate: Some(UNIX_EPOCH + Duration::from_secs(7)),
            machine_certificate: Some(UNIX_EPOCH + Duration::from_secs(8)),
            log_lines_dropped: 12,
        };
        let mut text = Text::new();
        front.write(&mut text);
        let text = text.finish();
        let samples: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let info =
            format!("accordion_service_info{{service=\"shop\",version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"));
        assert_eq!(
            samples,
            [
                info.as_str(),
                "accordion_draining 0",
                "accordion_child_list_generation 7",
                "accordion_queue_length 3",
                "accordion_queue_max 1000",
                "accordion_level{level=\"low\"} 0",
                "accordion_level{level=\"medium\"} 0",
                "accordion_level{level=\"high\"} 1",
                "accordion_learned_capacity 14.5",
                "accordion_node_tls_handshakes_total{kind=\"full\"} 3",
                "accordion_node_tls_handshakes_total{kind=\"resumed\"} 40",
                "accordion_node_tls_handshakes_total{kind=\"failed\"} 1",
                "accordion_certificate_expires_timestamp_seconds{of=\"clients\"} 7",
                "accordion_certificate_expires_timestamp_seconds{of=\"machine\"} 8",
                "accordion_access_log_dropped_lines_total 12",
            ]
        );
    }
}
