//! What came of an elastic run, in a few numbers. Pure.
//!
//! A second is late when the median of its reply times is above twice the flat one. The median, because it is what
//! "the reply time" of the paper's tables is like where requests are even, and because one process of another
//! that wakes on the machine that plays all the others makes a p99 of 250 requests, which is the third worst of
//! them; how many seconds are late by their p99 is told besides.
//!
//! Flat is the reply time of a copy with nothing to wait for: the median of the seconds in which what serves
//! is asked for a third of its CPU at most. The local copy and those on nodes have such a time each, for their
//! machines are not worth the same, and the longer one counts: that a node is slower than the front end is how
//! the rack was made, and not how Accordion borrows.

use super::oracle::Oracle;
use crate::bench::paper::timeline::{Second, Timeline};

/// Up to this share of its CPU a copy is quiet.
const QUIET: f64 = 1.0 / 3.0;

/// So many times the flat reply time is not late yet.
const LATE: f64 = 2.0;

/// The numbers of one run.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::bench::paper) struct Figures {
    pub(in crate::bench::paper) requests: u64,
    /// Not answered, or not well.
    pub(in crate::bench::paper) failed: u64,
    /// Without waiting; `None`: nothing was ever quiet.
    pub(in crate::bench::paper) flat_ms: Option<f64>,
    /// Seconds in all whose p50 is above twice that, and those in which requests were due and none was answered.
    pub(in crate::bench::paper) late_seconds: u32,
    /// The same by their p99, against twice the flat p50.
    pub(in crate::bench::paper) late_seconds_by_p99: u32,
    /// Nodes held, each second of each.
    pub(in crate::bench::paper) node_seconds: u64,
    /// Of one who knows the load.
    pub(in crate::bench::paper) oracle_node_seconds: u64,
}

impl Figures {
    pub(in crate::bench::paper) fn of(timeline: &Timeline, oracle: &Oracle) -> Self {
        let seconds = &timeline.seconds;
        let flat_ms = flat(seconds, oracle);
        let late = |time: fn(&Second) -> Option<f64>| {
            let is_late = |second: &&Second| match (time(second), flat_ms) {
                (Some(time), Some(flat)) => time > LATE * flat,
                (Some(_), None) => false,
                (None, _) => second.due > 0,
            };
            seconds.iter().filter(is_late).count() as u32
        };
        Self {
            requests: seconds.iter().map(|second| second.due).sum(),
            failed: seconds.iter().map(|second| second.failed).sum(),
            flat_ms,
            late_seconds: late(|second| second.p50_ms),
            late_seconds_by_p99: late(|second| second.p99_ms),
            node_seconds: seconds.iter().map(|second| u64::from(second.held)).sum(),
            oracle_node_seconds: seconds.iter().map(|second| u64::from(second.oracle)).sum(),
        }
    }

    /// The node-seconds against the oracle's; `None`: it never needs a node.
    pub(in crate::bench::paper) fn of_the_oracle(&self) -> Option<f64> {
        let oracle = self.oracle_node_seconds;
        (oracle > 0).then(|| self.node_seconds as f64 / oracle as f64)
    }
}

/// The longer one of the local copy's and the nodes' own.
fn flat(seconds: &[Second], oracle: &Oracle) -> Option<f64> {
    let is_quiet = |second: &&Second| oracle.load(second.due as f64, second.serving) <= QUIET;
    let of = |is_by_nodes: bool| {
        let quiet = seconds.iter().filter(|second| (second.serving > 0) == is_by_nodes).filter(is_quiet);
        median(quiet.filter_map(|second| second.p50_ms).collect())
    };
    [of(false), of(true)].into_iter().flatten().max_by(f64::total_cmp)
}

/// The one in the middle; of an even number the lower of the two.
fn median(mut times: Vec<f64>) -> Option<f64> {
    times.sort_by(f64::total_cmp);
    times.get(times.len().saturating_sub(1) / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORACLE: Oracle = Oracle { work: 0.0025, front: 0.4, node: 0.25, pool: 3 };

    /// A second with so many requests, served by so many nodes, and its times.
    fn second(due: u64, serving: u32, p50: f64, p99: f64) -> Second {
        Second {
            at: 0,
            due,
            replies: due,
            failed: 0,
            p50_ms: Some(p50),
            p99_ms: Some(p99),
            serving,
            held: serving,
            oracle: 0,
            level: String::new(),
        }
    }

    fn figures(seconds: Vec<Second>) -> Figures {
        Figures::of(&Timeline { seconds, marks: Vec::new() }, &ORACLE)
    }

    #[test]
    fn flat_is_what_the_slower_kind_of_machine_takes_when_it_is_quiet() {
        // Local 160 a second at most, a node 100.
        let local = [second(1, 0, 6.0, 6.0), second(10, 0, 7.0, 9.0), second(50, 0, 8.0, 9.0)];
        let busy = [second(150, 0, 40.0, 90.0), second(100, 1, 50.0, 90.0)];
        let nodes = [second(60, 3, 10.0, 12.0), second(30, 2, 11.0, 12.0), second(20, 2, 12.0, 13.0)];
        let of = |seconds: &[&[Second]]| figures(seconds.concat()).flat_ms;
        assert_eq!(of(&[&local, &busy]), Some(7.0));
        assert_eq!(of(&[&local, &busy, &nodes]), Some(11.0));
        assert_eq!(of(&[&busy]), None);
    }

    #[test]
    fn late_is_a_second_above_twice_the_flat_time_or_without_an_answer() {
        let quiet = second(1, 0, 6.0, 6.0);
        let edge = second(80, 0, 12.0, 12.1);
        let late = second(150, 0, 12.1, 30.0);
        let none = Second { replies: 0, failed: 5, p50_ms: None, p99_ms: None, ..second(5, 0, 0.0, 0.0) };
        let empty = Second { due: 0, failed: 0, ..none.clone() };
        let figures = figures(vec![quiet.clone(), quiet, edge, late, none, empty]);
        assert_eq!((figures.late_seconds, figures.late_seconds_by_p99), (2, 3));
        assert_eq!((figures.requests, figures.failed), (237, 5));
    }

    #[test]
    fn node_seconds_are_counted_against_those_of_one_who_knows() {
        let seconds: Vec<_> = [(0, 0), (2, 3), (3, 3), (3, 3), (3, 0), (1, 0)]
            .map(|(held, oracle)| Second { held, oracle, ..second(1, 0, 6.0, 6.0) })
            .to_vec();
        let held = figures(seconds);
        assert_eq!((held.node_seconds, held.oracle_node_seconds), (12, 9));
        assert!((held.of_the_oracle().unwrap() - 12.0 / 9.0).abs() < 1e-9);
        assert_eq!(figures(vec![second(1, 0, 6.0, 6.0)]).of_the_oracle(), None);
    }
}
