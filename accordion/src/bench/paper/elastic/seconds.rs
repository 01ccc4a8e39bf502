//! The answers and the samples, brought together second by second. Pure.

use std::time::Duration;

use super::oracle::Oracle;
use super::profile::Profile;
use super::watch::Sample;
use crate::bench::client::{Outcome, quantile};
use crate::bench::paper::contestant::Contestant;
use crate::bench::paper::experiment::Experiment;
use crate::bench::paper::record::{Client, Measurement, Times};
use crate::bench::paper::timeline::Second;

/// The load is at a rate while it is as near to it as this, in requests/s.
const NEAR: f64 = 2.0;

/// Fewer requests tell nothing of a rate.
const COUNT_MIN: u32 = 20;

/// All seconds until the last one in which something was seen or due.
pub(super) fn of(
    outcomes: &[Outcome],
    samples: &[Sample],
    profile: &Profile,
    oracle: &Oracle,
) -> Vec<Second> {
    let last = outcomes.iter().map(|outcome| outcome.due).chain(samples.iter().map(|sample| sample.at)).max();
    let mut outcomes = outcomes;
    let second = |at: u32| {
        let end = Duration::from_secs(u64::from(at) + 1);
        let split = outcomes.partition_point(|outcome| outcome.due < end);
        let (of_it, later) = outcomes.split_at(split);
        outcomes = later;
        let middle = end - Duration::from_millis(500);
        let seen = seen(samples, end - Duration::from_secs(1));
        let latencies = latencies(of_it);
        let ms = |share| quantile(&latencies, share).map(|latency| latency.as_secs_f64() * 1000.0);
        Second {
            at,
            due: of_it.len() as u64,
            replies: latencies.len() as u64,
            failed: (of_it.len() - latencies.len()) as u64,
            p50_ms: ms(0.5),
            p99_ms: ms(0.99),
            serving: seen.serving,
            held: seen.held,
            oracle: oracle.nodes(profile.rate(middle)),
            level: seen.level,
        }
    };
    last.map_or_else(Vec::new, |last| (0..=last.as_secs() as u32).map(second).collect())
}

/// The run as measurements of the experiment with work: at each of these rates all requests that were due while the
/// load was at it, on the way up and on the way down.
pub(super) fn at_rates(outcomes: &[Outcome], profile: &Profile, rates: &[u32]) -> Vec<Measurement> {
    let at = |rate: &u32| {
        let is_near =
            |due: Duration| due < profile.length && (profile.rate(due) - f64::from(*rate)).abs() <= NEAR;
        let near: Vec<Outcome> = outcomes.iter().copied().filter(|outcome| is_near(outcome.due)).collect();
        let sorted = latencies(&near);
        let ms = |latency: Duration| latency.as_secs_f64() * 1000.0;
        let count = u32::try_from(sorted.len()).ok().filter(|count| *count >= COUNT_MIN)?;
        Some(Measurement {
            experiment: Experiment::Work,
            round: 1,
            contestant: Contestant::Elastic,
            x: *rate,
            client: Client::OpenLoop,
            replies: u64::from(count),
            failed: (near.len() - sorted.len()) as u64,
            times: Some(Times {
                mean: ms(sorted.iter().sum::<Duration>() / count),
                p50: ms(quantile(&sorted, 0.5)?),
                p99: quantile(&sorted, 0.99).map(ms),
                max: ms(*sorted.last()?),
            }),
        })
    };
    rates.iter().filter_map(at).collect()
}

/// Of the good answers, the shortest first.
fn latencies(outcomes: &[Outcome]) -> Vec<Duration> {
    let mut latencies: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.latency).collect();
    latencies.sort_unstable();
    latencies
}

/// What was the case at `begin` of a second: what was seen from there on and before its end, or else last.
fn seen(samples: &[Sample], begin: Duration) -> Sample {
    let next = samples.partition_point(|sample| sample.at < begin);
    let of_it = samples.get(next).filter(|sample| sample.at < begin + Duration::from_secs(1));
    let before = || next.checked_sub(1).and_then(|last| samples.get(last));
    of_it.or_else(before).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn each_second_has_what_was_due_in_it_and_what_was_seen_at_its_begin() {
        let profile = Profile { top: 250.0, length: Duration::from_secs(4), tail: Duration::from_secs(1) };
        let oracle = Oracle { work: 0.0025, front: 0.4, node: 0.25, pool: 3 };
        let outcome =
            |due, latency: Option<u32>| Outcome { due: due * MS, latency: latency.map(|ms| ms * MS) };
        let outcomes = [
            outcome(0, Some(5)),
            outcome(400, Some(3)),
            outcome(999, Some(4)),
            outcome(1000, None),
            outcome(1500, Some(2000)),
            outcome(3100, None),
        ];
        let sample =
            |at, serving, held, level: &str| Sample { at: at * MS, serving, held, level: level.to_owned() };
        let samples = [sample(2, 0, 0, "Low"), sample(1001, 1, 2, "High"), sample(3005, 3, 3, "Medium")];
        let seconds = of(&outcomes, &samples, &profile, &oracle);
        let second =
            |at, [due, replies, failed]: [u64; 3], times: Option<[f64; 2]>, nodes: [u32; 3], level: &str| {
                Second {
                    at,
                    due,
                    replies,
                    failed,
                    p50_ms: times.map(|[p50, _]| p50),
                    p99_ms: times.map(|[_, p99]| p99),
                    serving: nodes[0],
                    held: nodes[1],
                    oracle: nodes[2],
                    level: level.to_owned(),
                }
            };
        let expected = [
            second(0, [3, 3, 0], Some([4.0, 5.0]), [0, 0, 0], "Low"),
            second(1, [2, 1, 1], Some([2000.0, 2000.0]), [1, 2, 3], "High"),
            // Nothing was due, and nothing was seen: what was seen before holds on.
            second(2, [0, 0, 0], None, [1, 2, 3], "High"),
            second(3, [1, 0, 1], None, [3, 3, 0], "Medium"),
        ];
        assert_eq!(seconds, expected);
        assert_eq!(of(&[], &[], &profile, &oracle), []);
    }

    #[test]
    fn requests_that_are_due_near_a_rate_are_what_was_measured_at_it() {
        let profile = Profile { top: 101.0, length: Duration::from_secs(100), tail: Duration::from_secs(10) };
        // At 25 s and at 75 s the rate is 51.
        let outcome = |due_ms: u64, latency_ms: Option<u64>| Outcome {
            due: Duration::from_millis(due_ms),
            latency: latency_ms.map(Duration::from_millis),
        };
        let mut outcomes: Vec<Outcome> = (0..20).map(|n| outcome(24_600 + n * 40, Some(10))).collect();
        outcomes.extend([outcome(40_000, Some(500)), outcome(75_000, None), outcome(75_010, Some(31))]);
        let measured = at_rates(&outcomes, &profile, &[51, 90]);
        assert_eq!(measured.len(), 1);
        assert_eq!((measured[0].x, measured[0].replies, measured[0].failed), (51, 21, 1));
        let times = measured[0].times.unwrap();
        assert_eq!((times.mean, times.p50, times.max), (11.0, 10.0, 31.0));
    }
}
