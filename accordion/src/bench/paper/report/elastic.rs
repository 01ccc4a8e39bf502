//! The figure of the elastic run: load, nodes and reply times over one axis of time, and when it was decided.

use super::super::timeline::{Second, Timeline};
use crate::bench::plot::{
    Axis, Band, Chart, Colour, Dash, Drawing, Mark, Panel, Point, Scale, Series, Shape, Strip,
};

/// More decisions than so many are told in the table only.
const TOLD_MAX: usize = 14;

const NOTE: &str = "A numbered mark is a decision that changed something. Needed: the nodes that one who knows \
                    the load would hold.";

/// The whole figure.
pub(super) fn draw(timeline: &Timeline) -> Drawing {
    let mut x = Axis::new("time (minutes:seconds)", Scale::Linear);
    x.includes = vec![0.0, end(timeline)];
    x.ticks = ticks(end(timeline));
    let marks = timeline.marks.iter().enumerate();
    let marks = marks.map(|(index, mark)| Mark { at: mark.at, number: index + 1 }).collect();
    Chart {
        title: "Accordion, left to itself: it borrows nodes as the load rises and gives them back".to_owned(),
        note: NOTE.to_owned(),
        x,
        panels: vec![load(timeline), nodes(timeline), times(timeline)],
        marks,
        footer: told(timeline),
    }
    .draw()
}

/// Minutes and seconds.
pub(super) fn clock(seconds: f64) -> String {
    let seconds = seconds.max(0.0).round() as u64;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

fn end(timeline: &Timeline) -> f64 {
    timeline.seconds.last().map_or(1.0, |second| f64::from(second.at) + 1.0)
}

fn load(timeline: &Timeline) -> Panel {
    let due = steps(timeline, |second| Some(second.due as f64));
    let mut lines = vec![line("asked", Colour::GREY, Dash::Solid, 1.2, Shape::FilledSteps, due)];
    if timeline.seconds.iter().any(|second| second.failed > 0) {
        let failed = steps(timeline, |second| Some(second.failed as f64).filter(|failed| *failed > 0.0));
        lines.push(line("failed", Colour::VERMILION, Dash::Solid, 1.6, Shape::FilledSteps, failed));
    }
    let y = Axis::new("load (requests/s)", Scale::Linear);
    Panel { y, height: 120.0, series: lines, strip: None }
}

fn nodes(timeline: &Timeline) -> Panel {
    let held = steps(timeline, |second| Some(f64::from(second.held)));
    let serving = steps(timeline, |second| Some(f64::from(second.serving)));
    let oracle = steps(timeline, |second| Some(f64::from(second.oracle)));
    let series = vec![
        line("held", Colour::SKY, Dash::Solid, 1.2, Shape::FilledSteps, held),
        line("serving", Colour::BLUE, Dash::Solid, 2.4, Shape::Steps, serving),
        line("needed", Colour::BLACK, Dash::Dashed, 1.4, Shape::Steps, oracle),
    ];
    let y = Axis { includes: vec![1.0], ..Axis::new("nodes", Scale::Whole) };
    let bands = bands(timeline);
    let strip = (!bands.is_empty()).then(|| Strip { name: "level".to_owned(), bands });
    Panel { y, height: 150.0, series, strip }
}

fn times(timeline: &Timeline) -> Panel {
    let p99 = steps(timeline, |second| second.p99_ms);
    let p50 = steps(timeline, |second| second.p50_ms);
    let series = vec![
        line("p99", Colour::VERMILION, Dash::Solid, 1.4, Shape::Line, p99),
        line("p50", Colour::BLUE, Dash::Solid, 1.4, Shape::Line, p50),
    ];
    Panel { y: Axis::new("reply time (ms)", Scale::Log), height: 150.0, series, strip: None }
}

fn line(name: &str, colour: Colour, dash: Dash, width: f64, shape: Shape, points: Vec<Point>) -> Series {
    Series { name: name.to_owned(), colour, dash, width, shape, symbol: None, points }
}

/// A point for each second, and the last one's value to the second's end.
fn steps(timeline: &Timeline, value: impl Fn(&Second) -> Option<f64>) -> Vec<Point> {
    let points = timeline.seconds.iter().map(|second| Point::new(f64::from(second.at), value(second)));
    let last = timeline.seconds.last().map(|second| Point::new(f64::from(second.at) + 1.0, value(second)));
    points.chain(last).collect()
}

/// A band for as long as the level stays.
fn bands(timeline: &Timeline) -> Vec<Band> {
    let mut bands: Vec<Band> = Vec::new();
    for second in timeline.seconds.iter().filter(|second| !second.level.is_empty()) {
        let (from, to) = (f64::from(second.at), f64::from(second.at) + 1.0);
        match bands.last_mut() {
            Some(band) if band.name == second.level && band.to >= from => band.to = to,
            _ => bands.push(Band { from, to, name: second.level.clone(), colour: colour(&second.level) }),
        }
    }
    bands
}

fn colour(level: &str) -> Colour {
    match level {
        "Low" => Colour::SKY.lightened(0.65),
        "Medium" => Colour::ORANGE.lightened(0.5),
        "High" => Colour::VERMILION.lightened(0.3),
        _ => Colour::GREY.lightened(0.6),
    }
}

/// At round times, about eight of them.
fn ticks(end: f64) -> Vec<(f64, String)> {
    const STEPS: [f64; 9] = [5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0];
    let step = STEPS.into_iter().find(|step| end / step <= 10.0).unwrap_or(3600.0);
    let count = (end / step).floor() as u32;
    (0..=count).map(|index| f64::from(index) * step).map(|at| (at, clock(at))).collect()
}

fn told(timeline: &Timeline) -> String {
    if timeline.marks.len() > TOLD_MAX {
        return String::new();
    }
    // The number stays with its words where the line is broken.
    let one = |(index, mark): (usize, &super::super::timeline::Mark)| {
        format!("{}\u{a0}{}", index + 1, mark.what.replace(' ', "\u{a0}"))
    };
    let all = timeline.marks.iter().enumerate().map(one).collect::<Vec<_>>().join(" · ");
    if all.is_empty() { all } else { format!("Decisions: {all}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_of_time_are_round_and_few() {
        for end in [1.0, 59.0, 100.0, 420.0, 3600.0, 86_400.0] {
            let ticks = ticks(end);
            assert!((1..=26).contains(&ticks.len()), "{end}: {ticks:?}");
        }
        assert_eq!(ticks(125.0).last().map(|(_, words)| words.as_str()), Some("2:00"));
        assert_eq!(clock(65.4), "1:05");
    }
}
