//! What the report tells, and in which order.

use clap::ValueEnum as _;

use super::super::experiment::Experiment;
use super::super::record::Client;
use super::super::results::{self, Results};
use super::super::timeline::Timeline;
use super::cells::{self, Cell, Grid};
use super::document::{Block, Document, Entry, Figure, Table, Tone};
use super::{elastic, figures};
use crate::spread::Spread;

const PERCENTILES_ARE: &str = "Reply times in milliseconds within which 50 % and 99 % of the requests were \
                               answered, by an open loop that knows each of them; medians of the rounds:";

/// The whole report.
pub(super) fn tell(results: &Results) -> Document {
    let title = format!("The experiments of 2004, again ({})", results.setting.date);
    let mut document = Document { title, blocks: Vec::new() };
    conditions(&mut document, results);
    verdicts(&mut document, results);
    if let Some(timeline) = elastic_of(results) {
        tell_elastic(&mut document, timeline);
    }
    for experiment in Experiment::value_variants() {
        tell_experiment(&mut document, results, *experiment);
        // The paper has its figure 13 between those of its second and its third table.
        if *experiment == Experiment::Size {
            tell_phases(&mut document, &results.phases);
        }
    }
    document
}

/// The elastic run, where there is something to tell of it.
pub(super) fn elastic_of(results: &Results) -> Option<&Timeline> {
    results.elastic.as_ref().filter(|timeline| !timeline.seconds.is_empty())
}

/// What was found of an experiment, by the paper's client where it was used.
pub(super) fn grid_of(results: &Results, experiment: Experiment) -> Option<(Client, Grid)> {
    [Client::Httperf, Client::OpenLoop]
        .into_iter()
        .find_map(|client| Some((client, Grid::new(&results.measurements, experiment, client)?)))
}

/// How many goals are met, as a sentence.
pub(super) fn count(verdicts: &[results::Verdict]) -> String {
    let met = verdicts.iter().filter(|verdict| verdict.is_met).count();
    format!("{met} of {} goals are met.", verdicts.len())
}

/// In milliseconds, with as many digits as one can trust.
pub(super) fn time(milliseconds: f64) -> String {
    match milliseconds {
        _ if !milliseconds.is_finite() => "?".to_owned(),
        _ if milliseconds < 9.995 => format!("{milliseconds:.2}"),
        _ if milliseconds < 99.95 => format!("{milliseconds:.1}"),
        _ => format!("{milliseconds:.0}"),
    }
}

/// A time of a cell, with what failed.
pub(super) fn entry(cell: &Cell, time: Option<String>) -> Entry {
    match (time, cell.failed_percent()) {
        (Some(time), None) => time.into(),
        (Some(time), Some(percent)) => Entry::new(Tone::Bad, format!("{time}, {} failed", percents(percent))),
        (None, Some(_)) => Entry::new(Tone::Bad, "all failed"),
        (None, None) => Entry::new(Tone::Pale, "–"),
    }
}

fn percents(percent: f64) -> String {
    if percent < 0.1 { "under 0.1 %".to_owned() } else { format!("{percent:.1} %") }
}

fn conditions(document: &mut Document, results: &Results) {
    let setting = &results.setting;
    document.paragraph("Made by:");
    document.blocks.push(Block::Command(setting.command.clone()));
    if !setting.conditions.is_empty() {
        document.heading("Conditions");
        document.blocks.push(Block::List(setting.conditions.clone()));
    }
}

fn verdicts(document: &mut Document, results: &Results) {
    if results.verdicts.is_empty() {
        return;
    }
    document.heading("Goals");
    document.paragraph(count(&results.verdicts));
    let rows = results.verdicts.iter().map(|verdict| {
        let (tone, word) = if verdict.is_met { (Tone::Good, "met") } else { (Tone::Bad, "NOT met") };
        let words = [verdict.experiment, &verdict.what, &verdict.goal, &verdict.found].map(Entry::from);
        words.into_iter().chain([Entry::new(tone, word)]).collect()
    });
    let head = ["experiment", "what", "goal", "found", "verdict"].map(str::to_owned).to_vec();
    document.blocks.push(Block::Table(Table { head, rows: rows.collect(), numbers_from: 5 }));
}

fn tell_experiment(document: &mut Document, results: &Results, experiment: Experiment) {
    let Some((client, grid)) = grid_of(results, experiment) else { return };
    document.heading(experiment.title());
    document.paragraph(means_are(experiment, client, &grid));
    document.blocks.push(Block::Table(means(experiment, &grid)));
    let caption = caption(experiment);
    let drawing = figures::experiment(experiment, client, &grid);
    document.blocks.push(Block::Figure(Figure { name: figures::name(experiment), caption, drawing }));
    if let Some(open) = Grid::new(&results.measurements, experiment, Client::OpenLoop) {
        document.paragraph(PERCENTILES_ARE);
        document.blocks.push(Block::Table(percentiles(experiment, &open)));
    }
}

fn means_are(experiment: Experiment, client: Client, grid: &Grid) -> String {
    let by = match client {
        Client::Httperf => "httperf, as in the paper",
        Client::OpenLoop => "an open loop",
    };
    let rounds = match grid.rounds {
        1 => "one round".to_owned(),
        rounds => format!("medians of {rounds} rounds"),
    };
    let paper = experiment.of_the_paper().map_or_else(String::new, |table| {
        format!(" The columns of 2004 are the paper's own, {}.", table.source)
    });
    format!("Mean reply times in milliseconds by {by}; {rounds}.{paper}")
}

fn caption(experiment: Experiment) -> String {
    let which = match experiment {
        Experiment::Rate => "the paper's figure 11, again",
        Experiment::Size => "the paper's figure 12, again",
        Experiment::Work => "the paper's figure 14, again",
        Experiment::Mix => "the experiment of the paper before it, again",
    };
    format!("{}: {which}", experiment.title())
}

fn means(experiment: Experiment, grid: &Grid) -> Table {
    let paper = experiment.of_the_paper();
    let mut table = frame(experiment, grid);
    table.head.extend(paper.iter().flat_map(|paper| paper.columns).map(|column| format!("2004: {column}")));
    table.rows = rows(grid, |cell| cell.mean().map(|mean| time(mean.median)));
    for (x, row) in grid.xs.iter().zip(&mut table.rows) {
        let Some(paper) = paper else { continue };
        let found = paper.rows.iter().find(|(of, _)| of == x).map(|(_, values)| *values);
        let words = (0..paper.columns.len())
            .map(|column| found.map_or_else(|| "–".to_owned(), |values| format!("{:.1}", values[column])));
        row.extend(words.map(|words| Entry::new(Tone::Pale, words)));
    }
    table
}

fn percentiles(experiment: Experiment, grid: &Grid) -> Table {
    let word = |rounds: Option<Spread>| rounds.map_or_else(|| "–".to_owned(), |rounds| time(rounds.median));
    let both = |cell: &Cell| cell.p50().map(|p50| format!("{} / {}", time(p50.median), word(cell.p99())));
    Table { rows: rows(grid, both), ..frame(experiment, grid) }
}

fn frame(experiment: Experiment, grid: &Grid) -> Table {
    let names = grid.contestants.iter().map(|contestant| cells::name(experiment, *contestant));
    let head = [experiment.axis().to_owned()].into_iter().chain(names).collect();
    Table { head, rows: Vec::new(), numbers_from: 0 }
}

fn rows(grid: &Grid, words: impl Fn(&Cell) -> Option<String>) -> Vec<Vec<Entry>> {
    let one = |x: &u32| {
        let entries = grid.contestants.iter().map(|contestant| match grid.cell(*contestant, *x) {
            Some(cell) => entry(cell, words(cell)),
            None => Entry::new(Tone::Pale, "–"),
        });
        [Entry::from(x.to_string())].into_iter().chain(entries).collect()
    };
    grid.xs.iter().map(one).collect()
}

fn tell_phases(document: &mut Document, bars: &[results::Bar]) {
    if bars.is_empty() {
        return;
    }
    document.heading("Where the time of a request goes");
    let drawing = figures::phases(bars);
    let caption = "The way of one request, medians in microseconds: the paper's figure 13, again".to_owned();
    document.blocks.push(Block::Figure(Figure { name: "figure-13", caption, drawing }));
    let rows = bars.iter().flat_map(|bar| {
        let sum = ("together".to_owned(), bar.parts.iter().map(|(_, length)| length).sum());
        let parts = bar.parts.iter().cloned().chain([sum]).enumerate();
        parts.map(|(index, (name, length))| {
            let way = if index == 0 { bar.way.clone() } else { String::new() };
            vec![way.into(), name.into(), format!("{length:.1}").into()]
        })
    });
    let head = ["way", "part", "µs"].map(str::to_owned).to_vec();
    document.blocks.push(Block::Table(Table { head, rows: rows.collect(), numbers_from: 2 }));
}

fn tell_elastic(document: &mut Document, timeline: &Timeline) {
    document.heading("Left to itself");
    let drawing = elastic::draw(timeline);
    let caption = "Load, nodes and reply times over time; numbered: the decisions".to_owned();
    document.blocks.push(Block::Figure(Figure { name: "elastic", caption, drawing }));
    document.paragraph(elastic_sums(timeline));
    if timeline.marks.is_empty() {
        return;
    }
    document.paragraph(
        "Every decision that changed something, and the reason that Accordion itself gave for it:",
    );
    let rows = timeline.marks.iter().enumerate().map(|(index, mark)| {
        let at = elastic::clock(mark.at);
        vec![(index + 1).to_string().into(), at.into(), mark.what.clone().into(), mark.reason.clone().into()]
    });
    let head = ["no.", "at", "decision", "reason"].map(str::to_owned).to_vec();
    document.blocks.push(Block::Table(Table { head, rows: rows.collect(), numbers_from: 4 }));
}

/// The run as one sentence or two.
pub(super) fn elastic_sums(timeline: &Timeline) -> String {
    let sum = |of: fn(&super::super::timeline::Second) -> u64| timeline.seconds.iter().map(of).sum::<u64>();
    let (due, failed) = (sum(|second| second.due), sum(|second| second.failed));
    let (held, oracle) = (sum(|second| second.held.into()), sum(|second| second.oracle.into()));
    let most = timeline.seconds.iter().map(|second| second.held).max().unwrap_or(0);
    let lost = match failed {
        0 => "none of them failed".to_owned(),
        1 => "1 of them failed".to_owned(),
        _ => format!("{failed} of them failed"),
    };
    let length = elastic::clock(timeline.seconds.len() as f64);
    format!(
        "In {length} minutes {due} requests were due and {lost}. Up to {most} nodes were held, \
         {held} node-seconds in all; one who knows the load would have held {oracle}."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_with_failures_says_so() {
        let mut cell = Cell::default();
        assert_eq!(entry(&cell, None).words, "–");
        cell.replies = 990;
        assert_eq!(entry(&cell, Some("1.2".to_owned())), Entry::new(Tone::Plain, "1.2"));
        cell.failed = 10;
        assert_eq!(entry(&cell, Some("1.2".to_owned())), Entry::new(Tone::Bad, "1.2, 1.0 % failed"));
        assert_eq!(entry(&cell, None).words, "all failed");
    }

    #[test]
    fn times_have_the_digits_one_can_trust() {
        assert_eq!([0.7, 12.34, 655.5, f64::NAN].map(time), ["0.70", "12.3", "656", "?"]);
    }
}
