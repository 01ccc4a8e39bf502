//! One measurement, and all of them as the raw file that is kept.

use std::fmt::Write as _;

use super::contestant::Contestant;
use super::experiment::Experiment;

/// What one contestant did at one place of the axis in one round.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Measurement {
    pub(super) experiment: Experiment,
    /// From 1 on.
    pub(super) round: usize,
    pub(super) contestant: Contestant,
    /// The number on the experiment's axis.
    pub(super) x: u32,
    pub(super) client: Client,
    /// Answered well.
    pub(super) replies: u64,
    /// Not answered, or not well.
    pub(super) failed: u64,
    /// Reply times in milliseconds; `None` where none was answered well.
    pub(super) times: Option<Times>,
}

/// Reply times, in milliseconds: httperf's from the begin of the connection to its end, answers with an error among
/// them; the open loop's from when the request was due to the last byte of a good answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Times {
    pub(super) mean: f64,
    pub(super) p50: f64,
    /// httperf tells none.
    pub(super) p99: Option<f64>,
    pub(super) max: f64,
}

/// Who sent the requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Client {
    /// The paper's: requests evenly spaced, a connection each.
    Httperf,
    /// Accordion's own open loop, which knows each reply time.
    OpenLoop,
}

impl Client {
    const fn key(self) -> &'static str {
        match self {
            Self::Httperf => "httperf",
            Self::OpenLoop => "open-loop",
        }
    }
}

/// The raw file: one line for each measurement, in their order.
pub(super) fn csv(measurements: &[Measurement]) -> String {
    let mut text =
        "experiment,round,contestant,x,client,replies,failed,mean_ms,p50_ms,p99_ms,max_ms\n".to_owned();
    for measurement in measurements {
        let Measurement { experiment, round, contestant, x, client, replies, failed, times } = measurement;
        let (experiment, contestant, client) = (experiment.key(), contestant.key(), client.key());
        // Writing into a String cannot fail.
        let _ = write!(text, "{experiment},{round},{contestant},{x},{client},{replies},{failed},");
        let _ = match times {
            Some(Times { mean, p50, p99, max }) => {
                let p99 = p99.map_or_else(String::new, |p99| format!("{p99:.3}"));
                writeln!(text, "{mean:.3},{p50:.3},{p99},{max:.3}")
            }
            None => writeln!(text, ",,,"),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_measurement_is_one_line_with_as_many_fields_as_the_head() {
        let times = Times { mean: 1.5, p50: 1.25, p99: None, max: 9.0 };
        let one = Measurement {
            experiment: Experiment::Rate,
            round: 1,
            contestant: Contestant::Accordion(3),
            x: 300,
            client: Client::Httperf,
            replies: 1200,
            failed: 0,
            times: Some(times),
        };
        let none = Measurement { replies: 0, failed: 4, times: None, ..one.clone() };
        let open = Measurement {
            client: Client::OpenLoop,
            times: Some(Times { p99: Some(7.0), ..times }),
            ..one.clone()
        };
        let text = csv(&[one, none, open]);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[1], "rate,1,accordion-3,300,httperf,1200,0,1.500,1.250,,9.000");
        assert!(lines[3].contains(",open-loop,") && lines[3].contains(",7.000,"), "{text}");
        assert!(lines.iter().all(|line| line.split(',').count() == 11), "{text}");
    }
}
