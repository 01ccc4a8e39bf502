//! What was found, for a person: the curve as a table and as a picture, and the lines for cluster.toml.

use std::fmt::Write;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};

use super::curve::Point;
use super::finding::{Finding, Values, rate};
use super::plot;
use super::thresholds::Thresholds;
use crate::picture::width;

const COLUMNS: [&str; 8] = ["IN FLIGHT", "REQUESTS/S", "SPREAD", "P50", "P99", "FAILED", "CLIENT CPU", ""];

/// All of it, as wide as the terminal.
pub(super) fn of(found: &Finding<'_>) -> String {
    let mut text = format!(
        "{}: {}; GET {}; {} round{} of steps of {} s\n\n",
        found.service.name,
        found.subject,
        found.paths.join(", "),
        found.rounds,
        if found.rounds == 1 { "" } else { "s" },
        found.step_seconds
    );
    let knee = found.values.as_ref().map(|values| values.knee.index);
    // Writing into a String cannot fail.
    let _ = writeln!(text, "{}", table(&found.curve.points, knee));
    if let (Some(knee), false) = (knee, found.curve.points.is_empty()) {
        text.push('\n');
        text += &plot::of(&found.curve.points, knee, width());
    }
    if let Some(values) = &found.values {
        text.push('\n');
        text += &lines(found, values);
    }
    for remark in &found.remarks {
        let _ = write!(text, "\nnote: {remark}");
    }
    if !found.remarks.is_empty() {
        text.push('\n');
    }
    text
}

fn table(points: &[Point], knee: Option<usize>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(COLUMNS);
    for column in 0..COLUMNS.len() - 1 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for (index, point) in points.iter().enumerate() {
        table.add_row(vec![
            point.in_flight.to_string(),
            rate(point.per_second),
            format!("{:.0} %", point.spread * 100.0),
            time(point.p50),
            time(point.p99),
            point.failed.to_string(),
            format!("{:.0} %", point.client_cpu * 100.0),
            if knee == Some(index) { "knee" } else { "" }.to_owned(),
        ]);
    }
    table.trim_fmt()
}

/// What to put into the file, each with its reason and what is there so far.
fn lines(found: &Finding<'_>, values: &Values) -> String {
    let (name, capacity, scaling) = (&found.service.name, found.service.capacity, &found.service.scaling);
    let Thresholds { high, target, low, why_high, why_target, why_low, .. } = &values.thresholds;
    format!(
        "Cross-check: the asymptotes of the curve meet at {:.1} in flight. For cluster.toml:\n\n\
         [service.{name}]\n\
         # {}; so far {capacity}\n\
         capacity = {}\n\n\
         [service.{name}.scaling]\n\
         # {why_high}; so far {}\n\
         high = {high}\n\
         # {why_target}; so far {}\n\
         target = {target}\n\
         # {why_low}; so far {}\n\
         low = {low}\n",
        values.knee.crossing,
        values.why_capacity,
        values.knee.capacity,
        scaling.high,
        scaling.target,
        scaling.low,
    )
}

/// With as many digits as are of use.
pub(super) fn time(time: Duration) -> String {
    match time.as_secs_f64() * 1e3 {
        ms if ms >= 10_000.0 => format!("{:.1} s", ms / 1e3),
        ms if ms >= 10.0 => format!("{ms:.0} ms"),
        ms => format!("{ms:.2} ms"),
    }
}
