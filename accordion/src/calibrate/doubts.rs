//! What speaks against the values that were read from a curve: a client that limits, a climb that was cut, rounds that
//! differ, requests that failed.

use super::curve::{Curve, Point, Unfit, median};
use super::finding::Values;
use super::steps::Top;

/// From this share of a CPU on it is the client's thread that limits.
const CLIENT_CPU_MAX: f64 = 0.85;

/// Rounds that lie further apart than this, at the knee or at most steps, were disturbed.
const SPREAD_MAX: f64 = 0.2;

/// A curve that gives less than this share of the most where its asymptotes meet bends slowly.
const SLOW_BEND: f64 = 0.75;

/// A sentence each.
pub(super) fn of(curve: &Curve, values: &Values, top: Option<Top>) -> Vec<String> {
    let mut doubts = Vec::new();
    let knee = &values.knee;
    let (points, unfit) = curve.fit();
    if let Some(point) = points.iter().find(|point| point.client_cpu > CLIENT_CPU_MAX) {
        doubts.push(format!(
            "from {} in flight on it is the client that limits: its thread used {:.0} % of a CPU; the service may do \
             more than was seen",
            point.in_flight,
            point.client_cpu * 100.0
        ));
    }
    if unfit.is_none() && top == Some(Top::Max) {
        doubts.push(format!(
            "{} in flight are the most that was tried, and were not seen to be enough: see with a larger --max",
            curve.points.last().map_or(0, |point| point.in_flight)
        ));
    }
    let spread = median(points.iter().map(|point| point.spread).collect()).max(points[knee.index].spread);
    if spread > SPREAD_MAX {
        doubts.push(format!(
            "the rounds lie {:.0} % apart: something else was at work here; measure again when it is quiet, or with a \
             longer --step-time and more --rounds",
            spread * 100.0
        ));
    }
    let meets = points.iter().rfind(|point| f64::from(point.in_flight) <= knee.crossing.ceil());
    if meets.is_some_and(|point| point.per_second < SLOW_BEND * knee.top) {
        doubts.push(format!(
            "the curve bends slowly: its asymptotes meet at {:.1} in flight already; a capacity between that and {} \
             trades throughput for latency",
            knee.crossing, knee.capacity
        ));
    }
    // Where more than one was handled, and brought nothing.
    if knee.capacity == 1 && points.len() > 1 {
        doubts.push(
            "one request at a time keeps this copy busy, so all others wait at the front end: right for a copy of one \
             CPU, but see whether a larger one can be given more workers or threads"
                .to_owned(),
        );
    }
    let fault = |point: &Point| point.fault.clone();
    if unfit == Some(Unfit::Unanswered)
        && let Some(fault) = curve.points.get(points.len()).and_then(fault)
    {
        doubts.push(format!(
            "{fault}: the service answers only so many connections at a time, each for as long as it is open; or, where \
             a request takes longer than a step, see with a longer --step-time"
        ));
    } else if let Some(fault) = curve.points.iter().find_map(fault) {
        doubts.push(format!("of the requests that failed, the first came to: {fault}"));
    }
    doubts
}
