//! The journal's words: an entry as it is kept and shown, with the wall clock.

use proto::load_manager as pb;

use crate::decider::Figures;
use crate::holder::Entry;

/// An entry made at `unix_ms`.
pub(crate) fn decision(entry: &Entry, unix_ms: u64) -> pb::Decision {
    let seen = entry.seen();
    let demand = seen.map_or(0.0, |(_, figures)| figures.demand());
    pb::Decision {
        unix_ms,
        until_unix_ms: unix_ms,
        action: entry.action().to_owned(),
        count: entry.count(),
        nodes: entry.nodes().into_iter().map(str::to_owned).collect(),
        level: seen.map(|(level, _)| level.to_string()).unwrap_or_default(),
        reason: entry.reason().to_owned(),
        sentence: entry.sentence(),
        repeats: 1,
        demand_min: demand,
        demand_max: demand,
        figures: seen.map(|(_, seen)| figures(&seen)),
    }
}

/// The figures of a decision, for a person.
fn figures(figures: &Figures) -> pb::Figures {
    pb::Figures {
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
        copy_capacity: figures.copy_capacity,
    }
}
