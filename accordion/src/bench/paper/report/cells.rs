//! What the rounds of one place in a table come to: their medians. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::super::contestant::Contestant;
use super::super::experiment::Experiment;
use super::super::record::{Client, Measurement, Times};
use crate::spread::Spread;

/// What one client measured of one experiment.
#[derive(Debug)]
pub(super) struct Grid {
    /// In the order of their kinds.
    pub(super) contestants: Vec<Contestant>,
    /// The numbers on the axis, rising.
    pub(super) xs: Vec<u32>,
    /// The most rounds of any cell.
    pub(super) rounds: usize,
    cells: BTreeMap<(Contestant, u32), Cell>,
}

/// One contestant at one place of the axis.
#[derive(Debug, Default)]
pub(super) struct Cell {
    times: Vec<Times>,
    pub(super) replies: u64,
    pub(super) failed: u64,
}

impl Grid {
    /// `None`: it measured nothing of it.
    pub(super) fn new(measurements: &[Measurement], experiment: Experiment, client: Client) -> Option<Self> {
        let mine = measurements.iter().filter(|one| one.experiment == experiment && one.client == client);
        let mut cells: BTreeMap<(Contestant, u32), Cell> = BTreeMap::new();
        let mut rounds: BTreeMap<(Contestant, u32), usize> = BTreeMap::new();
        for one in mine {
            let key = (line(experiment, one.contestant), one.x);
            let cell = cells.entry(key).or_default();
            cell.times.extend(one.times);
            cell.replies += one.replies;
            cell.failed += one.failed;
            *rounds.entry(key).or_default() += 1;
        }
        let contestants: BTreeSet<_> = cells.keys().map(|(contestant, _)| *contestant).collect();
        let xs: BTreeSet<_> = cells.keys().map(|(_, x)| *x).collect();
        let rounds = rounds.into_values().max()?;
        Some(Self {
            contestants: contestants.into_iter().collect(),
            xs: xs.into_iter().collect(),
            rounds,
            cells,
        })
    }

    pub(super) fn cell(&self, contestant: Contestant, x: u32) -> Option<&Cell> {
        self.cells.get(&(contestant, x))
    }
}

impl Cell {
    pub(super) fn mean(&self) -> Option<Spread> {
        of(self.times.iter().map(|times| times.mean).collect())
    }

    pub(super) fn p50(&self) -> Option<Spread> {
        of(self.times.iter().map(|times| times.p50).collect())
    }

    pub(super) fn p99(&self) -> Option<Spread> {
        of(self.times.iter().filter_map(|times| times.p99).collect())
    }

    /// Of a hundred requests, those that failed; `None`: none did.
    pub(super) fn failed_percent(&self) -> Option<f64> {
        let all = self.replies + self.failed;
        (self.failed > 0).then(|| 100.0 * self.failed as f64 / all as f64)
    }
}

/// Whose line a contestant is on: where nodes are on the axis, it is the same one for any number of them.
fn line(experiment: Experiment, contestant: Contestant) -> Contestant {
    if experiment != Experiment::Mix {
        return contestant;
    }
    match contestant {
        Contestant::Threads(_) => Contestant::Threads(0),
        Contestant::Nginx(_) => Contestant::Nginx(0),
        Contestant::Haproxy(_) => Contestant::Haproxy(0),
        Contestant::Accordion(_) => Contestant::Accordion(0),
        Contestant::Direct(_) => Contestant::Direct(0),
        Contestant::FillFirst(_) => Contestant::FillFirst(0),
        Contestant::Service | Contestant::Node | Contestant::TwoHaproxies | Contestant::Elastic => contestant,
    }
}

/// What people read of that line.
pub(super) fn name(experiment: Experiment, contestant: Contestant) -> String {
    let name = contestant.to_string();
    match name.strip_suffix(", local") {
        Some(kind) if experiment == Experiment::Mix => kind.to_owned(),
        _ => name,
    }
}

fn of(values: Vec<f64>) -> Option<Spread> {
    Spread::of(values.into_iter().filter(|value| value.is_finite()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(round: usize, contestant: Contestant, x: u32, mean: f64) -> Measurement {
        let times = Some(Times { mean, p50: mean, p99: None, max: mean });
        let (experiment, client) = (Experiment::Rate, Client::Httperf);
        Measurement { experiment, round, contestant, x, client, replies: 99, failed: 1, times }
    }

    #[test]
    fn a_cell_has_the_median_of_its_rounds_and_all_their_failures() {
        let service = Contestant::Service;
        let mut all: Vec<_> = [3.0, 1.0, 2.0].iter().map(|mean| one(1, service, 100, *mean)).collect();
        all.push(one(1, Contestant::Accordion(1), 50, 7.0));
        all.push(Measurement { client: Client::OpenLoop, ..one(1, service, 100, 1000.0) });
        all.push(Measurement { experiment: Experiment::Work, ..one(1, service, 100, 1000.0) });
        let grid = Grid::new(&all, Experiment::Rate, Client::Httperf).unwrap();
        let cell = grid.cell(service, 100).unwrap();
        assert_eq!(cell.mean(), Some(Spread { median: 2.0, min: 1.0, max: 3.0 }));
        assert_eq!((cell.p99(), cell.failed, cell.failed_percent()), (None, 3, Some(1.0)));
        assert_eq!((grid.xs.as_slice(), grid.rounds), ([50, 100].as_slice(), 3));
        assert!(grid.cell(service, 50).is_none());
        assert!(Grid::new(&all, Experiment::Size, Client::Httperf).is_none());
        assert_eq!(of(vec![4.0, 1.0]).map(|rounds| rounds.median), Some(2.5));
    }

    #[test]
    fn where_nodes_are_on_the_axis_a_kind_has_one_line() {
        let mix = |nodes| Measurement {
            experiment: Experiment::Mix,
            ..one(1, Contestant::Accordion(nodes), nodes, f64::from(nodes))
        };
        let grid = Grid::new(&[mix(1), mix(2)], Experiment::Mix, Client::Httperf).unwrap();
        assert_eq!(grid.contestants.len(), 1);
        assert_eq!(name(Experiment::Mix, grid.contestants[0]), "Accordion");
        assert_eq!(name(Experiment::Rate, Contestant::Accordion(0)), "Accordion, local");
    }
}
