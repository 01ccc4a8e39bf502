//! The answers and the samples, brought together second by second. Pure.

use std::time::Duration;

use super::oracle::Oracle;
use super::profile::Profile;
use super::watch::Sample;
use crate::bench::client::{Outcome, quantile};
use crate::bench::paper::timeline::Second;

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
}
