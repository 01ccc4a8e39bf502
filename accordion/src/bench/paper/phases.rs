//! Where the time of a request goes (the paper's figure 13), from the access logs of the front end and of the nodes.
//! Reading the files apart, all of it is pure.
//!
//! The relays on the way log the same times in JSON. What the front end waits for the first byte of an answer, it
//! waits for the wire, the task-processor and the service; what the task-processor has the request for, it has it for
//! itself and the service; and the rest is each one's own. So the parts are differences, of medians where two
//! logs are compared: a request is not found again in the other log. That holds for answers so small that the
//! first byte is the last one as well.

mod line;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use super::results::Bar;
use crate::spread::Spread;
use line::Line;

/// What the front end's log calls its own copy.
const LOCAL: &str = "local";

/// The parts, in the order in which a request passes them.
const PARTS: [&str; 4] = ["service-manager", "wire", "task-processor", "service"];

/// Where the lines are, and which of them count.
#[derive(Debug, Clone)]
pub(super) struct Logs {
    /// The service-manager's, with `access_log = "json"`.
    pub(super) front: PathBuf,
    /// The task-processors', with `--access-log`.
    pub(super) nodes: Vec<PathBuf>,
    /// What was asked for, as in the request line; nothing else is looked at.
    pub(super) target: String,
}

impl Logs {
    /// A bar for each way that requests took: local, by a node. Lines appear as the daemons write them, so that
    /// all are there once the daemons have ended, and nearly all a second after the last answer.
    ///
    /// # Errors
    /// A log cannot be read or understood, or has not one request that counts.
    pub(super) fn bars(&self) -> anyhow::Result<Vec<Bar>> {
        let front = self.lines(&self.front)?;
        let mut nodes = Vec::new();
        for path in &self.nodes {
            nodes.extend(self.lines(path)?);
        }
        let (local, by_node): (Vec<_>, Vec<_>) = front.into_iter().partition(|line| line.served_by == LOCAL);
        ensure!(!local.is_empty() || !by_node.is_empty(), "{} has no such request", self.front.display());
        ensure!(
            by_node.is_empty() == nodes.is_empty(),
            "the front end's log and the nodes' do not belong together"
        );
        Ok([of_local(&local), of_a_node(&by_node, &nodes)].into_iter().flatten().collect())
    }

    fn lines(&self, path: &Path) -> anyhow::Result<Vec<Line>> {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        line::of(&text, &self.target).with_context(|| format!("{} is no access log in JSON", path.display()))
    }
}

/// The way to the copy beside the service-manager.
fn of_local(front: &[Line]) -> Option<Bar> {
    let service = median(front, |line| line.first_byte_us)?;
    let own = median(front, |line| line.total_us.saturating_sub(line.first_byte_us))?;
    Some(bar("local", [own, 0.0, 0.0, service]))
}

/// The way by a node.
fn of_a_node(front: &[Line], nodes: &[Line]) -> Option<Bar> {
    let away = |line: &Line| line.connect_us + line.first_byte_us;
    let own = median(front, |line| line.total_us.saturating_sub(away(line)))?;
    let there = median(nodes, |line| line.total_us)?;
    // Two medians may differ the other way round where there is next to nothing between them.
    let wire = (median(front, away)? - there).max(0.0);
    let relayed = median(nodes, |line| line.total_us.saturating_sub(line.first_byte_us))?;
    let service = median(nodes, |line| line.first_byte_us)?;
    Some(bar("by a node", [own, wire, relayed, service]))
}

fn bar(way: &str, us: [f64; PARTS.len()]) -> Bar {
    let parts = PARTS.into_iter().map(str::to_owned).zip(us).collect();
    Bar { way: way.to_owned(), parts }
}

fn median(lines: &[Line], of: impl Fn(&Line) -> u64) -> Option<f64> {
    Spread::of(lines.iter().map(|line| of(line) as f64)).map(|spread| spread.median)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(served_by: &str, connect_us: u64, first_byte_us: u64, total_us: u64) -> Line {
        Line { served_by: served_by.to_owned(), connect_us, first_byte_us, total_us }
    }

    fn us(bar: &Bar) -> Vec<f64> {
        bar.parts.iter().map(|(_, us)| *us).collect()
    }

    #[test]
    fn a_request_to_the_local_copy_has_two_parts() {
        // The connect to the copy beside it is the service-manager's own.
        let front = [line(LOCAL, 30, 400, 500), line(LOCAL, 0, 500, 540), line(LOCAL, 0, 450, 500)];
        let bar = of_local(&front).unwrap();
        assert_eq!((bar.way.as_str(), us(&bar)), ("local", vec![50.0, 0.0, 0.0, 450.0]));
        assert_eq!(of_local(&[]), None);
    }

    #[test]
    fn a_request_by_a_node_has_four_that_add_up_to_its_time() {
        // A connect to the node is on the wire.
        let front = [line("c1", 20, 780, 900), line("c1", 0, 800, 900), line("c2", 0, 800, 900)];
        let nodes = [line("demo", 0, 500, 560), line("demo", 10, 500, 560), line("demo", 0, 500, 560)];
        let bar = of_a_node(&front, &nodes).unwrap();
        assert_eq!((bar.way.as_str(), us(&bar)), ("by a node", vec![100.0, 240.0, 60.0, 500.0]));
        assert_eq!(us(&bar).iter().sum::<f64>(), 900.0);
        assert_eq!(bar.parts[2].0, "task-processor");
        assert_eq!(of_a_node(&front, &[]), None);
    }

    #[test]
    fn of_an_even_number_the_median_is_between_the_two() {
        let lines = [1, 9, 4, 2].map(|total| line(LOCAL, 0, 0, total));
        assert_eq!(median(&lines, |line| line.total_us), Some(3.0));
        assert_eq!(median(&[], |line| line.total_us), None);
    }

    #[test]
    fn logs_are_read_and_a_node_without_a_log_is_a_fault() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, lines: &[Line]| {
            let path = directory.path().join(name);
            fs::write(&path, lines.iter().map(line::sample).collect::<String>()).unwrap();
            path
        };
        let front = file("front", &[line(LOCAL, 0, 450, 500), line("c1", 0, 800, 900)]);
        let node = file("c1", &[line("demo", 0, 500, 560)]);
        let logs = Logs { front, nodes: vec![node], target: line::TARGET.to_owned() };
        let bars = logs.bars().unwrap();
        let ways: Vec<_> = bars.iter().map(|bar| (bar.way.as_str(), us(bar).iter().sum::<f64>())).collect();
        assert_eq!(ways, [("local", 500.0), ("by a node", 900.0)]);
        let fault = |logs: Logs| logs.bars().unwrap_err().to_string();
        assert!(fault(Logs { nodes: Vec::new(), ..logs.clone() }).contains("do not belong together"));
        assert!(fault(Logs { target: "/other".to_owned(), ..logs.clone() }).ends_with("has no such request"));
        let gone = directory.path().join("gone");
        assert!(fault(Logs { front: gone, ..logs }).starts_with("cannot read"));
    }
}
