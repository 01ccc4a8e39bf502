//! What a pick costs the service-manager with one child and with a thousand: its own measurement, which
//! stands beside what it measures and is run here for its figures.

use std::process::Command;

/// It is run so often, and the least of each figure counts: whatever else runs on the machine interrupts
/// now the one, now the other.
const RUNS: usize = 3;

/// The names of its rows: what each child is.
const STATES: [&str; 4] = ["Low", "Medium", "High", "full"];

/// A row that it prints: what each child is and how many there are, in words, and nanoseconds.
type Row = (String, f64);

/// The figures that `what_a_pick_costs` prints, as a table.
///
/// # Panics
/// When it cannot be built or fails.
pub(crate) fn figures() -> String {
    let least = |one: Vec<Row>, other: Vec<Row>| {
        one.into_iter().zip(other).map(|((case, a), (_, b))| (case, a.min(b))).collect()
    };
    let rows: Vec<Row> = (0..RUNS).map(|_| run()).reduce(least).unwrap_or_default();
    let lines: String = rows.iter().map(|(case, nanos)| format!("| {case} | {nanos:.0} |\n")).collect();
    format!("| children are | how many | ns a pick and its release |\n|---|--:|--:|\n{lines}")
}

fn run() -> Vec<Row> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let words = "test --release -q -p service-manager --lib -- --ignored --nocapture what_a_pick_costs";
    let output = Command::new(cargo).args(words.split(' ')).output().expect("cargo is there");
    let said = String::from_utf8_lossy(&output.stderr);
    let rows: Vec<Row> = said.lines().filter_map(row).collect();
    assert!(output.status.success() && !rows.is_empty(), "{said}");
    rows
}

/// Its last figure is that of a pick which looks at every seat: the reference, for which nobody waits.
fn row(line: &str) -> Option<Row> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [state, count, nanos, _] = words[..] else { return None };
    STATES.contains(&state).then_some((format!("{state} | {count}"), nanos.parse().ok()?))
}
