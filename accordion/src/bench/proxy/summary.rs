//! What the measurements say: for each line of the table the medians, the ratio to the better peer and
//! whether the goal is met. Pure.

use std::time::Duration;

use super::record::{Beside, Extra, Measurement};
use super::rows::{Contestant, Goal, LINES, Line, Row};
use super::slow_clients::Manner;
use crate::spread::Spread;

/// What became of one line of the table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Outcome {
    pub(super) line: Line,
    pub(super) ours: Spread,
    /// In the order of the line.
    pub(super) peers: Vec<(Contestant, Spread)>,
    /// The peer with the smallest median.
    pub(super) better: Contestant,
    /// Ours to the better peer's, round by round.
    pub(super) ratio: Spread,
    /// `None`: there is no goal.
    pub(super) is_met: Option<bool>,
    /// Requests that failed, of everybody on the line.
    pub(super) failed: u64,
}

/// Every line of which there is something to say, in the order of the table.
pub(super) fn outcomes(measurements: &[Measurement]) -> Vec<Outcome> {
    LINES.iter().filter_map(|line| outcome(line, measurements)).collect()
}

/// The figures of one contestant in one row.
pub(super) fn spread(measurements: &[Measurement], row: Row, contestant: Contestant) -> Option<Spread> {
    Spread::of(of(measurements, row, contestant).filter_map(Measurement::figure))
}

/// The share of its memory that one contestant gave back.
pub(super) fn given_back(measurements: &[Measurement], contestant: Contestant) -> Option<Spread> {
    Spread::of(of(measurements, Row::Idle, contestant).filter_map(Measurement::given_back))
}

/// What one contestant made of slow clients of one kind: the sums of all rounds, and the median of their p99.
pub(super) fn beside(measurements: &[Measurement], contestant: Contestant, manner: Manner) -> Option<Beside> {
    let of_manner = |one: &Measurement| match (&one.extra, manner) {
        (Extra::Slow { heads, .. }, Manner::Heads) => Some(*heads),
        (Extra::Slow { bodies, .. }, Manner::Bodies) => Some(*bodies),
        (Extra::None | Extra::Latency { .. } | Extra::Memory { .. }, _) => None,
    };
    let all: Vec<_> = of(measurements, Row::Slow, contestant).filter_map(of_manner).collect();
    let sum = |figure: fn(&Beside) -> u64| all.iter().map(figure).sum();
    let p99 = Spread::of(all.iter().filter_map(|one| Some(one.p99?.as_secs_f64())));
    (!all.is_empty()).then(|| Beside {
        answered: sum(|one| one.answered),
        failed: sum(|one| one.failed),
        p99: p99.map(|p99| Duration::from_secs_f64(p99.median)),
        clients: sum(|one| one.clients),
        closed: sum(|one| one.closed),
    })
}

fn of(measurements: &[Measurement], row: Row, contestant: Contestant) -> impl Iterator<Item = &Measurement> {
    measurements.iter().filter(move |one| one.row == row && one.contestant == contestant)
}

fn outcome(line: &Line, measurements: &[Measurement]) -> Option<Outcome> {
    let ours = spread(measurements, line.row, line.ours)?;
    let peer = |peer: &Contestant| Some((*peer, spread(measurements, line.row, *peer)?));
    let peers: Vec<_> = line.peers.iter().filter_map(peer).collect();
    let better = peers.iter().min_by(|one, other| one.1.median.total_cmp(&other.1.median))?.0;
    let ratios = of(measurements, line.row, line.ours).filter_map(|one| {
        let other = of(measurements, line.row, better).find(|other| other.round == one.round)?;
        Some(one.figure()? / other.figure()?).filter(|ratio| ratio.is_finite())
    });
    let ratio = Spread::of(ratios)?;
    let everybody = line.peers.iter().chain([&line.ours]);
    let failed = everybody.flat_map(|one| of(measurements, line.row, *one)).map(|one| one.failed).sum();
    let is_met = match line.goal {
        Goal::Ratio(goal) => Some(ratio.median <= goal),
        Goal::AtMost(goal) => Some(ours.median <= goal),
        Goal::None => None,
    };
    // What did not answer has reached nothing.
    let is_met = is_met.map(|is_met| is_met && failed == 0);
    Some(Outcome { line: *line, ours, peers, better, ratio, is_met, failed })
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::{cpu, memory, slow};
    use super::*;
    use Contestant::{Accordion, Haproxy, Nginx};

    /// Rounds of nginx, HAProxy and Accordion.
    fn rounds(figures: &[(u64, u64, u64)]) -> Vec<Measurement> {
        let round = |(index, &(nginx, haproxy, ours)): (usize, &(u64, u64, u64))| {
            let one = |contestant, us| cpu(index + 1, Row::KeepAlive1k, contestant, us);
            [one(Nginx, nginx), one(Haproxy, haproxy), one(Accordion, ours)]
        };
        figures.iter().enumerate().flat_map(round).collect()
    }

    #[test]
    fn the_better_peer_counts_and_each_round_is_compared_with_itself() {
        // The machine was twice as slow in the second round.
        let outcomes = outcomes(&rounds(&[(10, 12, 8), (20, 24, 16), (10, 12, 9)]));
        assert_eq!(outcomes.len(), 1);
        let outcome = &outcomes[0];
        assert_eq!((outcome.better, outcome.is_met), (Nginx, Some(true)));
        assert_eq!(outcome.ratio, Spread { median: 0.8, min: 0.8, max: 0.9 });
        assert_eq!(outcome.ours.median, 9.0);
        assert_eq!(outcome.peers[1].1.median, 12.0);
    }

    #[test]
    fn a_goal_that_is_missed_is_missed_and_so_is_one_with_failed_requests() {
        let missed = outcomes(&rounds(&[(10, 12, 9)]));
        assert_eq!(missed[0].is_met, Some(false));
        let mut failed = rounds(&[(10, 12, 8)]);
        failed[2].failed = 1;
        let failed = outcomes(&failed);
        assert_eq!((failed[0].is_met, failed[0].failed), (Some(false), 1));
    }

    #[test]
    fn a_goal_in_kib_is_not_a_ratio() {
        let all = [memory(Nginx, 500, 0), memory(Haproxy, 1100, 0), memory(Accordion, 2900, 2900)];
        let outcomes = outcomes(&all);
        assert_eq!(outcomes[0].is_met, Some(true));
        assert_eq!(outcomes[0].ours.median, 2.9);
        assert_eq!(given_back(&all, Accordion).unwrap().median, 1.0);
    }

    #[test]
    fn what_was_beside_slow_clients_is_summed_up_and_its_p99_is_a_median() {
        let all = [slow(Nginx, 800, 900), slow(Nginx, 600, 500), slow(Nginx, 700, 1000), slow(Haproxy, 1, 1)];
        let us = Duration::from_micros;
        let of = |answered, clients, closed, p99| Beside { answered, failed: 0, p99, clients, closed };
        assert_eq!(beside(&all, Nginx, Manner::Heads), Some(of(3000, 1500, 1500, Some(us(700)))));
        assert_eq!(beside(&all, Nginx, Manner::Bodies), Some(of(3000, 1500, 0, Some(us(900)))));
        assert_eq!(beside(&all, Accordion, Manner::Heads), None);
    }

    #[test]
    fn a_line_without_a_peer_says_nothing() {
        assert_eq!(outcomes(&[cpu(1, Row::KeepAlive1k, Accordion, 8)]), []);
    }
}
