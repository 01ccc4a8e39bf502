//! A reason as a person reads it: one plain sentence, with the figures that made it so.

use std::fmt;
use std::time::Duration;

use super::Reason;

impl fmt::Display for Reason {
    // One flat match, so that a new reason without a sentence does not compile.
    #[rustfmt::skip]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::High { demand, threshold, capacity, ticks, want } =>
                write!(f, "High for {}: a demand of {demand:.1} is above {threshold:.1} (the capacity is {capacity:.1}); {} wanted", Ticks(*ticks), Are(*want)),
            Self::Surge { demand, threshold, want } =>
                write!(f, "a surge: a demand of {demand:.1} has reached {threshold:.1}; {} wanted", Are(*want)),
            Self::Queued { queued, want } =>
                write!(f, "{} waiting; {} wanted", Requests(*queued), Are(*want)),
            Self::NothingServes { ready: 0, want } =>
                write!(f, "no node is ready and the local copy is not ready either; {} wanted", Are(*want)),
            Self::NothingServes { ready, want } =>
                write!(f, "no answer from {} and the local copy is not ready; {} wanted", Nodes(*ready), Are(*want)),
            Self::CpuHigh { used, target, ready, ticks, want } =>
                write!(f, "High for {}: the service uses the CPU of {used:.2} nodes on {} (target {target:.2} of each); {} wanted", Ticks(*ticks), Nodes(*ready), Are(*want)),
            Self::Lost { lost, want } =>
                write!(f, "{} left or fell silent, and {} wanted", Nodes(*lost), Are(*want)),
            Self::BelowMin { held, min } =>
                write!(f, "min = {min}, and {} held", Are(*held)),
            Self::BelowFloor { held, floor } =>
                write!(f, "the schedule or the forecast asks for {}, and {} held", Nodes(*floor), Are(*held)),
            Self::BelowStandby { standby, kept } =>
                write!(f, "standby = {kept}, and {} ready beside those that serve", Are(*standby)),
            Self::Low { want_max, ready, window, projected, limit } =>
                write!(f, "Low: no more than {} wanted for {}, {} ready, and the rest will be at {projected:.2} of its capacity (below {limit:.2})", Were(*want_max), Seconds(*window), Are(*ready)),
            Self::LastLow { demand, threshold, window } =>
                write!(f, "Low: no node was wanted for {}, and a demand of {demand:.1} is below {threshold:.1}, so the local copy serves alone", Seconds(*window)),
            Self::AboveMax { ready, max } =>
                write!(f, "{} ready, more than max = {max}", Are(*ready)),
            Self::OverStandby { standby, kept } =>
                write!(f, "{} ready beside those that serve, and {kept} may be", Are(*standby)),
            Self::OverShare { held, share } =>
                write!(f, "{} held, more than the share of {share} while another service is short", Are(*held)),
            Self::NoDataYet { waited } =>
                write!(f, "no load data yet from the service-manager, after {}", Seconds(*waited)),
            Self::NoData { age } =>
                write!(f, "no load data from the service-manager for {}", Seconds(*age)),
            Self::LocalAlone { demand, threshold } =>
                write!(f, "the local copy serves alone: a demand of {demand:.1} is not above {threshold:.1}"),
            Self::Medium { demand, capacity, want, ready } if want > ready =>
                write!(f, "Medium: a demand of {demand:.1} on a capacity of {capacity:.1}; {} above the target, but not High", Are(*ready)),
            Self::Medium { demand, capacity, want, ready } =>
                write!(f, "Medium: a demand of {demand:.1} on a capacity of {capacity:.1}; {} wanted, {} ready", Are(*want), Are(*ready)),
            Self::WantedLately { want_max, ready, window } =>
                write!(f, "Medium: up to {} wanted within the last {}, and {} ready", Were(*want_max), Seconds(*window), Are(*ready)),
            Self::Projection { projected, limit } =>
                write!(f, "Medium: without one node the rest would be at {projected:.2} of its capacity (not below {limit:.2})"),
            Self::CpuProjection { used, limit, left: 0 } =>
                write!(f, "Medium: the service uses the CPU of {used:.2} nodes (not below {limit:.2}), so the local copy does not serve alone"),
            Self::CpuProjection { used, limit, left } =>
                write!(f, "Medium: the service uses the CPU of {used:.2} nodes (not below {limit:.2}, which {} may carry)", Nodes(*left)),
            Self::LastBusy { demand, threshold } =>
                write!(f, "Medium: a demand of {demand:.1} is not below {threshold:.1}, so the local copy does not serve alone"),
            Self::HighTooShort { ticks, needed } =>
                write!(f, "High, but only for {ticks} of {}", Ticks(*needed)),
            Self::HighOnTheirWay { ordered } =>
                write!(f, "High, but {} on the way", Are(*ordered)),
            Self::HighAsWanted { ready, want } =>
                write!(f, "High, but {} ready, as many as wanted ({want})", Are(*ready)),
            Self::AtMax { more, max } =>
                write!(f, "{more} more {} wanted, but max = {max} are in use", if *more == 1 { "is" } else { "are" }),
            Self::NothingLeft { held, pool } if held >= pool =>
                write!(f, "more are wanted, but all {} of the pool are held", Nodes(*pool)),
            Self::NothingLeft { held, .. } =>
                write!(f, "more are wanted, but no further node of the pool can be had now ({} held); see `accordion status` for each", Are(*held)),
            Self::AtShare { held, share } =>
                write!(f, "more are wanted, but the share of the pool is {share} while another service is short ({} held)", Are(*held)),
            Self::OverShareHeld { held, share } =>
                write!(f, "{} held, more than the share of {share} while another service is short, but no further one may go now", Are(*held)),
            Self::WouldGiveBack { held, share } =>
                write!(f, "{} held, more than the share of {share} while another service is short: the rest would be given back, but sharing is only observed", Are(*held)),
            Self::AddLimit { ordered, period } =>
                write!(f, "more are wanted, but {} ordered within the last {}", Were(*ordered), Seconds(*period)),
            Self::FloorHeldBack { held, floor } =>
                write!(f, "{} held of the {floor} kept whatever the load, but no further one can be had now", Are(*held)),
            Self::LowWindow { missing } =>
                write!(f, "Low, but the window is not full for another {}", Left(*missing)),
            Self::LowQueued { queued } =>
                write!(f, "Low, but {} waiting", Requests(*queued)),
            Self::LowOnTheirWay { ordered } =>
                write!(f, "Low, but {} on the way", Are(*ordered)),
            Self::LowAfterUp { since, needed } =>
                write!(f, "Low, but {} since the last add (of {})", Seconds(*since), Seconds(*needed)),
            Self::LowYoung { age, needed } =>
                write!(f, "Low, but the oldest node has been ready for {} (of {})", Seconds(*age), Seconds(*needed)),
            Self::LowAfterDrain { since, needed } =>
                write!(f, "Low, but {} since the last drain (of {})", Seconds(*since), Seconds(*needed)),
            Self::LowMin { min } =>
                write!(f, "Low, but min = {min}"),
            Self::LowFloor { kept } =>
                write!(f, "Low, but the schedule or the forecast asks for {}", Nodes(*kept)),
            Self::LowLocalNotReady =>
                write!(f, "Low, but the local copy is not ready to serve alone"),
            Self::LowStale { stale } =>
                write!(f, "Low, but {} silent and taken as full", Are(*stale)),
            Self::LowOut { out } =>
                write!(f, "Low, but {} out and taken as full", Are(*out)),
            Self::AboveMaxAfterDrain { ready, max, since, needed } =>
                write!(f, "{} ready, more than max = {max}, but {} since the last drain (of {})", Are(*ready), Seconds(*since), Seconds(*needed)),
            Self::AllHigh { children } =>
                write!(f, "all children are High ({children})"),
            Self::LocalHigh { in_flight, threshold } =>
                write!(f, "the local copy is High: {in_flight:.1} in flight is above {threshold:.1}"),
            Self::AllLow { children } =>
                write!(f, "all children are Low ({children})"),
            Self::Mixed { low, high, children } =>
                write!(f, "the children are not all at one level: of {children}, {low} Low and {high} High"),
            Self::Changing { ordered, draining } =>
                write!(f, "a change is on its way: {} ordered, {} draining", Are(*ordered), Are(*draining)),
            Self::ChildUnknown { node } =>
                write!(f, "{node} has not been counted for a whole fast window yet"),
        }
    }
}

/// "1 node", "2 nodes".
struct Nodes(u32);
/// "1 node is", "2 nodes are".
struct Are(u32);
/// "1 node was", "2 nodes were".
struct Were(u32);
/// "1 tick", "2 ticks".
struct Ticks(u32);
/// "1 request is", "2 requests are".
struct Requests(u32);
/// Time gone by, never more than there was: "3.4 s", "34 s".
struct Seconds(Duration);
/// Time to go, in whole seconds, never less than there is: "80 s".
struct Left(Duration);

impl fmt::Display for Nodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} node{}", self.0, if self.0 == 1 { "" } else { "s" })
    }
}

impl fmt::Display for Are {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", Nodes(self.0), if self.0 == 1 { "is" } else { "are" })
    }
}

impl fmt::Display for Were {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", Nodes(self.0), if self.0 == 1 { "was" } else { "were" })
    }
}

impl fmt::Display for Ticks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} tick{}", self.0, if self.0 == 1 { "" } else { "s" })
    }
}

impl fmt::Display for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, if self.0 == 1 { "request is" } else { "requests are" })
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = self.0.as_millis() / 100;
        if tenths >= 100 || tenths.is_multiple_of(10) {
            write!(f, "{} s", tenths / 10)
        } else {
            write!(f, "{}.{} s", tenths / 10, tenths % 10)
        }
    }
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.0.as_millis().div_ceil(1000))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Reason;

    #[test]
    fn what_was_held_back_says_so_with_its_figures() {
        let seconds = Duration::from_secs;
        let sentences = [
            (
                Reason::LowAfterUp { since: seconds(34), needed: seconds(60) },
                "Low, but 34 s since the last add (of 60 s)",
            ),
            (
                Reason::LowWindow { missing: Duration::from_millis(79_200) },
                "Low, but the window is not full for another 80 s",
            ),
            (Reason::HighTooShort { ticks: 1, needed: 2 }, "High, but only for 1 of 2 ticks"),
            (
                Reason::NoData { age: Duration::from_millis(3_450) },
                "no load data from the service-manager for 3.4 s",
            ),
            (Reason::LowOnTheirWay { ordered: 1 }, "Low, but 1 node is on the way"),
        ];
        for (reason, sentence) in sentences {
            assert_eq!(reason.to_string(), sentence);
        }
    }

    #[test]
    fn what_may_be_said_at_any_level_names_none() {
        let sentences = [
            (Reason::AtMax { more: 2, max: 3 }, "2 more are wanted, but max = 3 are in use"),
            (Reason::AtMax { more: 1, max: 3 }, "1 more is wanted, but max = 3 are in use"),
            (
                Reason::NothingLeft { held: 3, pool: 3 },
                "more are wanted, but all 3 nodes of the pool are held",
            ),
            (
                Reason::NothingLeft { held: 2, pool: 3 },
                "more are wanted, but no further node of the pool can be had now (2 nodes are held); see \
                 `accordion status` for each",
            ),
            (
                Reason::AddLimit { ordered: 4, period: Duration::from_secs(2) },
                "more are wanted, but 4 nodes were ordered within the last 2 s",
            ),
            (Reason::Lost { lost: 1, want: 8 }, "1 node left or fell silent, and 8 nodes are wanted"),
        ];
        for (reason, sentence) in sentences {
            assert_eq!(reason.to_string(), sentence);
        }
    }
}
