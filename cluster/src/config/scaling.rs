//! `[service.NAME.scaling]`: the numbers that the decisions go by, and their defaults.

use std::time::Duration;

/// Which rule decides (design section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// The paper's rule to the letter.
    Classic,
    /// Two windows, pending nodes counted as ordered, projection before a drain.
    Adaptive,
}

/// The numbers of design section 5, each a key under `[service.NAME.scaling]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Scaling {
    /// Default `Adaptive`.
    pub policy: Policy,
    /// Share of K that a copy should work at. Default 0.60.
    pub target: f64,
    /// Above this share of K a child is High. Default 0.75.
    pub high: f64,
    /// Below this share of K a child is Low; below `high` / 2. Default 0.35.
    pub low: f64,
    /// How often it decides. Default 1 s.
    pub tick: Duration,
    /// The window that sees a surge. Default 3 s.
    pub fast_window: Duration,
    /// The window that sees a trend. Default 30 s.
    pub slow_window: Duration,
    /// Ticks in a row that must be High before a node is ordered. Default 2.
    pub high_ticks: u32,
    /// At this many times `high` a node is ordered at once. Default 1.5.
    pub surge: f64,
    /// In how long the queue should be worked off. Default 10 s.
    pub queue_drain_time: Duration,
    /// Nodes that may be ordered per `add_period`, or `add_factor` times as many if that is more. Default 4.
    pub add_max: u32,
    /// See `add_max`. Default 2.0.
    pub add_factor: f64,
    /// See `add_max`. Default 2 s.
    pub add_period: Duration,
    /// The largest want of this long counts on the way down. Default 120 s.
    pub down_window: Duration,
    /// The projected load of what remains stays below this share of `high`. Default 0.85.
    pub down_projection: f64,
    /// No drain until this long after the last order. Default 60 s.
    pub down_after_up: Duration,
    /// A node younger than this is not drained. Default 60 s.
    pub node_age_min: Duration,
    /// Drains come this far apart. Default 10 s.
    pub drain_period: Duration,
    /// Share of the ready nodes drained at once, at least one. Default 0.10.
    pub drain_share: f64,
    /// The service-manager's counts older than this: no decision. Default 3 s.
    pub data_timeout: Duration,
    /// A node's own figures older than this: no capacity on the way up, full on the way down. Default 6 s.
    pub node_data_timeout: Duration,
    /// A request open for longer than this may be long-lived. Default 10 s.
    pub long_lived_after: Duration,
    /// It is, while no byte of it moved for this long. Default 1 s.
    pub long_lived_quiet: Duration,
    /// What a long-lived request weighs. Default 0.1.
    pub long_lived_weight: f64,
    /// Share of its CPUs that a service should use; `None`: CPU is not looked at.
    pub cpu_target: Option<f64>,
}

impl Default for Scaling {
    fn default() -> Self {
        Self {
            policy: Policy::Adaptive,
            target: 0.60,
            high: 0.75,
            low: 0.35,
            tick: Duration::from_secs(1),
            fast_window: Duration::from_secs(3),
            slow_window: Duration::from_secs(30),
            high_ticks: 2,
            surge: 1.5,
            queue_drain_time: Duration::from_secs(10),
            add_max: 4,
            add_factor: 2.0,
            add_period: Duration::from_secs(2),
            down_window: Duration::from_secs(120),
            down_projection: 0.85,
            down_after_up: Duration::from_secs(60),
            node_age_min: Duration::from_secs(60),
            drain_period: Duration::from_secs(10),
            drain_share: 0.10,
            data_timeout: Duration::from_secs(3),
            node_data_timeout: Duration::from_secs(6),
            long_lived_after: Duration::from_secs(10),
            long_lived_quiet: Duration::from_secs(1),
            long_lived_weight: 0.1,
            cpu_target: None,
        }
    }
}
