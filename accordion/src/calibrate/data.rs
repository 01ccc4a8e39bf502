//! What was found, as JSON for a program. Its fields are in docs/json.md.

use serde::Serialize;

use super::curve::Point;
use super::finding::{End, Finding};
use super::steps::Top;

#[derive(Serialize)]
struct Whole<'a> {
    service: &'a str,
    started: bool,
    paths: &'a [String],
    rounds: u32,
    step_seconds: f64,
    whole: bool,
    ended_by: &'static str,
    steps: Vec<Step<'a>>,
    top_per_second: Option<f64>,
    crossing: Option<f64>,
    flat: Option<f64>,
    capacity: Option<Value<'a>>,
    high: Option<Value<'a>>,
    target: Option<Value<'a>>,
    low: Option<Value<'a>>,
    remarks: &'a [String],
}

#[derive(Serialize)]
struct Step<'a> {
    in_flight: u32,
    per_second: f64,
    spread: f64,
    p50_ms: f64,
    p99_ms: f64,
    requests: u64,
    failed: u64,
    unanswered: u32,
    fault: Option<&'a str>,
    client_cpu: f64,
}

#[derive(Serialize)]
struct Value<'a> {
    value: f64,
    now: f64,
    why: &'a str,
}

pub(super) fn json(found: &Finding<'_>) -> String {
    let values = found.values.as_ref();
    let scaling = &found.service.scaling;
    let value = |value, now, why| Value { value, now, why };
    let thresholds = values.map(|values| &values.thresholds);
    let whole = Whole {
        service: &found.service.name,
        started: found.is_own,
        paths: found.paths,
        rounds: found.rounds,
        step_seconds: found.step_seconds,
        whole: found.end == End::Whole,
        ended_by: ended_by(found),
        steps: found.curve.points.iter().map(step).collect(),
        top_per_second: values.map(|values| values.knee.top),
        crossing: values.map(|values| values.knee.crossing),
        flat: thresholds.map(|thresholds| thresholds.flat),
        capacity: values.map(|values| {
            value(f64::from(values.knee.capacity), found.service.capacity.at_start(), &values.why_capacity)
        }),
        high: thresholds.map(|of| value(of.high, scaling.high, &of.why_high)),
        target: thresholds.map(|of| value(of.target, scaling.target, &of.why_target)),
        low: thresholds.map(|of| value(of.low, scaling.low, &of.why_low)),
        remarks: &found.remarks,
    };
    serde_json::to_string(&whole).expect("numbers and words are JSON") + "\n"
}

/// A closed list of words.
fn ended_by(found: &Finding<'_>) -> &'static str {
    match (&found.end, found.top) {
        (End::Interrupted, _) => "interrupt",
        (End::CopyEnded { .. }, _) => "copy-ended",
        (End::Whole, Some(Top::NoGain)) => "no-gain",
        (End::Whole, Some(Top::Collapse)) => "collapse",
        (End::Whole, Some(Top::Failures)) => "failures",
        (End::Whole, Some(Top::Slow)) => "slow",
        (End::Whole, Some(Top::Max) | None) => "max",
    }
}

fn step(point: &Point) -> Step<'_> {
    Step {
        in_flight: point.in_flight,
        per_second: point.per_second,
        spread: point.spread,
        p50_ms: point.p50.as_secs_f64() * 1e3,
        p99_ms: point.p99.as_secs_f64() * 1e3,
        requests: point.good,
        failed: point.failed,
        unanswered: point.unanswered,
        fault: point.fault.as_deref(),
        client_cpu: point.client_cpu,
    }
}
