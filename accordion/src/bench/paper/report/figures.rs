//! The figures of the experiments, and the bars of where the time goes.

use super::super::contestant::Contestant;
use super::super::experiment::{Experiment, Table};
use super::super::record::Client;
use super::super::results;
use super::cells::{self, Grid};
use super::look::{self, Look};
use crate::bench::plot::{Axis, Bar, Bars, Chart, Drawing, Panel, Point, Scale, Series, Shape};

/// More failures than so many of a hundred requests, and the point is a cross.
const FAILED_PERCENT: f64 = 1.0;

/// Of its files: the number is that of the paper's own figure.
pub(super) const fn name(experiment: Experiment) -> &'static str {
    match experiment {
        Experiment::Rate => "figure-11",
        Experiment::Size => "figure-12",
        Experiment::Work => "figure-14",
        Experiment::Mix => "mix",
    }
}

/// The reply times of one experiment.
pub(super) fn experiment(experiment: Experiment, client: Client, grid: &Grid) -> Drawing {
    let papers = experiment.of_the_paper().map(|table| of_the_paper(experiment, table)).unwrap_or_default();
    let lines: Vec<Series> = papers.into_iter().chain(of_ours(experiment, grid)).collect();
    let mut x = Axis::new(axis(experiment), Scale::Linear);
    x.ticks = ticks(experiment, grid);
    // There must be room for every name beside the lines.
    let height = (lines.len() as f64 * 17.0 + 20.0).max(360.0);
    let y = Axis::new("reply time (ms)", scale(experiment, &lines));
    let panel = Panel { y, height, series: lines, strip: None };
    Chart {
        title: title(experiment),
        note: note(experiment, client, grid),
        x,
        panels: vec![panel],
        marks: Vec::new(),
        footer: String::new(),
    }
    .draw()
}

/// Figure 13.
pub(super) fn phases(bars: &[results::Bar]) -> Drawing {
    let bars = bars.iter().map(|bar| Bar { name: bar.way.clone(), parts: bar.parts.clone() }).collect();
    let (title, note) =
        ("Where the time of a request goes".to_owned(), "Medians, in microseconds.".to_owned());
    Bars { title, note, label: "time (µs)".to_owned(), bars }.draw()
}

fn title(experiment: Experiment) -> String {
    match experiment {
        Experiment::Rate => "Reply time of 1 KB at rising rates",
        Experiment::Size => "Reply time of rising sizes, one request a second",
        Experiment::Work => "Reply time of requests that take 10 ms of a node's CPU, at rising rates",
        Experiment::Mix => "Reply time of a text, 10 KB and 1 MB on a rising number of nodes",
    }
    .to_owned()
}

const fn axis(experiment: Experiment) -> &'static str {
    match experiment {
        Experiment::Rate | Experiment::Work => "rate (requests/s)",
        Experiment::Size => "size of the answer (KB)",
        Experiment::Mix => "nodes",
    }
}

fn note(experiment: Experiment, client: Client, grid: &Grid) -> String {
    let mut note = match client {
        Client::Httperf => "Mean reply time as httperf tells it",
        Client::OpenLoop => "Mean reply time of an open loop",
    }
    .to_owned();
    if grid.rounds > 1 {
        note.push_str(&format!(": the median of {} rounds, and the least and the most", grid.rounds));
    }
    note.push('.');
    if let Some(table) = experiment.of_the_paper() {
        note.push_str(&format!(
            " Dashed in grey: what the paper found in 2004 ({}).",
            table.source.replace(' ', "\u{a0}")
        ));
    }
    let is_crossed =
        |one: &Contestant| drawn(experiment, grid).any(|x| grid.cell(*one, x).is_some_and(is_faulty));
    if grid.contestants.iter().any(is_crossed) {
        note.push_str(" A cross: more than 1 % of the requests failed.");
    }
    note
}

/// The places of the axis that the paper has too, or that lie between: others would press these together, and are in
/// the table.
fn drawn(experiment: Experiment, grid: &Grid) -> impl Iterator<Item = u32> {
    let papers = experiment.of_the_paper().map_or(&[][..], |table| table.rows);
    let last = papers.iter().map(|(x, _)| *x).max().unwrap_or(u32::MAX);
    grid.xs.iter().copied().filter(move |x| *x <= last)
}

fn is_faulty(cell: &cells::Cell) -> bool {
    cell.failed_percent().is_some_and(|percent| percent > FAILED_PERCENT)
}

fn of_ours(experiment: Experiment, grid: &Grid) -> impl Iterator<Item = Series> {
    grid.contestants.iter().map(move |contestant| {
        let points = drawn(experiment, grid).filter_map(|x| {
            let cell = grid.cell(*contestant, x)?;
            let mean = cell.mean();
            let span = mean.filter(|_| grid.rounds > 1).map(|mean| (mean.min, mean.max));
            let y = mean.map(|mean| mean.median);
            Some(Point { x: f64::from(x), y, span, is_faulty: is_faulty(cell) })
        });
        series(cells::name(experiment, *contestant), look::of(*contestant), points.collect())
    })
}

/// What the paper has of its master alone, and of the most nodes: the columns between would be the same line.
fn of_the_paper(experiment: Experiment, table: &Table) -> Vec<Series> {
    let is_drawn = |column: &str| match experiment {
        Experiment::Work => true,
        _ => !matches!(column, "1' Slave" | "2' Slave"),
    };
    let columns = table.columns.iter().enumerate().filter(|(_, column)| is_drawn(column));
    let line = |(index, column): (usize, &&str)| {
        let points = table.rows.iter().map(|(x, row)| Point::new(f64::from(*x), Some(row[index])));
        series(format!("2004: {column}"), look::PAPER, points.collect())
    };
    columns.map(line).collect()
}

fn series(name: String, look: Look, points: Vec<Point>) -> Series {
    let Look { colour, dash, width, symbol } = look;
    Series { name, colour, dash, width, shape: Shape::Line, symbol, points }
}

/// Logarithmic where one line would press the others to the bottom.
fn scale(experiment: Experiment, lines: &[Series]) -> Scale {
    const RATIO_MAX: f64 = 8.0;
    let values =
        || lines.iter().flat_map(|line| &line.points).filter_map(|point| point.y).filter(|y| *y > 0.0);
    let (least, most) = (values().fold(f64::MAX, f64::min), values().fold(0.0, f64::max));
    if experiment == Experiment::Work || most > least * RATIO_MAX { Scale::Log } else { Scale::Linear }
}

/// At the paper's places; where it has none, at every one where something was measured.
fn ticks(experiment: Experiment, grid: &Grid) -> Vec<(f64, String)> {
    let papers = experiment.of_the_paper().map(|table| table.rows.iter().map(|(x, _)| *x).collect());
    let xs: Vec<u32> = papers.unwrap_or_else(|| grid.xs.clone());
    xs.into_iter().map(|x| (f64::from(x), x.to_string())).collect()
}
