//! One load sample, as the service-manager counts it. Each covers the time since the one before.

use std::time::Duration;

/// No front end has a billion requests in flight; a figure above it is a fault of the sender.
const IN_FLIGHT_MAX: f64 = 1e9;

/// What happened on the front end in one interval.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sample {
    /// How much time it covers.
    pub interval: Duration,
    /// Mean weighted requests in flight, children and local copy together.
    pub in_flight_mean: f64,
    /// Requests that arrived, queued and refused ones included.
    pub arrivals: u64,
    /// Requests that ended, long-lived ones left out.
    pub ended: u64,
    /// The sum of their times from pick to end of body.
    pub service_time_sum: Duration,
    /// Requests waiting at its end, but for those that the service-manager keeps waiting to learn from it.
    pub queued: u32,
    /// Requests refused with 503.
    pub refused: u64,
    /// Whether the local copy may be sent requests.
    pub local_ready: bool,
    /// Requests in flight that a copy of speed 1 handles well, where that is learned.
    pub learned_capacity: Option<f64>,
    /// Whether that is more than where learning begins.
    pub has_learned: bool,
    /// Mean weighted requests in flight on the local copy.
    pub local_in_flight_mean: f64,
    /// The same of each child.
    pub children: Vec<ChildLoad>,
}

/// One child's part of a sample.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChildLoad {
    /// The node's name.
    pub node: String,
    /// Mean weighted requests in flight.
    pub in_flight_mean: f64,
    /// Requests in flight at the end of the interval.
    pub in_flight: u32,
    /// How many of them are long-lived.
    pub long_lived: u32,
}

impl Sample {
    /// Whether its figures are numbers; a sample that is not counts as one that never came, because
    /// missing figures must not read as no load.
    pub(super) fn is_sound(&self) -> bool {
        let sound = |figure: f64| (0.0..=IN_FLIGHT_MAX).contains(&figure);
        sound(self.in_flight_mean)
            && sound(self.local_in_flight_mean)
            && self.learned_capacity.is_none_or(|capacity| (1.0..=IN_FLIGHT_MAX).contains(&capacity))
            && self.children.iter().all(|child| sound(child.in_flight_mean))
    }
}
