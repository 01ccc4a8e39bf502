//! The comparison for a program: CSV for the figures, JSON for all of it.

use std::fmt::Write;

use serde::Serialize;

use super::variant::{Case, Played, Run};

/// Times are in seconds.
#[derive(Serialize)]
struct Whole<'a> {
    service: &'a str,
    capacity: f64,
    max: u32,
    start_time: f64,
    drain_time: f64,
    service_time: f64,
    queue_max: u32,
    set: &'a [String],
    loads: Vec<LoadView<'a>>,
}

#[derive(Serialize)]
struct LoadView<'a> {
    load: &'a str,
    seconds: f64,
    runs: Vec<RunView>,
}

#[derive(Serialize)]
struct RunView {
    what: &'static str,
    policy: &'static str,
    overloaded: f64,
    node_hours: f64,
    decisions: u32,
    flips: u32,
    peak: u32,
    /// From each moment on, so many nodes were ready.
    ready: Vec<(f64, u32)>,
    /// From when until when it was overloaded.
    overloads: Vec<(f64, f64)>,
}

pub(super) fn json(played: &Played<'_>) -> String {
    let Played { service, today, sets, cases } = *played;
    let whole = Whole {
        service,
        capacity: today.settings.capacity,
        max: today.settings.max.min(today.settings.pool),
        start_time: today.world.start_time.as_secs_f64(),
        drain_time: today.world.drain_time.as_secs_f64(),
        service_time: today.world.service_time.as_secs_f64(),
        queue_max: today.world.queue_max,
        set: sets,
        loads: cases.iter().map(load).collect(),
    };
    serde_json::to_string(&whole).expect("numbers and names are JSON") + "\n"
}

fn load(case: &Case) -> LoadView<'_> {
    LoadView {
        load: &case.name,
        seconds: case.load.length().as_secs_f64(),
        runs: case.runs.iter().map(run).collect(),
    }
}

fn run(run: &Run) -> RunView {
    let course = &run.course;
    RunView {
        what: run.what,
        policy: run.rule.name(),
        overloaded: course.overloaded.as_secs_f64(),
        node_hours: course.node_hours,
        decisions: course.decisions,
        flips: course.flips,
        peak: course.peak,
        ready: course.ready.iter().map(|(at, ready)| (at.as_secs_f64(), *ready)).collect(),
        overloads: course
            .overloads
            .iter()
            .map(|(from, until)| (from.as_secs_f64(), until.as_secs_f64()))
            .collect(),
    }
}

pub(super) fn csv(cases: &[Case]) -> String {
    let mut text = String::from("load,what,policy,overloaded_s,node_hours,decisions,flips,peak\n");
    for case in cases {
        for run in &case.runs {
            let (load, what, rule, course) = (&case.name, run.what, run.rule.name(), &run.course);
            let overloaded = course.overloaded.as_secs_f64();
            // Writing into a String cannot fail.
            let _ = writeln!(
                text,
                "{load},{what},{rule},{overloaded:.1},{:.2},{},{},{}",
                course.node_hours, course.decisions, course.flips, course.peak
            );
        }
    }
    text
}
