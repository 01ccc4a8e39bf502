//! What was found, as a chart.

use super::curve::Point;
use super::finding::Finding;
use crate::bench::capacity_chart::{self, Step};

pub(super) fn svg(found: &Finding<'_>) -> String {
    let title = format!("{}: what one copy handles", found.service.name);
    let note = format!("{}; GET {}", found.subject, found.paths.join(", "));
    let steps: Vec<Step> = found.curve.points.iter().map(step).collect();
    let knee = found.values.as_ref().map(|values| values.knee.capacity);
    capacity_chart::svg(&title, &note, &steps, knee)
}

fn step(point: &Point) -> Step {
    Step {
        in_flight: point.in_flight,
        per_second: point.per_second,
        p50_ms: point.p50.as_secs_f64() * 1e3,
        p99_ms: point.p99.as_secs_f64() * 1e3,
    }
}
