//! `[cluster.sharing]`: how fast services that share the pool give nodes back and have them reclaimed
//! (design section 6), and the defaults.

use std::time::Duration;

/// The numbers by which the services share the pool.
#[derive(Debug, Clone, PartialEq)]
pub struct Sharing {
    /// Whether give-backs over the share and reclaims are only recorded. Default false.
    pub observe_only: bool,
    /// How long a service is short of its share before it has a node reclaimed. Default 30 s.
    pub starved_after: Duration,
    /// How long a service is over its share, while another one is short, before it gives a node back.
    /// Default 5 s.
    pub give_back_after: Duration,
    /// In this long, nodes on their way back are at most `period_share` of the pool, or one. Default 10 s.
    pub period: Duration,
    /// See `period`. Default 0.1.
    pub period_share: f64,
}

impl Default for Sharing {
    fn default() -> Self {
        Self {
            observe_only: false,
            starved_after: Duration::from_secs(30),
            give_back_after: Duration::from_secs(5),
            period: Duration::from_secs(10),
            period_share: 0.1,
        }
    }
}
