//! What the terminal shows at the end of a run: the verdicts, and a small table for each experiment.

use clap::ValueEnum as _;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::super::experiment::Experiment;
use super::super::results::Results;
use super::{cells, story};

/// All of it.
pub(super) fn write(results: &Results) -> String {
    let mut parts: Vec<String> =
        Experiment::value_variants().iter().filter_map(|one| table(results, *one)).collect();
    if let Some(timeline) = story::elastic_of(results) {
        parts.push(format!("Left to itself\n{}", story::elastic_sums(timeline)));
    }
    if !results.verdicts.is_empty() {
        parts.push(verdicts(results));
    }
    parts.join("\n\n") + "\n"
}

/// A line for each contestant, which is narrower than a column for each.
fn table(results: &Results, experiment: Experiment) -> Option<String> {
    let (_, grid) = story::grid_of(results, experiment)?;
    let mut table = plain();
    let xs = grid.xs.iter().map(ToString::to_string);
    table.set_header([experiment.axis().to_owned()].into_iter().chain(xs));
    for contestant in &grid.contestants {
        let entries = grid.xs.iter().map(|x| match grid.cell(*contestant, *x) {
            Some(cell) => story::entry(cell, cell.mean().map(|mean| story::time(mean.median))).words,
            None => "–".to_owned(),
        });
        table.add_row([cells::name(experiment, *contestant)].into_iter().chain(entries));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    Some(format!("{} (mean reply time, ms)\n{}", experiment.title(), table.trim_fmt()))
}

fn verdicts(results: &Results) -> String {
    let mut table = plain();
    for verdict in &results.verdicts {
        let word = if verdict.is_met { "met" } else { "NOT met" };
        let words = [verdict.experiment, &verdict.what, &verdict.goal, &verdict.found, word];
        table.add_row(words.map(str::to_owned));
    }
    format!("Goals\n{}\n{}", table.trim_fmt(), story::count(&results.verdicts))
}

fn plain() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table
}
