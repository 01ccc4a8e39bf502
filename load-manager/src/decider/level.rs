//! The level of the whole load (design section 5): what High is against, and what has to hold for Low.
//!
//! Low is not a threshold but a promise: one node fewer would have done for the whole down window, and
//! what remains would not be near High.

use std::time::Duration;

use cluster::config::Local;
use cluster::level::Level;

use super::Reason;
use super::projection;
use super::situation::Situation;

/// What the load is, and by what.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Judgement {
    /// More is needed, for this reason.
    High(Reason),
    /// Nothing changes, for this reason.
    Medium(Reason),
    /// It would be Low, but a window is not full for this much longer: Medium.
    NotLowYet(Duration),
    /// One node fewer will do.
    Low,
}

impl Judgement {
    pub(super) const fn level(&self) -> Level {
        match self {
            Self::High(_) => Level::High,
            Self::Medium(_) | Self::NotLowYet(_) => Level::Medium,
            Self::Low => Level::Low,
        }
    }
}

/// The level of one copy, as the paper has it.
pub(super) fn of_copy(in_flight: f64, k: f64, low: f64, high: f64) -> Level {
    if below(in_flight, low * k) {
        Level::Low
    } else if above(in_flight, high * k) {
        Level::High
    } else {
        Level::Medium
    }
}

/// The level of the whole load.
pub(super) fn judge(situation: &Situation<'_>) -> Judgement {
    match high(situation) {
        Some(reason) => Judgement::High(reason),
        None => low(situation),
    }
}

/// The reason it is High by, with the ticks still to be filled in.
fn high(situation: &Situation<'_>) -> Option<Reason> {
    let Situation { settings, figures, .. } = situation;
    let (demand, capacity, want) = (figures.demand_fast, figures.capacity, figures.want);
    let threshold = settings.scaling.high * capacity;
    if capacity <= 0.0 && want > 0 {
        Some(Reason::NothingServes { ready: figures.ready, want })
    } else if above(demand, threshold) {
        Some(Reason::High { demand, threshold, capacity, ticks: 0, want })
    } else {
        cpu_high(situation)
    }
}

/// By CPU it is High when the nodes that serve are above the target on average. There is no gap
/// between target and High as there is for requests: the mean over the slow window is calm enough,
/// and the way down keeps its distance.
fn cpu_high(situation: &Situation<'_>) -> Option<Reason> {
    let target = situation.settings.scaling.cpu_target?;
    let (ready, want) = (situation.serving.nodes, situation.figures.want);
    let used = situation.cpu.known;
    (ready > 0 && above(used, target * f64::from(ready))).then_some(Reason::CpuHigh {
        used,
        target,
        ready,
        ticks: 0,
        want,
    })
}

fn low(situation: &Situation<'_>) -> Judgement {
    let want_max = situation.figures.want_max.max(situation.want_down());
    let missing = situation.missing;
    let ready = situation.ready.nodes;
    if ready == 0 || want_max >= ready {
        return Judgement::Medium(why_all_are_wanted(situation, want_max));
    }
    let victim = projection::victims(situation.fleet.ready.iter(), Duration::ZERO, 1);
    let left = victim.first().map_or(situation.ready, |node| situation.ready.without(node.k()));
    match projection::check(situation, left) {
        Err(reason) => Judgement::Medium(reason),
        Ok(_) if !missing.is_zero() => Judgement::NotLowYet(missing),
        Ok(_) => Judgement::Low,
    }
}

/// As many as are ready are wanted: by load, by rule, or were lately.
fn why_all_are_wanted(situation: &Situation<'_>, want_max: u32) -> Reason {
    let Situation { settings, figures, .. } = situation;
    let (ready, want) = (figures.ready, figures.want);
    let scaling = &settings.scaling;
    let is_idle = below(situation.demand(), scaling.low * settings.k_local);
    if figures.ready + figures.ordered == 0 {
        let threshold = scaling.high * settings.k_local;
        Reason::LocalAlone { demand: situation.demand(), threshold }
    } else if ready > 0 && situation.want_by_load < ready && situation.floor() >= ready {
        situation.kept_by_floor()
    } else if ready == 1 && is_idle && !situation.local_ready && settings.local == Local::Auto {
        Reason::LowLocalNotReady
    } else if want < ready && situation.want_down() >= ready {
        situation.taken_as_full()
    } else if want < ready {
        Reason::WantedLately { want_max, ready, window: scaling.down_window }
    } else {
        Reason::Medium { demand: situation.demand(), capacity: figures.capacity, want, ready }
    }
}

/// Above by more than a rounding error of a mean.
pub(super) fn above(load: f64, threshold: f64) -> bool {
    load > threshold + 1e-9 * (1.0 + threshold.abs())
}

/// Below by more than a rounding error of a mean.
pub(super) fn below(load: f64, threshold: f64) -> bool {
    load < threshold - 1e-9 * (1.0 + threshold.abs())
}
