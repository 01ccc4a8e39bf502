//! What the measurements say of the goals. Pure.

use super::contestant::Contestant;
use super::elastic::Figures;
use super::experiment::Experiment;
use super::plan::{NODES, Top, flat_rate};
use super::record::{Client, Measurement, Times};
use super::results::{Bar, Verdict};
use super::timeline::Timeline;
use crate::spread::Spread;

/// What was measured, and what was found out on the way.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) measurements: Vec<Measurement>,
    pub(super) elastic: Option<(Timeline, Vec<Verdict>)>,
    pub(super) phases: Vec<Bar>,
    pub(super) top: Top,
    /// What one node serves of requests with work, requests/s; 0 where it was not looked for.
    pub(super) capacity: f64,
}

/// Ours to a peer's, at most.
const AS_GOOD: f64 = 1.0;
const BESIDE: f64 = 1.05;
const LARGE: f64 = 1.3;
const FLAT: f64 = 1.5;

const ORACLE: f64 = 1.5;
const LATE_SECONDS: u32 = 10;

const LARGEST_KB: u32 = 500;
const RATE_MAX: u32 = 300;

impl Found {
    /// Whether there is anything to keep.
    pub(super) fn has_any(&self) -> bool {
        !self.measurements.is_empty() || !self.phases.is_empty() || self.elastic.is_some()
    }

    /// One for each goal of which something was measured.
    pub(super) fn verdicts(&self) -> Vec<Verdict> {
        let mut all = Vec::new();
        all.extend(self.added(Contestant::Accordion(0), Contestant::Haproxy(0), "the local copy"));
        all.extend(self.added(Contestant::Accordion(1), Contestant::TwoHaproxies, "a node"));
        all.extend(self.errors());
        all.extend(self.large());
        for nodes in 1..=NODES {
            all.extend(self.flat(nodes));
        }
        for ours in [Contestant::Accordion(NODES), Contestant::Direct(NODES)] {
            for (name, quantile) in QUANTILES {
                all.extend(self.beside(ours, name, quantile));
            }
        }
        all.extend(self.elastic.iter().flat_map(|(_, verdicts)| verdicts.clone()));
        all
    }

    /// The median reply time beside that of a peer in the same place, by the client that knows it closely.
    fn added(&self, ours: Contestant, peer: Contestant, place: &str) -> Option<Verdict> {
        let all = || self.of(Experiment::Rate, ours, Client::OpenLoop).filter(|one| one.x == RATE_MAX);
        let ratio = compare(all(), |one| Some(one.times?.p50 / self.in_round(one, peer)?.times?.p50))?;
        Some(at_most(
            Experiment::Rate,
            format!("median at {RATE_MAX}/s by way of {place}, to that of {peer}"),
            AS_GOOD,
            ratio,
        ))
    }

    fn errors(&self) -> Vec<Verdict> {
        let of_rates = |one: &Measurement| {
            one.experiment == Experiment::Rate && matches!(one.contestant, Contestant::Accordion(_))
        };
        let is_calm = |one: &Measurement| of_rates(one) && one.x <= RATE_MAX;
        let paper = self.lost(Experiment::Rate.key(), format!("errors at up to {RATE_MAX}/s"), is_calm);
        let at_top = |top: u32, nodes: u32, place: &str| {
            let what = format!(
                "errors {place} at {top}/s, the most that the better of nginx and HAProxy serves there"
            );
            self.lost(Experiment::Rate.key(), what, |one| {
                of_rates(one)
                    && top > RATE_MAX
                    && (one.x, one.contestant) == (top, Contestant::Accordion(nodes))
            })
        };
        let top_nodes = at_top(self.top.by_nodes, NODES, "by way of the nodes");
        let top_local = at_top(self.top.local, 0, "by way of the local copy");
        // Where all the nodes serve there is no more asked than they do.
        let what = format!("errors of Accordion with sizes, with work on {NODES} nodes and with the mix");
        let elsewhere = self.lost("others", what, |one| match (one.experiment, one.contestant) {
            (
                Experiment::Size | Experiment::Mix,
                Contestant::Accordion(_) | Contestant::Direct(_) | Contestant::FillFirst(_),
            ) => true,
            (
                Experiment::Work,
                Contestant::Accordion(nodes) | Contestant::Direct(nodes) | Contestant::FillFirst(nodes),
            ) => nodes == NODES,
            _ => false,
        });
        [paper, top_nodes, top_local, elsewhere].into_iter().flatten().collect()
    }

    /// Requests that failed of those that are meant; none may.
    fn lost(
        &self,
        experiment: &'static str,
        what: String,
        is_meant: impl Fn(&Measurement) -> bool,
    ) -> Option<Verdict> {
        let all: Vec<&Measurement> = self.measurements.iter().filter(|one| is_meant(one)).collect();
        let failed: u64 = all.iter().map(|one| one.failed).sum();
        let sent = failed + all.iter().map(|one| one.replies).sum::<u64>();
        (!all.is_empty()).then(|| Verdict {
            experiment,
            what,
            goal: "0".to_owned(),
            found: format!("{failed} of {sent}"),
            is_met: failed == 0,
        })
    }

    /// 500 KB by way of a node beside the same from a node alone.
    fn large(&self) -> Option<Verdict> {
        let by_node = self.of(Experiment::Size, Contestant::Accordion(1), Client::Httperf);
        let by_node = by_node.filter(|one| one.x == LARGEST_KB);
        let alone = |one| self.in_round(one, Contestant::Node);
        let ratio = compare(by_node, |one| Some(one.times?.mean / alone(one)?.times?.mean))?;
        let what = format!("{LARGEST_KB} KB by way of a node, to that node alone");
        Some(at_most(Experiment::Size, what, LARGE, ratio))
    }

    /// The reply time at most of the capacity beside that at one request a second.
    fn flat(&self, nodes: u32) -> Option<Verdict> {
        let rate = flat_rate(self.capacity, nodes);
        let ours = Contestant::Accordion(nodes);
        let calm = self.of(Experiment::Work, ours, Client::Httperf).filter(|one| one.x == 1);
        let calm = Spread::of(calm.filter_map(|one| Some(one.times?.mean)))?.median;
        let busy = self.of(Experiment::Work, ours, Client::Httperf).filter(|one| one.x == rate);
        let ratio = compare(busy, |one| Some(one.times?.mean / calm))?;
        let what = format!("{nodes} nodes at {rate}/s, 90 % of what they serve, to 1/s");
        Some(at_most(Experiment::Work, what, FLAT, ratio))
    }

    /// Beside the better of the peers that have the same nodes: at the rate where we are worst.
    fn beside(&self, ours: Contestant, name: &str, quantile: Quantile) -> Option<Verdict> {
        let mut rates: Vec<u32> =
            self.of(Experiment::Work, ours, Client::OpenLoop).map(|one| one.x).collect();
        rates.sort_unstable();
        rates.dedup();
        let at = |rate: u32| {
            let all = self.of(Experiment::Work, ours, Client::OpenLoop).filter(|one| one.x == rate);
            let ratio = compare(all, |one| {
                let peers = [Contestant::Nginx(NODES), Contestant::Haproxy(NODES)];
                let peers = peers.into_iter().filter_map(|peer| quantile(&self.in_round(one, peer)?.times?));
                Some(quantile(&one.times?)? / peers.reduce(f64::min)?)
            });
            Some((rate, ratio?))
        };
        let worse = |one: &(u32, Compared), other: &(u32, Compared)| {
            one.1.lost.cmp(&other.1.lost).then(one.1.spread.median.total_cmp(&other.1.spread.median))
        };
        let (rate, worst) = rates.into_iter().filter_map(at).max_by(worse)?;
        let what = format!("{name} of {ours}, to the better of nginx and HAProxy, worst at {rate}/s");
        Some(at_most(Experiment::Work, what, BESIDE, worst))
    }

    fn of(
        &self,
        experiment: Experiment,
        contestant: Contestant,
        client: Client,
    ) -> impl Iterator<Item = &Measurement> {
        self.measurements.iter().filter(move |one| {
            (one.experiment, one.contestant, one.client) == (experiment, contestant, client)
        })
    }

    /// Another's measurement at the same place in the same round.
    fn in_round(&self, one: &Measurement, other: Contestant) -> Option<&Measurement> {
        self.of(one.experiment, other, one.client).find(|other| (other.x, other.round) == (one.x, one.round))
    }
}

/// What came of the elastic run.
pub(super) fn elastic(figures: &Figures) -> Vec<Verdict> {
    let one = |what: String, goal: String, found: String, is_met| Verdict {
        experiment: "elastic",
        what,
        goal,
        found,
        is_met,
    };
    let flat = figures.flat_ms.map_or_else(|| "?".to_owned(), |ms| format!("{ms:.1} ms"));
    let mut all = vec![
        one(
            "errors over the climb and fall".to_owned(),
            "0".to_owned(),
            format!("{} of {}", figures.failed, figures.requests),
            figures.failed == 0,
        ),
        one(
            format!("seconds with a median above twice the flat reply time of {flat}"),
            format!("at most {LATE_SECONDS}"),
            format!("{} ({} by their p99)", figures.late_seconds, figures.late_seconds_by_p99),
            figures.flat_ms.is_some() && figures.late_seconds <= LATE_SECONDS,
        ),
    ];
    if let Some(ratio) = figures.of_the_oracle() {
        let (held, oracle) = (figures.node_seconds, figures.oracle_node_seconds);
        all.push(one(
            "node-seconds, to those of one who knows the load".to_owned(),
            format!("at most {ORACLE:.2}"),
            format!("{ratio:.2} ({held} to {oracle})"),
            ratio <= ORACLE,
        ));
    }
    all
}

type Quantile = fn(&Times) -> Option<f64>;

/// The quantiles by which we are compared.
const QUANTILES: [(&str, Quantile); 2] = [("p50", |times| Some(times.p50)), ("p99", |times| times.p99)];

/// The ratios of our measurements, and how many of these have none or lost requests: what is quick because it does
/// not answer has reached nothing.
struct Compared {
    spread: Spread,
    lost: usize,
}

fn compare<'a>(
    ours: impl Iterator<Item = &'a Measurement>,
    ratio: impl Fn(&'a Measurement) -> Option<f64>,
) -> Option<Compared> {
    let (mut ratios, mut lost) = (Vec::new(), 0);
    for one in ours {
        let found = ratio(one);
        lost += usize::from(one.failed > 0 || one.times.is_none());
        ratios.extend(found);
    }
    let nothing = Spread { median: f64::INFINITY, min: f64::INFINITY, max: f64::INFINITY };
    let spread = Spread::of(ratios).or((lost > 0).then_some(nothing))?;
    Some(Compared { spread, lost })
}

fn at_most(experiment: Experiment, what: String, goal: f64, ratio: Compared) -> Verdict {
    let Compared { spread: Spread { median, min, max }, lost } = ratio;
    let lost_too = if lost > 0 { format!(", {lost} of them with failed requests") } else { String::new() };
    Verdict {
        experiment: experiment.key(),
        what,
        goal: format!("at most {goal:.2}"),
        found: format!("{median:.2} ({min:.2}-{max:.2}){lost_too}"),
        is_met: median <= goal && lost == 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(experiment: Experiment, contestant: Contestant, x: u32, round: usize, ms: f64) -> Measurement {
        Measurement {
            experiment,
            round,
            contestant,
            x,
            client: Client::Httperf,
            replies: 100,
            failed: 0,
            times: Some(Times { mean: ms, p50: ms, p99: None, max: ms }),
        }
    }

    fn verdicts(measurements: Vec<Measurement>) -> Vec<Verdict> {
        Found { measurements, top: Top { local: 0, by_nodes: 3000 }, capacity: 100.0, ..Found::default() }
            .verdicts()
    }

    #[test]
    fn each_round_is_compared_with_itself() {
        let of = |contestant, round, ms| Measurement {
            client: Client::OpenLoop,
            ..one(Experiment::Rate, contestant, 300, round, ms)
        };
        let (ours, peer) = (Contestant::Accordion(0), Contestant::Haproxy(0));
        // The machine was twice as slow in the second round.
        let all = verdicts(vec![of(ours, 1, 0.9), of(peer, 1, 1.0), of(ours, 2, 2.0), of(peer, 2, 2.0)]);
        assert_eq!((all[0].found.as_str(), all[0].is_met), ("0.95 (0.90-1.00)", true));
        // And no request failed.
        assert_eq!((all[1].found.as_str(), all[1].is_met), ("0 of 200", true));
        assert_eq!(all.len(), 2);
    }

    #[test]
    fn what_is_lost_at_the_top_rate_is_told_apart_from_what_is_lost_before() {
        let mut lost = one(Experiment::Rate, Contestant::Accordion(3), 3000, 1, 1.0);
        lost.failed = 7;
        let all = verdicts(vec![lost, one(Experiment::Rate, Contestant::Accordion(3), 300, 1, 1.0)]);
        let found: Vec<_> = all.iter().map(|verdict| (verdict.found.as_str(), verdict.is_met)).collect();
        assert_eq!(found, [("0 of 100", true), ("7 of 107", false)]);
    }

    #[test]
    fn a_flat_reply_time_is_compared_with_the_calm_one() {
        let of = |x, ms| one(Experiment::Work, Contestant::Accordion(2), x, 1, ms);
        let all = verdicts(vec![of(1, 10.0), of(180, 16.0), of(150, 90.0)]);
        assert_eq!((all[0].found.as_str(), all[0].is_met), ("1.60 (1.60-1.60)", false));
    }

    #[test]
    fn beside_the_peers_the_worst_rate_counts_and_the_better_peer() {
        let of = |contestant, x, ms| {
            let times = Times { mean: ms, p50: ms, p99: Some(ms), max: ms };
            let one = one(Experiment::Work, contestant, x, 1, ms);
            Measurement { client: Client::OpenLoop, times: Some(times), ..one }
        };
        let (ours, nginx, haproxy) = (Contestant::Accordion(3), Contestant::Nginx(3), Contestant::Haproxy(3));
        let mut all = Vec::new();
        for (x, ms) in [(50, 1.0), (250, 1.2)] {
            all.extend([of(ours, x, ms), of(nginx, x, 1.0), of(haproxy, x, 3.0)]);
        }
        let all = verdicts(all);
        assert_eq!(all.len(), 3);
        assert!(all[1].what.starts_with("p50") && all[1].what.ends_with("250/s"), "{}", all[1].what);
        assert_eq!((all[1].found.as_str(), all[1].is_met), ("1.20 (1.20-1.20)", false));
    }

    #[test]
    fn large_answers_are_compared_with_the_node_alone() {
        let of = |contestant, ms| one(Experiment::Size, contestant, 500, 1, ms);
        let all = verdicts(vec![of(Contestant::Accordion(1), 44.0), of(Contestant::Node, 40.0)]);
        assert_eq!((all[1].found.as_str(), all[1].is_met), ("1.10 (1.10-1.10)", true));
    }

    #[test]
    fn what_does_not_answer_has_reached_nothing() {
        let of = |contestant, round, ms| one(Experiment::Size, contestant, 500, round, ms);
        let mut lost = of(Contestant::Accordion(1), 2, 20.0);
        lost.failed = 1;
        let mut silent = of(Contestant::Accordion(1), 3, 20.0);
        (silent.replies, silent.failed, silent.times) = (0, 4, None);
        let node = |round| of(Contestant::Node, round, 40.0);
        let all =
            verdicts(vec![of(Contestant::Accordion(1), 1, 20.0), lost, silent, node(1), node(2), node(3)]);
        assert_eq!((all[0].found.as_str(), all[0].is_met), ("5 of 205", false));
        assert_eq!(
            (all[1].found.as_str(), all[1].is_met),
            ("0.50 (0.50-0.50), 2 of them with failed requests", false)
        );
        let mut silent = of(Contestant::Accordion(1), 1, 20.0);
        (silent.replies, silent.failed, silent.times) = (0, 4, None);
        assert!(verdicts(vec![silent, node(1)]).iter().all(|verdict| !verdict.is_met));
    }
}
