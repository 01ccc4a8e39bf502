//! Why a tick did what it did, or why it did nothing: a closed list, each with the figures of its rule.
//!
//! `name` is for programs and for telling equal holds apart, `Display` is the sentence for a person.
//! What was held back says so ("Low, but ..."). The sentences are in `sentence`.

mod sentence;

use std::time::Duration;

/// The rule that led to a decision. Loads are in requests in flight.
#[expect(missing_docs, reason = "a figure is explained by the sentence it stands in")]
#[derive(Debug, Clone, PartialEq)]
pub enum Reason {
    /// Add: the demand has been above `high` of the capacity for enough ticks.
    High { demand: f64, threshold: f64, capacity: f64, ticks: u32, want: u32 },
    /// Add: the fast demand is far above `high`.
    Surge { demand: f64, threshold: f64, want: u32 },
    /// Add: requests wait.
    Queued { queued: u32, want: u32 },
    /// Add: nothing can serve, or nothing that answers.
    NothingServes { ready: u32, want: u32 },
    /// Add: the CPU of the service's own processes is above its target for enough ticks.
    CpuHigh { used: f64, target: f64, ready: u32, ticks: u32, want: u32 },
    /// Add: ready nodes left without a drain of ours, or fell silent, and are still wanted.
    Lost { lost: u32, want: u32 },
    /// Add: `min` nodes are kept for the service.
    BelowMin { held: u32, min: u32 },
    /// Add: a schedule or a forecast asks for more.
    BelowFloor { held: u32, floor: u32 },
    /// Add: fewer nodes stand by than are to.
    BelowStandby { standby: u32, kept: u32 },
    /// Drain or rest: one node fewer would have done for the whole down window, and will.
    Low { want_max: u32, ready: u32, window: Duration, projected: f64, limit: f64 },
    /// Drain or rest: the local copy can serve alone again.
    LastLow { demand: f64, threshold: f64, window: Duration },
    /// Drain: more nodes are ready than the service may hold.
    AboveMax { ready: u32, max: u32 },
    /// Drain: more nodes stand by than are to, or than `max` leaves room for.
    OverStandby { standby: u32, kept: u32 },
    /// Drain: more nodes are held than the service is due while another one is short.
    OverShare { held: u32, share: u32 },

    /// Hold: the service-manager has not sent a count yet.
    NoDataYet { waited: Duration },
    /// Hold: its counts are missing.
    NoData { age: Duration },
    /// Hold: no node is held and the local copy has room.
    LocalAlone { demand: f64, threshold: f64 },
    /// Hold: between the two thresholds.
    Medium { demand: f64, capacity: f64, want: u32, ready: u32 },
    /// Hold: fewer nodes would do now, but not for all of the down window.
    WantedLately { want_max: u32, ready: u32, window: Duration },
    /// Hold: fewer nodes are wanted, but what remains would be too near High.
    Projection { projected: f64, limit: f64 },
    /// Hold: fewer nodes are wanted, but the CPU of what remains would be too near its target.
    CpuProjection { used: f64, limit: f64, left: u32 },
    /// Hold: no node is wanted, but the local copy would not be Low.
    LastBusy { demand: f64, threshold: f64 },

    /// Hold: High, but not for enough ticks.
    HighTooShort { ticks: u32, needed: u32 },
    /// Hold: High, but what is wanted is on its way.
    HighOnTheirWay { ordered: u32 },
    /// Hold: High, but as many nodes as wanted are ready.
    HighAsWanted { ready: u32, want: u32 },
    /// Hold: more are wanted, but as many as allowed are held.
    AtMax { more: u32, max: u32 },
    /// Hold: more are wanted, but no node of the pool can be tried.
    NothingLeft { held: u32, pool: u32 },
    /// Hold: more are wanted, but as many as the service is due are held while another one is short.
    AtShare { held: u32, share: u32 },
    /// Hold: more are held than the service is due, but no further one may go in this period.
    OverShareHeld { held: u32, share: u32 },
    /// Hold: more are held than the service is due; that they would go is only said.
    WouldGiveBack { held: u32, share: u32 },
    /// Hold: more are wanted, but enough were ordered just now.
    AddLimit { ordered: u32, period: Duration },
    /// Hold: fewer are held than are kept whatever the load, but no further one can be had now.
    FloorHeldBack { held: u32, floor: u32 },

    /// Hold: Low, but a window is not full.
    LowWindow { missing: Duration },
    /// Hold: Low on average, but requests wait now.
    LowQueued { queued: u32 },
    /// Hold: Low, but nodes are on their way.
    LowOnTheirWay { ordered: u32 },
    /// Hold: Low, but the last add is too recent.
    LowAfterUp { since: Duration, needed: Duration },
    /// Hold: Low, but every node that could go is too young.
    LowYoung { age: Duration, needed: Duration },
    /// Hold: Low, but the last drain is too recent.
    LowAfterDrain { since: Duration, needed: Duration },
    /// Hold: Low, but `min` keeps what is ready.
    LowMin { min: u32 },
    /// Hold: Low, but a schedule or a forecast keeps what is ready.
    LowFloor { kept: u32 },
    /// Hold: Low, but the local copy cannot take over from the last node.
    LowLocalNotReady,
    /// Hold: Low, but nodes do not answer and are taken as full.
    LowStale { stale: u32 },
    /// Hold: Low, but nodes are out and are taken as full.
    LowOut { out: u32 },
    /// Hold: more are ready than allowed, but the last drain is too recent.
    AboveMaxAfterDrain { ready: u32, max: u32, since: Duration, needed: Duration },

    /// Add, classic: all children are High.
    AllHigh { children: u32 },
    /// Add, classic: no child is held and the local copy is High.
    LocalHigh { in_flight: f64, threshold: f64 },
    /// Drain or rest, classic: all children are Low.
    AllLow { children: u32 },
    /// Hold, classic: the children are not all High and not all Low.
    Mixed { low: u32, high: u32, children: u32 },
    /// Hold, classic: a change is on its way.
    Changing { ordered: u32, draining: u32 },
    /// Hold, classic: a child has not been counted for a whole fast window.
    ChildUnknown { node: String },
}

impl Reason {
    /// The word of the closed list.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::High { .. } => "high",
            Self::Surge { .. } => "surge",
            Self::Queued { .. } => "queued",
            Self::NothingServes { .. } => "nothing-serves",
            Self::CpuHigh { .. } => "cpu-high",
            Self::Lost { .. } => "lost",
            Self::BelowMin { .. } => "below-min",
            Self::BelowFloor { .. } => "below-floor",
            Self::BelowStandby { .. } => "below-standby",
            Self::Low { .. } => "low",
            Self::LastLow { .. } => "last-low",
            Self::AboveMax { .. } => "above-max",
            Self::OverStandby { .. } => "over-standby",
            Self::OverShare { .. } => "over-share",
            Self::NoDataYet { .. } => "no-data-yet",
            Self::NoData { .. } => "no-data",
            Self::LocalAlone { .. } => "local-alone",
            Self::Medium { .. } => "medium",
            Self::WantedLately { .. } => "wanted-lately",
            Self::Projection { .. } => "projection",
            Self::CpuProjection { .. } => "cpu-projection",
            Self::LastBusy { .. } => "last-busy",
            Self::HighTooShort { .. } => "high-too-short",
            Self::HighOnTheirWay { .. } => "high-on-their-way",
            Self::HighAsWanted { .. } => "high-as-wanted",
            Self::AtMax { .. } => "at-max",
            Self::NothingLeft { .. } => "nothing-left",
            Self::AtShare { .. } => "at-share",
            Self::OverShareHeld { .. } => "over-share-held",
            Self::WouldGiveBack { .. } => "would-give-back",
            Self::AddLimit { .. } => "add-limit",
            Self::FloorHeldBack { .. } => "floor-held-back",
            Self::LowWindow { .. } => "low-window",
            Self::LowQueued { .. } => "low-queued",
            Self::LowOnTheirWay { .. } => "low-on-their-way",
            Self::LowAfterUp { .. } => "low-after-up",
            Self::LowYoung { .. } => "low-young",
            Self::LowAfterDrain { .. } => "low-after-drain",
            Self::LowMin { .. } => "low-min",
            Self::LowFloor { .. } => "low-floor",
            Self::LowLocalNotReady => "low-local-not-ready",
            Self::LowStale { .. } => "low-stale",
            Self::LowOut { .. } => "low-out",
            Self::AboveMaxAfterDrain { .. } => "above-max-after-drain",
            Self::AllHigh { .. } => "all-high",
            Self::LocalHigh { .. } => "local-high",
            Self::AllLow { .. } => "all-low",
            Self::Mixed { .. } => "mixed",
            Self::Changing { .. } => "changing",
            Self::ChildUnknown { .. } => "child-unknown",
        }
    }
}
