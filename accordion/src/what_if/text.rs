//! The comparison for a person: for each load a table, and the nodes over time.

use std::fmt::Write;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use load_manager::decider::Learned;

use super::plot;
use super::variant::{Case, Played, Run};
use crate::picture::width;

const COLUMNS: [&str; 6] = ["WHAT", "OVERLOADED S", "NODE-HOURS", "DECISIONS", "FLIPS", "PEAK"];

/// All loads, as text as wide as the terminal.
pub(super) fn of(played: &Played<'_>) -> String {
    let width = width();
    let mut text = head(played);
    for case in played.cases {
        text.push('\n');
        one(&mut text, case, width);
    }
    text
}

/// What is played, so that nobody has to remember what was left to a default.
fn head(played: &Played<'_>) -> String {
    let Played { service, today, sets, .. } = played;
    let (settings, world) = (&today.settings, &today.world);
    let time = |time: Duration| humantime::format_duration(time).to_string();
    let mut head = format!(
        "{service}: {} requests in flight a copy{}, {} to {} of {} nodes\n\
         a node starts in {} and goes in {}, a request takes {}, {} may wait\n",
        settings.capacity,
        if settings.learned == Learned::Nothing {
            ""
        } else {
            " (where capacity = \"auto\" begins; here nothing is learned)"
        },
        settings.min,
        settings.max.min(settings.pool),
        settings.pool,
        time(world.start_time),
        time(world.drain_time),
        time(world.service_time),
        world.queue_max,
    );
    if !sets.is_empty() {
        // Writing into a String cannot fail.
        let _ = writeln!(head, "changed: {}", sets.join(", "));
    }
    head
}

fn one(text: &mut String, case: &Case, width: usize) {
    let loads = || case.load.points().iter().map(|point| point.in_flight);
    let (least, most) = (loads().fold(f64::MAX, f64::min), loads().fold(0.0, f64::max));
    let _ = writeln!(text, "{}: {}; {least:.1} to {most:.1} in flight\n", case.name, case.sentence);
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(COLUMNS);
    for column in 1..COLUMNS.len() {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    case.runs.iter().for_each(|run| {
        table.add_row(row(run));
    });
    let _ = writeln!(text, "{}", table.trim_fmt());
    let length = case.load.length();
    let top = case.runs.iter().flat_map(|run| run.course.ready.iter().map(|(_, ready)| *ready)).max();
    for run in &case.runs {
        let _ = write!(
            text,
            "\n {}: nodes ready\n{}",
            run.title(),
            plot::of(&run.course, length, top.unwrap_or(0).max(1), width)
        );
    }
    text.push_str(&plot::axis(length, width));
}

fn row(run: &Run) -> Vec<String> {
    let course = &run.course;
    vec![
        run.title(),
        format!("{:.1}", course.overloaded.as_secs_f64()),
        format!("{:.2}", course.node_hours),
        course.decisions.to_string(),
        course.flips.to_string(),
        course.peak.to_string(),
    ]
}
