//! The figures that led to a decision, kept with it.

use serde::{Deserialize, Serialize};

/// What was seen at a tick. Demands and capacity are in requests in flight.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Figures {
    /// Demand over the fast window.
    pub demand_fast: f64,
    /// Demand over the slow window.
    pub demand_slow: f64,
    /// Mean weighted requests in flight over the fast window.
    pub in_flight_fast: f64,
    /// The same over the slow window.
    pub in_flight_slow: f64,
    /// Arrivals a second over the fast window.
    pub arrivals_per_s: f64,
    /// Mean milliseconds from pick to end of body over the slow window; 0 until a request has ended.
    pub service_time_ms: f64,
    /// Requests waiting now.
    pub queued: u32,
    /// What the copies that serve handle well.
    pub capacity: f64,
    /// What one copy of speed 1 handles well, where that is learned; 0 where it is written.
    #[serde(default)]
    pub copy_capacity: f64,
    /// Ready nodes.
    pub ready: u32,
    /// Those of them that answer and are out: no capacity.
    pub out: u32,
    /// Nodes on their way.
    pub ordered: u32,
    /// Nodes being drained.
    pub draining: u32,
    /// Nodes wanted now.
    pub want: u32,
    /// The most wanted within the down window.
    pub want_max: u32,
    /// Mean sum of the ready nodes' shares of their CPUs over the slow window; 0 when `cpu_target` is unset.
    pub cpu: f64,
}

impl Figures {
    /// The larger demand of the two windows.
    pub fn demand(&self) -> f64 {
        self.demand_fast.max(self.demand_slow)
    }
}
