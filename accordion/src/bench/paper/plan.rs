//! What is measured, of whom, how often and how long. Pure.

use std::time::Duration;

use clap::ValueEnum;

use super::contestant::Contestant;
use super::experiment::Experiment;
use super::record::Client;

/// A part of the run that can be asked for alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(super) enum Part {
    /// Experiment 1: requests of 1 KB at rising rates (table 1, figure 11)
    Rate,
    /// Experiment 2: one request a second at rising sizes (table 2, figure 12)
    Size,
    /// Experiment 3: requests that take 10 ms of a node's CPU, at rising rates (table 3, figure 14)
    Work,
    /// Where the time of a request goes (figure 13)
    Phases,
    /// A rate that climbs to 250 and falls again, Accordion left to itself
    Elastic,
    /// The first paper's: a text, 10 KB and 1 MB as 2:1:1, on 3 to 10 nodes
    Mix,
}

/// One place of an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) experiment: Experiment,
    pub(super) contestant: Contestant,
    pub(super) x: u32,
    pub(super) client: Client,
}

/// The highest rates of 1 KB that the better of nginx and HAProxy serves without an error; 0 where it was not looked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Top {
    /// Before the local copy, which shares its machine.
    pub(super) local: u32,
    /// Before all the nodes.
    pub(super) by_nodes: u32,
}

/// How much of it.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) parts: Vec<Part>,
    /// How often each cell is measured; those of the mix twice as often, as in its paper.
    pub(super) rounds: usize,
    /// How long one measurement sends.
    pub(super) seconds: u64,
    /// How long the elastic run climbs and falls.
    pub(super) climb: Duration,
    /// Fewer places on each axis.
    pub(super) is_quick: bool,
}

/// Of the first three experiments, as in the paper; and the quick ones.
pub(super) const NODES: u32 = 3;
const RATES: [u32; 5] = [100, 150, 200, 250, 300];
const RATES_QUICK: [u32; 2] = [100, 300];
const SIZES: [u32; 6] = [10, 100, 200, 300, 400, 500];
const SIZES_QUICK: [u32; 2] = [10, 500];
const WORK: [u32; 7] = [1, 50, 80, 100, 150, 200, 250];
/// Where the paper's single machine broke; three nodes see nothing of it.
const WORK_EDGE: u32 = 80;
const WORK_QUICK: [u32; 3] = [1, 100, 250];
const MIX_NODES: [u32; 8] = [3, 4, 5, 6, 7, 8, 9, 10];
const MIX_NODES_QUICK: [u32; 2] = [3, 6];

/// Of one measurement of the mix, and how fast: a quarter of them is 1 MB, on a link of 100 Mbit/s.
pub(super) const MIX_REQUESTS: u64 = 100;
pub(super) const MIX_RATE: u32 = 30;

/// The share of the nodes' capacity up to which reply times are to stay flat.
pub(super) const FLAT_SHARE: f64 = 0.9;

/// Between two measurements, seconds: processes start and end.
const BETWEEN: f64 = 0.3;

/// Until everybody runs, for all the parts together, seconds.
const STARTING: f64 = 30.0;

impl Plan {
    /// Whether that part is asked for.
    pub(super) fn has(&self, part: Part) -> bool {
        self.parts.contains(&part)
    }

    /// How many nodes the static proxies of the first three experiments stand before.
    pub(super) const fn nodes(&self) -> u32 {
        NODES
    }

    /// The rates of the experiment with work.
    pub(super) const fn work_rates(&self) -> &'static [u32] {
        if self.is_quick { &WORK_QUICK } else { &WORK }
    }

    /// How many nodes the rack has.
    pub(super) fn nodes_max(&self) -> u32 {
        let of_mix = if self.has(Part::Mix) { self.mix_nodes().iter().copied().max() } else { None };
        of_mix.unwrap_or_default().max(NODES)
    }

    /// Over how many nodes the mix goes.
    pub(super) const fn mix_nodes(&self) -> &'static [u32] {
        if self.is_quick { &MIX_NODES_QUICK } else { &MIX_NODES }
    }

    /// How often a cell of that experiment is measured.
    pub(super) const fn rounds_of(&self, experiment: Experiment) -> usize {
        match experiment {
            Experiment::Mix => self.rounds * 2,
            Experiment::Rate | Experiment::Size | Experiment::Work => self.rounds,
        }
    }

    /// How often one looks at what is found out before a part begins.
    pub(super) const fn looks(&self) -> usize {
        if self.is_quick { 1 } else { 5 }
    }

    /// The cells of experiment 1, at the top rates of the peers too; 0 where none was found.
    pub(super) fn rate(&self, top: Top) -> Vec<Cell> {
        use Contestant::{Accordion, Haproxy, Nginx, Node, Service, Threads, TwoHaproxies};
        let all = [
            Service,
            Threads(0),
            Nginx(0),
            Haproxy(0),
            Accordion(0),
            Accordion(1),
            TwoHaproxies,
            Accordion(2),
            Accordion(NODES),
            Nginx(NODES),
            Haproxy(NODES),
            Threads(NODES),
        ];
        let xs = if self.is_quick { RATES_QUICK.as_slice() } else { &RATES };
        let mut cells = grid(Experiment::Rate, xs, &all, Client::Httperf);
        for (top, nodes) in [(top.local, 0), (top.by_nodes, NODES)] {
            if top > RATES[RATES.len() - 1] {
                let at_top = [Nginx(nodes), Haproxy(nodes), Accordion(nodes)];
                cells.extend(grid(Experiment::Rate, &[top], &at_top, Client::Httperf));
            }
        }
        // httperf tells tenths of a millisecond, and these differ by less.
        let closely = [Service, Node, Nginx(0), Haproxy(0), Accordion(0), TwoHaproxies, Accordion(1)];
        cells.extend(grid(Experiment::Rate, &xs[xs.len() - 1..], &closely, Client::OpenLoop));
        cells
    }

    /// The cells of experiment 2.
    pub(super) fn size(&self) -> Vec<Cell> {
        use Contestant::{Accordion, Haproxy, Nginx, Node, Service, Threads, TwoHaproxies};
        let all = [
            Service,
            Node,
            Accordion(0),
            Accordion(1),
            Accordion(2),
            Accordion(NODES),
            TwoHaproxies,
            Nginx(NODES),
            Haproxy(NODES),
            Threads(NODES),
        ];
        let xs = if self.is_quick { SIZES_QUICK.as_slice() } else { &SIZES };
        grid(Experiment::Size, xs, &all, Client::Httperf)
    }

    /// The cells of experiment 3; `capacity` is what one node serves in a second.
    pub(super) fn work(&self, capacity: f64) -> Vec<Cell> {
        use Contestant::{Accordion, Direct, FillFirst, Haproxy, Nginx, Service, Threads};
        let all = [
            Service,
            Nginx(0),
            Haproxy(0),
            Accordion(0),
            Accordion(1),
            Accordion(2),
            Accordion(NODES),
            Direct(NODES),
            FillFirst(NODES),
            Nginx(NODES),
            Haproxy(NODES),
            Threads(NODES),
        ];
        let xs = self.work_rates();
        let mut cells = grid(Experiment::Work, xs, &all, Client::Httperf);
        for nodes in 1..=NODES {
            let flat = flat_rate(capacity, nodes);
            if !xs.contains(&flat) {
                cells.extend(grid(Experiment::Work, &[flat], &[Accordion(nodes)], Client::Httperf));
            }
        }
        let beside = [Accordion(NODES), Direct(NODES), FillFirst(NODES), Nginx(NODES), Haproxy(NODES)];
        let is_told = |x: &u32| *x > 1 && *x != WORK_EDGE;
        let mut xs: Vec<u32> =
            xs.iter().copied().filter(is_told).chain([flat_rate(capacity, NODES)]).collect();
        xs.sort_unstable();
        xs.dedup();
        cells.extend(grid(Experiment::Work, &xs, &beside, Client::OpenLoop));
        cells
    }

    /// The cells of the mix.
    pub(super) fn mix(&self) -> Vec<Cell> {
        let cells = self.mix_nodes().iter().flat_map(|nodes| {
            let all = [Contestant::Accordion(*nodes), Contestant::Nginx(*nodes), Contestant::Haproxy(*nodes)];
            grid(Experiment::Mix, &[*nodes], &all, Client::OpenLoop)
        });
        cells.collect()
    }

    /// How long one measurement of that experiment sends.
    pub(super) fn seconds_of(&self, experiment: Experiment) -> u64 {
        match experiment {
            // Hundreds of requests a second tell as much in less time.
            Experiment::Rate => (self.seconds * 3 / 4).max(1),
            Experiment::Mix => MIX_REQUESTS.div_ceil(u64::from(MIX_RATE)),
            Experiment::Size | Experiment::Work => self.seconds,
        }
    }

    /// How long a cell takes in the mean, in seconds.
    pub(super) fn cost(&self, cell: Cell) -> f64 {
        self.seconds_of(cell.experiment) as f64 + BETWEEN
    }

    /// About how long all of it takes, in seconds.
    pub(super) fn length(&self) -> f64 {
        let of = |part, cells: Vec<Cell>| -> f64 {
            let rounds = cells.first().map_or(0, |cell| self.rounds_of(cell.experiment)) as f64;
            if self.has(part) {
                rounds * cells.into_iter().map(|cell| self.cost(cell)).sum::<f64>()
            } else {
                0.0
            }
        };
        let measured = of(Part::Rate, self.rate(Top { local: 2000, by_nodes: 4000 }))
            + of(Part::Size, self.size())
            + of(Part::Work, self.work(100.0))
            + of(Part::Mix, self.mix());
        let elastic = if self.has(Part::Elastic) { self.climb.as_secs_f64() * 1.3 } else { 0.0 };
        // The way up to the highest rate and down again, of two peers in two places.
        let steps = 4.0 * (8.0 + self.looks() as f64);
        let tops = if self.has(Part::Rate) { steps * self.seconds_of(Experiment::Rate) as f64 } else { 0.0 };
        measured + elastic + tops + STARTING
    }
}

/// The rate that is that share of what so many nodes serve.
pub(super) fn flat_rate(capacity: f64, nodes: u32) -> u32 {
    (FLAT_SHARE * capacity * f64::from(nodes)) as u32
}

fn grid(experiment: Experiment, xs: &[u32], all: &[Contestant], client: Client) -> Vec<Cell> {
    let at = |x: u32| all.iter().map(move |one| Cell { experiment, contestant: *one, x, client });
    xs.iter().flat_map(|x| at(*x)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(is_quick: bool) -> Plan {
        let (rounds, seconds, climb) = if is_quick { (1, 2, 90) } else { (5, 4, 600) };
        let parts = Part::value_variants().to_vec();
        Plan { parts, rounds, seconds, climb: Duration::from_secs(climb), is_quick }
    }

    #[test]
    fn the_whole_takes_less_than_two_hours_and_a_quick_run_less_than_eight_minutes() {
        let (whole, quick) = (plan(false).length(), plan(true).length());
        assert!((5400.0..7200.0).contains(&whole), "{whole}");
        assert!(quick < 480.0, "{quick}");
    }

    #[test]
    fn every_place_of_the_papers_tables_is_measured() {
        let plan = plan(false);
        for (cells, experiment) in [
            (plan.rate(Top::default()), Experiment::Rate),
            (plan.size(), Experiment::Size),
            (plan.work(95.0), Experiment::Work),
        ] {
            for (x, _) in experiment.of_the_paper().unwrap().rows {
                assert!(cells.iter().any(|cell| cell.x == *x && cell.contestant == Contestant::Accordion(3)));
            }
        }
    }

    #[test]
    fn nobody_is_measured_twice_in_a_round() {
        let plan = plan(false);
        let work = (700..1100).map(|tenths| plan.work(f64::from(tenths) / 10.0));
        for cells in [
            plan.rate(Top { local: 3000, by_nodes: 3000 }),
            plan.rate(Top { local: 300, by_nodes: 0 }),
            plan.size(),
            plan.mix(),
        ]
        .into_iter()
        .chain(work)
        {
            for (index, cell) in cells.iter().enumerate() {
                assert!(!cells[..index].contains(cell), "{cell:?}");
            }
        }
    }

    #[test]
    fn only_what_is_asked_for_takes_time() {
        let only = Plan { parts: vec![Part::Mix], ..plan(true) };
        assert!(only.length() < 90.0, "{}", only.length());
        assert!(only.has(Part::Mix) && !only.has(Part::Rate));
    }
}
