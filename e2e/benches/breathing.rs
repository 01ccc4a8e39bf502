//! How much a breath costs: requests lost over many adds and drains under constant load, and the
//! time from a decision until the new node may take its first request, beyond the service's own.
//!
//! `cargo bench -p e2e --bench breathing [-- BREATHS]` (default 34: about 100 adds and 100 drains,
//! 5 minutes). Keeps the summary and the raw figures in `e2e/runs/<date>-<machine>/`.
#![allow(clippy::print_stdout)] // what a person who runs it reads

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use e2e::load::{Load, Request};
use e2e::runs;
use e2e::site::{Plan, Site};

const PROGRAM: &str = env!("CARGO_BIN_EXE_e2e-accordion");

/// Each breath borrows and gives back the three nodes of the pool.
const BREATHS: usize = 34;

const STEP: Duration = Duration::from_secs(60);

/// One node added, in milliseconds.
struct Add {
    /// From the decision until the service-manager picks by the list that has the node.
    total: f64,
    /// From the service's spawn to its first good probe.
    service: f64,
}

fn main() {
    let asked = std::env::args().find_map(|word| word.parse().ok());
    let breaths: usize = asked.unwrap_or(BREATHS);
    let scaling = "slow_window = \"3s\"\ndown_window = \"3s\"\ndown_after_up = \"1s\"\nnode_age_min = \"1s\"\n\
                   drain_period = \"500ms\"\n";
    let plan = Plan { scaling: scaling.to_owned(), ..Plan::default() };
    let mut site = Site::up(PROGRAM, &plan);
    let closing = Load::new(site.address(), Request::get(1024, 40, 1), 12);
    let kept = Load::new(site.address(), Request::get(20_000, 40, 50), 12);
    for breath in 1..=breaths {
        closing.set(12);
        kept.set(12);
        site.wait_ready(3, STEP);
        closing.set(1);
        kept.set(0);
        site.wait_ready(0, STEP);
        println!("breath {breath} of {breaths}, {} requests", closing.answered() + kept.answered());
    }
    let (closing, kept) = (closing.finish(), kept.finish());
    let log = site.log();
    let drains = log.matches("given back").count();
    let adds = adds(&log);
    assert!(site.down().success());
    report(&adds, drains, closing.answered + kept.answered, closing.failed + kept.failed);
}

/// Follows each node from the order to the list, by the times in the daemons' own logs.
fn adds(log: &str) -> Vec<Add> {
    let mut adds = Vec::new();
    let (mut ordered, mut service) = (std::collections::HashMap::new(), std::collections::HashMap::new());
    for line in log.lines() {
        let Some(at) = time(line) else { continue };
        let node = field(line, "node=").map(str::to_owned);
        if line.contains(" ordered ") {
            ordered.insert(node.unwrap_or_default(), at);
        } else if let Some(took) = field(line, "start_ms=").filter(|_| line.starts_with("task-processor[")) {
            let name = line.split(['[', ']']).nth(1).unwrap_or_default().to_owned();
            service.insert(name, took.parse().expect("a time in ms"));
        } else if line.contains("child_list generation=") {
            for name in ordered.keys().cloned().collect::<Vec<_>>() {
                let listed = line.contains(&format!("{name} ")) || line.contains(&format!("{name}]"));
                if let (true, Some(service)) = (listed, service.get(&name)) {
                    let since = ordered.remove(&name).unwrap_or(at);
                    let total = at.duration_since(since).unwrap_or_default().as_secs_f64() * 1e3;
                    adds.push(Add { total, service: *service });
                }
            }
        }
    }
    adds
}

/// The time of a log line.
fn time(line: &str) -> Option<SystemTime> {
    line.split_whitespace().find_map(|word| humantime::parse_rfc3339(word).ok())
}

/// The value of a field of a log line, without its quotes.
fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let value = line.split_once(name)?.1;
    value.split_whitespace().next().map(|value| value.trim_matches('"'))
}

fn report(adds: &[Add], drains: usize, answered: u64, lost: u64) {
    let mut beyond: Vec<f64> = adds.iter().map(|add| add.total - add.service).collect();
    beyond.sort_by(f64::total_cmp);
    let at =
        |share: f64| beyond.get(((beyond.len() as f64 - 1.0) * share) as usize).copied().unwrap_or(f64::NAN);
    let summary = format!(
        "{} adds, {drains} drains, {answered} requests answered, {lost} lost.\n\
         From the decision to the first pick, beyond the service's own time to its first good probe: median {:.1} ms, \
         95 % {:.1} ms, worst {:.1} ms.\n",
        adds.len(),
        at(0.5),
        at(0.95),
        at(1.0)
    );
    println!("\n{summary}");
    keep(&summary, adds);
    assert_eq!(lost, 0, "requests were lost");
}

/// Evidence: the summary and the raw figures.
fn keep(summary: &str, adds: &[Add]) {
    let mut csv = "total_ms,service_ms\n".to_owned();
    for add in adds {
        // Writing into a String cannot fail.
        let _ = writeln!(csv, "{:.3},{:.3}", add.total, add.service);
    }
    let folder = runs::keep("breathing", "A breath", summary);
    std::fs::write(folder.join("breathing.csv"), csv).expect("the folder of runs is writable");
    println!("kept in {}", folder.display());
}
