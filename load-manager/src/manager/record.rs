//! What goes into the journal: the decider's decisions, and what a loss or a refusal left no choice
//! about.

use std::time::{SystemTime, UNIX_EPOCH};

use proto::load_manager as wire;

use super::Manager;
use crate::decider::{Action, Decision};

/// Why something was done that no rule of the decider asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// A child is gone.
    Lost,
    /// One that has to leave is replaced.
    Replaced,
    /// A node asked for its lease back.
    Reclaimed,
    /// A node granted nothing.
    Refused,
    /// A service did not start.
    StartFailed,
    /// A lease from before this start was taken up.
    Adopted,
}

impl Cause {
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Lost => ("lost", "lost"),
            Self::Replaced => ("add", "replaced"),
            Self::Reclaimed => ("reclaim", "reclaimed"),
            Self::Refused => ("refused", "refused"),
            Self::StartFailed => ("failed", "start-failed"),
            Self::Adopted => ("adopt", "adopted"),
        }
    }
}

impl Manager {
    /// Keeps what the decider said, and says it where it changes something.
    pub(super) fn record(&mut self, decision: &Decision) {
        let (action, count, nodes) =
            (decision.action.name(), decision.action.count(), decision.action.nodes().to_vec());
        let demand = decision.figures.demand();
        let sentence = decision.reason.to_string();
        if decision.action != Action::Hold {
            tracing::info!(action, count, nodes = nodes.join(" "), level = %decision.level, "decided: {sentence}");
        } else {
            tracing::debug!(level = %decision.level, "held: {sentence}");
        }
        let unix_ms = unix_ms();
        self.journal.record(wire::Decision {
            unix_ms,
            until_unix_ms: unix_ms,
            action: action.to_owned(),
            count,
            nodes,
            level: decision.level.to_string(),
            reason: decision.reason.name().to_owned(),
            sentence,
            repeats: 1,
            demand_min: demand,
            demand_max: demand,
            figures: Some(figures(decision)),
        });
    }

    /// Keeps what had to be done.
    pub(super) fn note(&mut self, cause: Cause, nodes: &[usize], sentence: &str) {
        let (action, reason) = cause.words();
        let last = self.last.as_ref();
        let demand = last.map_or(0.0, |last| last.figures.demand());
        let unix_ms = unix_ms();
        self.journal.record(wire::Decision {
            unix_ms,
            until_unix_ms: unix_ms,
            action: action.to_owned(),
            count: nodes.len() as u32,
            nodes: nodes.iter().map(|&index| self.nodes[index].name.clone()).collect(),
            level: last.map(|last| last.level.to_string()).unwrap_or_default(),
            reason: reason.to_owned(),
            sentence: sentence.to_owned(),
            repeats: 1,
            demand_min: demand,
            demand_max: demand,
            figures: last.map(figures),
        });
    }
}

/// The figures of a decision, for a person.
pub(super) fn figures(decision: &Decision) -> wire::Figures {
    let figures = &decision.figures;
    wire::Figures {
        demand_fast: figures.demand_fast,
        demand_slow: figures.demand_slow,
        in_flight_fast: figures.in_flight_fast,
        in_flight_slow: figures.in_flight_slow,
        arrivals_per_s: figures.arrivals_per_s,
        service_time_ms: figures.service_time_ms,
        queued: figures.queued,
        capacity: figures.capacity,
        ready: figures.ready,
        ordered: figures.ordered,
        draining: figures.draining,
        want: figures.want,
        want_max: figures.want_max,
        cpu: figures.cpu,
        out: figures.out,
    }
}

fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
