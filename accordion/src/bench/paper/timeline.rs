//! The elastic run, second by second: what was asked, what served, how long it took, and what was decided.

use super::contestant::Contestant;
use super::experiment::Experiment;
use super::record::{Client, Measurement, Times};

/// A second is at a rate when it is as near to it as this, in requests/s.
const NEAR: u64 = 2;

/// The whole run.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Timeline {
    /// In their order, without a gap.
    pub(super) seconds: Vec<Second>,
    /// In their order.
    pub(super) marks: Vec<Mark>,
}

/// One second of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Second {
    /// From the begin of the run on.
    pub(super) at: u32,
    /// Requests that were due in it.
    pub(super) due: u64,
    /// Of these, answered well.
    pub(super) replies: u64,
    /// Of these, not answered, or not well.
    pub(super) failed: u64,
    /// Of the reply times of the good ones, in milliseconds; `None` where there was none.
    pub(super) p50_ms: Option<f64>,
    pub(super) p99_ms: Option<f64>,
    /// Nodes that were given requests at its begin.
    pub(super) serving: u32,
    /// Nodes that were held at its begin, those that start or drain with them.
    pub(super) held: u32,
    /// Nodes that one who knows the load would hold.
    pub(super) oracle: u32,
    /// "Low", "Medium" or "High"; empty before the first decision.
    pub(super) level: String,
}

/// A decision that changed something.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mark {
    /// Seconds from the begin of the run on.
    pub(super) at: f64,
    /// Like "add 2" or "drain 1".
    pub(super) what: String,
    /// The decision's own sentence.
    pub(super) reason: String,
}

impl Timeline {
    /// The run as measurements of the experiment with work: at each of these rates the seconds on the way up and on
    /// the way down, with the middle one of their figures.
    pub(super) fn at_rates(&self, rates: &[u32]) -> Vec<Measurement> {
        rates.iter().filter_map(|rate| self.at_rate(*rate)).collect()
    }

    fn at_rate(&self, rate: u32) -> Option<Measurement> {
        let near: Vec<&Second> =
            self.seconds.iter().filter(|second| second.due.abs_diff(u64::from(rate)) <= NEAR).collect();
        let of = |figure: fn(&Second) -> Option<f64>| {
            middle(near.iter().filter_map(|second| figure(second)).collect())
        };
        let p50 = of(|second| second.p50_ms)?;
        let p99 = of(|second| second.p99_ms);
        let max = near.iter().filter_map(|second| second.p99_ms).max_by(f64::total_cmp)?;
        Some(Measurement {
            experiment: Experiment::Work,
            round: 1,
            contestant: Contestant::Elastic,
            x: rate,
            client: Client::OpenLoop,
            replies: near.iter().map(|second| second.replies).sum(),
            failed: near.iter().map(|second| second.failed).sum(),
            times: Some(Times { mean: p50, p50, p99, max }),
        })
    }
}

fn middle(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_near_a_rate_are_what_was_measured_at_it() {
        let second = |due: u64, p50: f64, failed: u64| Second {
            at: 0,
            due,
            replies: due - failed,
            failed,
            p50_ms: Some(p50),
            p99_ms: Some(2.0 * p50),
            serving: 1,
            held: 1,
            oracle: 1,
            level: String::new(),
        };
        let seconds = vec![second(49, 9.0, 0), second(60, 99.0, 0), second(51, 10.0, 1), second(52, 12.0, 0)];
        let measured = Timeline { seconds, marks: Vec::new() }.at_rates(&[50, 100]);
        assert_eq!(measured.len(), 1);
        assert_eq!((measured[0].x, measured[0].replies, measured[0].failed), (50, 151, 1));
        let times = measured[0].times.unwrap();
        assert_eq!((times.p50, times.p99, times.max), (10.0, Some(20.0), 24.0));
    }
}
