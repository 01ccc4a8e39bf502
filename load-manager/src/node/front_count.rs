//! What the service-manager counts to a child, and whether it has put it out.

use std::time::Duration;

/// What the service-manager counts to a child.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FrontCount {
    /// Requests in flight.
    pub in_flight: u32,
    /// Long-lived ones among them.
    pub long_lived: u32,
    /// Set while it is out there.
    pub out: Option<Out>,
}

/// A child that the service-manager has put out: it gets no request, or only when nobody else can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Out {
    /// Why.
    pub reason: OutReason,
    /// How long it had been out when it was counted.
    pub lasted: Duration,
}

/// Why a child is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutReason {
    /// It takes no connection.
    NoConnection,
    /// Its 5xx answers; for a time that is set.
    Errors,
}

impl FrontCount {
    /// How long it has taken no connection.
    pub fn unreached(&self) -> Duration {
        match self.out {
            Some(Out { reason: OutReason::NoConnection, lasted }) => lasted,
            Some(Out { reason: OutReason::Errors, .. }) | None => Duration::ZERO,
        }
    }
}
