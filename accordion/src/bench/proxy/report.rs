//! What a person reads: the table on the terminal, and the summary that is kept with the machine, the
//! versions, the commands and the configurations.

use std::fmt::Write as _;
use std::fs;

use comfy_table::{CellAlignment, Table, presets};

use super::record::{Beside, Measurement};
use super::rows::{Contestant, Goal, Row};
use super::run::{Measured, Plan};
use super::slow_clients::Manner;
use super::summary::{Outcome, beside, given_back, outcomes, spread};
use crate::spread::Spread;

/// Columns of the table.
const COLUMNS: [&str; 8] = ["what", "unit", "Accordion", "nginx", "HAProxy", "ratio", "goal", ""];

/// Columns of figures, to be set flush right.
const FIGURES: std::ops::RangeInclusive<usize> = 2..=6;

/// What a run was made of, for the summary.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    pub(super) command: String,
    pub(super) date: String,
    pub(super) cpus: usize,
    pub(super) proxy_cpu: usize,
    pub(super) load_cpu: usize,
    pub(super) versions: Vec<String>,
    pub(super) commands: Vec<String>,
    /// The configurations, each with its name.
    pub(super) files: Vec<(String, String)>,
}

/// The table and what is said below it, for the terminal.
pub(super) fn text(measured: &Measured) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(COLUMNS);
    for column in FIGURES {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for row in rows(&measured.measurements) {
        table.add_row(row);
    }
    let notes: String = notes(measured).iter().map(|note| format!("{note}\n")).collect();
    format!("{}\n\n{notes}", table.trim_fmt())
}

/// The summary that is kept.
pub(super) fn markdown(measured: &Measured, plan: &Plan, setting: &Setting) -> String {
    let Setting { command, date, cpus, proxy_cpu, load_cpu, .. } = setting;
    let mut text = format!(
        "# The data path\n\n`{command}`, {date}, {cpus} CPUs, {}, {}, Linux {}.\n\n\
         One worker each, on CPU {proxy_cpu}; the origin (nginx) and the load on CPU {load_cpu}. {} rounds of {} s, \
         everybody in turn and each round another first. Each figure is a median with the smallest and the largest; \
         the ratio is that to the better peer, round by round. CPU time is user and system of the proxying \
         processes; for a node it is that of the service-manager and the task-processor, beside a HAProxy before a \
         HAProxy. Only ratios say something about other machines.\n\n",
        std::env::consts::ARCH,
        processor(),
        line_of("/proc/sys/kernel/osrelease"),
        plan.rounds,
        plan.seconds,
    );
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    text += &line(&COLUMNS.map(str::to_owned));
    text += "|---|---|--:|--:|--:|--:|--:|---|\n";
    for row in rows(&measured.measurements) {
        text += &line(&row);
    }
    text += "\n";
    for note in notes(measured) {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "- {note}");
    }
    list(&mut text, "Versions", &setting.versions);
    list(&mut text, "Load", &setting.commands);
    text += "\nThe others are asked in the same way. Latencies and idle connections have a client of their own in \
             `accordion bench`.\n\n## Configurations\n";
    for (name, file) in &setting.files {
        let _ = write!(text, "\n{name}:\n\n```\n{}\n```\n", file.trim_end());
    }
    text
}

fn list(text: &mut String, title: &str, lines: &[String]) {
    if !lines.is_empty() {
        let _ = write!(text, "\n## {title}\n\n```\n{}\n```\n", lines.join("\n"));
    }
}

fn rows(measurements: &[Measurement]) -> Vec<[String; COLUMNS.len()]> {
    outcomes(measurements).iter().map(row).collect()
}

fn row(outcome: &Outcome) -> [String; COLUMNS.len()] {
    let line = outcome.line;
    let of = |wanted: &[Contestant]| {
        let found = outcome.peers.iter().find(|(contestant, _)| wanted.contains(contestant));
        found.map_or_else(|| "-".to_owned(), |(_, spread)| figure(spread))
    };
    let goal = match line.goal {
        Goal::Ratio(goal) => format!("<= {goal:.2}"),
        Goal::AtMost(goal) => format!("<= {goal:.0} KiB"),
        Goal::None => String::new(),
    };
    let met = match outcome.is_met {
        Some(true) => "met",
        Some(false) => "not met",
        None => "",
    };
    let Spread { median, min, max } = outcome.ratio;
    [
        line.title.to_owned(),
        line.row.unit().to_owned(),
        figure(&outcome.ours),
        of(&[Contestant::Nginx]),
        of(&[Contestant::Haproxy, Contestant::TwoHaproxies]),
        format!("{median:.2} ({min:.2}-{max:.2})"),
        goal,
        met.to_owned(),
    ]
}

/// `10.7 (10.5-11.0)`, and no decimals where there are three digits before them.
fn figure(spread: &Spread) -> String {
    let Spread { median, min, max } = *spread;
    let decimals = usize::from(median < 100.0);
    format!("{median:.decimals$} ({min:.decimals$}-{max:.decimals$})")
}

/// What the table has no place for.
fn notes(measured: &Measured) -> Vec<String> {
    let all = &measured.measurements;
    let mut notes = Vec::new();
    if cfg!(debug_assertions) {
        notes.push("This is a debug build of Accordion: its figures mean nothing.".to_owned());
    }
    if let Some(direct) = spread(all, Row::P50, Contestant::Direct) {
        notes.push(format!("Without a proxy the p50 at 300/s is {} us.", figure(&direct)));
    }
    if measured.busy_rate > 0.0 {
        notes.push(format!(
            "70 % of the better peer's top rate were {:.0} requests a second.",
            measured.busy_rate
        ));
    }
    let back = |contestant: Contestant| {
        let back = given_back(all, contestant)?.median * 100.0;
        Some(format!("{} {back:.0} %", contestant.name()))
    };
    let contestants = Row::Idle.contestants();
    let back: Vec<_> = contestants.into_iter().filter_map(back).collect();
    if !back.is_empty() {
        notes.push(format!("Given back after the idle connections had closed: {}.", back.join(", ")));
    }
    notes.extend([Manner::Heads, Manner::Bodies].into_iter().filter_map(|manner| slow_note(all, manner)));
    for outcome in outcomes(all).iter().filter(|outcome| outcome.failed > 0) {
        notes.push(format!("{}: {} requests failed.", outcome.line.title, outcome.failed));
    }
    notes
}

/// What became of slow clients of one kind, and of the requests beside them, by proxy.
fn slow_note(all: &[Measurement], manner: Manner) -> Option<String> {
    let what = match manner {
        Manner::Heads => "heads",
        Manner::Bodies => "bodies",
    };
    let of = |contestant: Contestant| {
        let Beside { answered, failed, p99, clients, closed } = beside(all, contestant, manner)?;
        let p99 = p99.map_or_else(|| "none".to_owned(), |p99| format!("{} us", p99.as_micros()));
        Some(format!(
            "{} answered {answered} and failed {failed}, p99 {p99}, closed {closed} of {clients}",
            contestant.name()
        ))
    };
    let all: Vec<_> = Row::Slow.contestants().into_iter().filter_map(of).collect();
    (!all.is_empty()).then(|| format!("Beside slow {what}: {}.", all.join("; ")))
}

fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    model.map_or_else(|| "unknown processor".to_owned(), |(_, model)| model.trim().to_owned())
}

fn line_of(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::{cpu, memory, slow};
    use super::super::slow_clients::SLOW;
    use super::*;

    fn measured() -> Measured {
        let one = |contestant, us| cpu(1, Row::KeepAlive1k, contestant, us);
        let measurements = vec![
            one(Contestant::Nginx, 10),
            one(Contestant::Haproxy, 12),
            one(Contestant::Accordion, 9),
            memory(Contestant::Nginx, 1000, 500),
            memory(Contestant::Accordion, 2000, 2000),
            slow(Contestant::Nginx, 800, 900),
            slow(Contestant::Accordion, 400, 500),
        ];
        Measured { measurements, busy_rate: 0.0 }
    }

    #[test]
    fn the_table_has_each_line_with_its_goal_and_what_became_of_it() {
        let text = text(&measured());
        let line = text.lines().find(|line| line.contains("keep-alive, 1 KB")).unwrap();
        let words: Vec<_> = line.split_whitespace().collect();
        let expected = "9.0 (9.0-9.0) 10.0 (10.0-10.0) 12.0 (12.0-12.0) 0.90 (0.90-0.90) <= 0.88 not met";
        assert_eq!(words[words.len() - 12..].join(" "), expected, "{line}");
        assert!(text.contains("2.0 (2.0-2.0)") && text.contains("<= 3 KiB"), "{text}");
        assert!(text.contains("closed: nginx 50 %, Accordion 100 %."), "{text}");
        let bodies = "Beside slow bodies: nginx answered 1000 and failed 0, p99 900 us, closed 0 of 500; \
                      Accordion answered 1000 and failed 0, p99 500 us, closed 0 of 500.";
        assert!(text.contains(bodies) && text.contains("Beside slow heads: nginx answered"), "{text}");
    }

    #[test]
    fn the_summary_has_what_is_needed_to_do_it_again() {
        let plan = Plan { rows: vec![Row::KeepAlive1k], rounds: 1, seconds: 4, crowd: 1000, slow: SLOW };
        let setting = Setting {
            command: "accordion bench proxy".to_owned(),
            date: "2026-11-22".to_owned(),
            cpus: 2,
            proxy_cpu: 1,
            load_cpu: 0,
            versions: vec!["nginx: 1.22".to_owned()],
            commands: vec!["wrk -t 1".to_owned()],
            files: vec![("accordion".to_owned(), "[cluster]\n".to_owned())],
        };
        let text = markdown(&measured(), &plan, &setting);
        for part in
            ["`accordion bench proxy`, 2026-11-22, 2 CPUs", "1 rounds of 4 s", "nginx: 1.22", "wrk -t 1"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(text.contains("accordion:\n\n```\n[cluster]\n```\n"), "{text}");
    }
}
