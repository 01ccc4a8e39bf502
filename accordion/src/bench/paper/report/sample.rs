//! Results as a run could have found them, for the tests.

use super::super::contestant::Contestant;
use super::super::experiment::Experiment;
use super::super::record::{Client, Measurement, Times};
use super::super::results::{Bar, Results, Setting, Verdict};
use super::super::timeline::{Mark, Second, Timeline};

/// Nothing was asked for.
pub(super) fn empty() -> Results {
    let setting = Setting {
        command: "accordion bench paper --rounds 3".to_owned(),
        date: "2026-11-21".to_owned(),
        conditions: vec![
            "4 nodes of 0.25 CPUs on one machine of 2 cores, links of 100 Mbit/s and 0.2 ms.".to_owned(),
            "httperf 0.9.0, nginx 1.26.3, HAProxy 3.0.11; <all> of Debian.".to_owned(),
        ],
    };
    Results { setting, measurements: Vec::new(), elastic: None, phases: Vec::new(), verdicts: Vec::new() }
}

/// Everything was.
pub(super) fn full() -> Results {
    let mut measurements = rate();
    measurements.extend(size());
    measurements.extend(work());
    measurements.extend(mix());
    let verdict = |experiment, what: &str, goal: &str, found: &str, is_met| {
        let (what, goal, found) = (what.to_owned(), goal.to_owned(), found.to_owned());
        Verdict { experiment, what, goal, found, is_met }
    };
    let verdicts = vec![
        verdict(
            "size",
            "500 KB by a node, against that node alone",
            "at most 1.30",
            "1.12 (1.08-1.20)",
            true,
        ),
        verdict("work", "250/s on 3 nodes, against 1/s", "at most 2.00", "2.31 (2.10-2.70)", false),
    ];
    Results { measurements, elastic: Some(timeline()), phases: phases(), verdicts, ..empty() }
}

fn measure(experiment: Experiment, contestant: Contestant, x: u32, mean: f64) -> Vec<Measurement> {
    let one = |round: usize, client| {
        let mean = mean * [0.94, 1.0, 1.1][round - 1];
        let is_overloaded = mean > 900.0;
        let times = Times { mean, p50: mean * 0.95, p99: Some(mean * 2.4), max: mean * 4.0 };
        let times = match client {
            Client::Httperf => Times { p99: None, ..times },
            Client::OpenLoop => times,
        };
        let (replies, failed) = if is_overloaded { (900, 100) } else { (1000, 0) };
        Measurement { experiment, round, contestant, x, client, replies, failed, times: Some(times) }
    };
    (1..=3).flat_map(|round| [one(round, Client::Httperf), one(round, Client::OpenLoop)]).collect()
}

fn rate() -> Vec<Measurement> {
    let contestants = [
        (Contestant::Service, 0.28),
        (Contestant::Threads(0), 0.61),
        (Contestant::Nginx(0), 0.47),
        (Contestant::Haproxy(0), 0.44),
        (Contestant::Accordion(0), 0.41),
        (Contestant::Threads(1), 2.2),
        (Contestant::Nginx(1), 1.31),
        (Contestant::Haproxy(1), 1.3),
        (Contestant::TwoHaproxies, 1.7),
        (Contestant::Accordion(1), 1.42),
        (Contestant::Accordion(2), 1.4),
        (Contestant::Accordion(3), 1.38),
    ];
    let one = |(contestant, mean): (Contestant, f64)| {
        (2..=6).flat_map(move |x| {
            measure(Experiment::Rate, contestant, x * 50, mean * (1.0 + f64::from(x) * 0.01))
        })
    };
    contestants.into_iter().flat_map(one).collect()
}

fn size() -> Vec<Measurement> {
    let contestants =
        [(Contestant::Node, 1.0), (Contestant::Accordion(0), 0.1), (Contestant::Accordion(1), 1.12)];
    let sizes = [10, 100, 200, 300, 400, 500];
    let one = |(contestant, factor): (Contestant, f64)| {
        sizes.into_iter().flat_map(move |x| {
            measure(Experiment::Size, contestant, x, factor * (1.0 + f64::from(x) * 0.085))
        })
    };
    contestants.into_iter().flat_map(one).collect()
}

fn work() -> Vec<Measurement> {
    let contestants = [
        (Contestant::Service, 100.0),
        (Contestant::Accordion(1), 170.0),
        (Contestant::Accordion(3), 370.0),
        (Contestant::Haproxy(3), 340.0),
        (Contestant::FillFirst(3), 360.0),
    ];
    let one = |(contestant, most): (Contestant, f64)| {
        [1, 50, 80, 100, 150, 200, 250].into_iter().flat_map(move |x| {
            let used = (f64::from(x) / most).min(0.995);
            measure(Experiment::Work, contestant, x, 11.0 + 6.0 * used / (1.0 - used))
        })
    };
    contestants.into_iter().flat_map(one).collect()
}

fn mix() -> Vec<Measurement> {
    let one = |nodes: u32| {
        let time = 40.0 / f64::from(nodes);
        let ours = measure(Experiment::Mix, Contestant::Accordion(nodes), nodes, time);
        ours.into_iter().chain(measure(Experiment::Mix, Contestant::Haproxy(nodes), nodes, time * 1.05))
    };
    (1..=4).flat_map(one).collect()
}

fn phases() -> Vec<Bar> {
    let bar = |way: &str, parts: &[(&str, f64)]| {
        let parts = parts.iter().map(|(name, length)| ((*name).to_owned(), *length)).collect();
        Bar { way: way.to_owned(), parts }
    };
    vec![
        bar(
            "by the local copy",
            &[("head read", 22.0), ("picked", 3.1), ("service", 180.0), ("answer relayed", 35.0)],
        ),
        bar(
            "by a node",
            &[
                ("head read", 22.0),
                ("picked", 3.4),
                ("link to the node", 420.0),
                ("node's relay", 60.0),
                ("service", 190.0),
                ("link back", 430.0),
                ("answer relayed", 41.0),
            ],
        ),
    ]
}

fn timeline() -> Timeline {
    let changes = [
        (62.0, 2, "add 2", "High for 3 s: 142 of 100 requests/s, 3 nodes are needed & 1 is there"),
        (121.4, 4, "add 2", "the load rises by 4.1 requests/s each second: 4 nodes in 10 s"),
        (123.0, 5, "add 1", "the queue grows: 31 wait"),
        (232.0, 3, "drain 2", "Low for 20 s: 3 nodes carry 210 requests/s"),
        (290.0, 1, "drain 2", "Low for 20 s: 1 node carries 60 requests/s"),
    ];
    let at_second = |at: u32| {
        let time = f64::from(at);
        let due = 60.0 + 340.0 * (-((time - 160.0) / 55.0).powi(2)).exp() + f64::from(at * 7919 % 13);
        let held = changes.iter().rev().find(|change| change.0 <= time).map_or(1, |change| change.1);
        let serving = changes.iter().rev().find(|change| change.0 + 3.0 <= time).map_or(1, |change| change.1);
        let oracle = (due / 85.0).ceil() as u32;
        let is_short = oracle > serving;
        let p50 = if is_short { 60.0 } else { 12.0 } + f64::from(at * 31 % 7);
        let level = match due / f64::from(serving) {
            _ if at < 3 => "",
            load if load > 95.0 => "High",
            load if load > 60.0 => "Medium",
            _ => "Low",
        };
        Second {
            at,
            due: due as u64,
            replies: due as u64 - u64::from(at == 118),
            failed: u64::from(at == 118),
            p50_ms: (at != 40).then_some(p50),
            p99_ms: (at != 40).then_some(p50 * if is_short { 9.0 } else { 2.5 }),
            serving,
            held,
            oracle,
            level: level.to_owned(),
        }
    };
    let marks =
        changes.map(|(at, _, what, reason)| Mark { at, what: what.to_owned(), reason: reason.to_owned() });
    Timeline { seconds: (0..330).map(at_second).collect(), marks: marks.to_vec() }
}
