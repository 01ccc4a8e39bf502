//! What was found in the end, whole or as far as it came: the curve, its knee, the thresholds, and what to think of them.

use cluster::config::Service;

use super::curve::{Curve, Unfit};
use super::doubts;
use super::knee::{self, Knee};
use super::steps::{Steps, Top};
use super::text::time;
use super::thresholds::Thresholds;

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// All rounds of all steps.
    Whole,
    /// Somebody did not want to wait.
    Interrupted,
    /// The copy ended by itself with so many in flight.
    CopyEnded { how: String, in_flight: u32 },
}

/// All of it.
pub(super) struct Finding<'s> {
    pub(super) service: &'s Service,
    /// What was loaded, and whether it was started for that.
    pub(super) subject: String,
    pub(super) is_own: bool,
    pub(super) paths: &'s [String],
    pub(super) rounds: u32,
    pub(super) step_seconds: f64,
    pub(super) end: End,
    pub(super) top: Option<Top>,
    pub(super) curve: Curve,
    /// None where not even one request at a time was handled.
    pub(super) values: Option<Values>,
    /// A sentence each.
    pub(super) remarks: Vec<String>,
}

/// What to put into cluster.toml.
pub(super) struct Values {
    pub(super) knee: Knee,
    pub(super) thresholds: Thresholds,
    pub(super) why_capacity: String,
}

impl Values {
    fn of(curve: &Curve, top: Option<Top>) -> Option<Self> {
        let (points, unfit) = curve.fit();
        let knee = knee::of(points)?;
        let thresholds = Thresholds::of(points, &knee);
        let point = &points[knee.index];
        let share = (point.per_second / knee.top * 100.0).round().min(100.0);
        let beyond = match (unfit, top) {
            (Some(Unfit::Failed), _) => "beyond these requests fail".to_owned(),
            (Some(Unfit::Unanswered), _) => "with more some connections are never answered".to_owned(),
            (Some(Unfit::Slow), _) => "beyond these requests take far too long".to_owned(),
            (None, Some(Top::Collapse)) => "with many more it does far less".to_owned(),
            (None, Some(Top::NoGain)) => "more only wait for each other".to_owned(),
            _ => format!("more than {} were not measured", points.last()?.in_flight),
        };
        let why_capacity =
            format!("the fewest in flight that give {share} % of the most ({}/s); {beyond}", rate(knee.top));
        Some(Self { knee, thresholds, why_capacity })
    }
}

impl<'s> Finding<'s> {
    /// Of what was measured; the steps are not needed any more.
    pub(super) fn new(
        service: &'s Service,
        subject: (String, bool),
        paths: &'s [String],
        plan: (u32, f64),
        (steps, end): (&Steps, End),
        mut remarks: Vec<String>,
    ) -> Self {
        let (curve, top) = (steps.curve(), steps.top());
        let values = Values::of(&curve, top);
        remarks.extend(values.iter().flat_map(|values| doubts::of(&curve, values, top)));
        remarks.extend(match &end {
            End::Whole => None,
            End::Interrupted => Some("not all was measured: it was interrupted".to_owned()),
            End::CopyEnded { how, in_flight } => Some(format!("with {in_flight} in flight the copy {how}")),
        });
        let (subject, is_own) = subject;
        let (rounds, step_seconds) = plan;
        Self { service, subject, is_own, paths, rounds, step_seconds, end, top, curve, values, remarks }
    }

    /// Why there are no values: what requests came to, where there was one at a time.
    pub(super) fn fault(&self) -> String {
        let Some(first) = self.curve.points.first() else { return "nothing was measured".to_owned() };
        let paths = self.paths.join(", ");
        match (self.curve.fit().1, &first.fault) {
            (Some(Unfit::Slow), _) => format!(
                "one request at a time already takes far too long now and then: one of a hundred {}, but half of them no \
                 more than {}, for GET {paths}",
                time(first.p99),
                time(first.p50)
            ),
            (_, Some(fault)) => format!("one request at a time already fails: {fault} for GET {paths}"),
            (_, None) => format!("one request at a time already fails, for GET {paths}"),
        }
    }
}

/// With as many digits as are of use.
pub(super) fn rate(per_second: f64) -> String {
    match per_second {
        _ if per_second < 10.0 => format!("{per_second:.2}"),
        _ if per_second < 100.0 => format!("{per_second:.1}"),
        _ => format!("{per_second:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cluster::config;

    use super::super::curve::Sample;
    use super::*;

    fn service() -> Service {
        config::parse("cluster.toml", &config::sample(1, "")).unwrap().services.remove(0)
    }

    /// What is said of a copy of so many workers.
    fn finding(service: &Service, workers: u32, max: u32, change: impl Fn(&mut Sample)) -> Finding<'_> {
        let mut steps = Steps::new(max, 2);
        while let Some(number) = steps.next() {
            let per_second = f64::from(number.min(workers)) * 50.0;
            let p50 = Duration::from_secs_f64(f64::from(number) / per_second);
            let mut sample =
                Sample { in_flight: number, per_second, p50, p99: p50, good: 1000, ..Sample::default() };
            change(&mut sample);
            steps.take(sample);
        }
        Finding::new(service, (String::new(), true), &[], (2, 1.0), (&steps, End::Whole), Vec::new())
    }

    #[test]
    fn a_sound_curve_leaves_no_doubts() {
        let service = service();
        let found = finding(&service, 4, 256, |_| ());
        let values = found.values.unwrap();
        assert_eq!((values.knee.capacity, found.remarks), (4, Vec::<String>::new()));
        assert_eq!(
            values.why_capacity,
            "the fewest in flight that give 100 % of the most (200/s); more only wait for each other"
        );
    }

    #[test]
    fn a_client_that_limits_is_told() {
        let service = service();
        let found = finding(&service, 4, 256, |sample| sample.client_cpu = 0.3 * f64::from(sample.in_flight));
        assert!(
            found.remarks[0].starts_with("from 3 in flight on it is the client that limits"),
            "{:?}",
            found.remarks
        );
    }

    #[test]
    fn a_curve_that_was_cut_a_copy_of_one_and_disturbed_rounds_are_told() {
        let service = service();
        let found = finding(&service, 1000, 16, |_| ());
        assert!(found.remarks[0].contains("16 in flight are the most that was tried"), "{:?}", found.remarks);
        let values = found.values.unwrap();
        assert!(values.why_capacity.ends_with("; more than 16 were not measured"), "{}", values.why_capacity);
        // Of one step nobody knows whether a second request would bring more.
        let found = finding(&service, 1, 1, |_| ());
        assert_eq!(found.remarks.len(), 1, "{:?}", found.remarks);
        assert!(found.remarks[0].starts_with("1 in flight"), "{:?}", found.remarks);
        let found = finding(&service, 1, 256, |_| ());
        assert!(found.remarks[0].starts_with("one request at a time keeps"), "{:?}", found.remarks);
        let round = std::cell::Cell::new(0);
        let found = finding(&service, 4, 256, |sample| {
            round.set(round.get() + 1);
            sample.per_second *= if round.get() > 6 { 1.4 } else { 1.0 };
        });
        assert!(found.remarks[0].starts_with("the rounds lie 33 % apart: "), "{:?}", found.remarks);
    }

    #[test]
    fn a_curve_that_bends_slowly_is_told() {
        let service = service();
        let found = finding(&service, 1000, 256, |sample| {
            let number = f64::from(sample.in_flight);
            sample.per_second =
                100.0 * number / (1.0 + 0.05 * (number - 1.0) + 0.0005 * number * (number - 1.0));
        });
        assert!(found.remarks[0].starts_with("the curve bends slowly"), "{:?}", found.remarks);
    }

    #[test]
    fn failures_cut_the_curve_and_are_told() {
        let service = service();
        let found = finding(&service, 64, 256, |sample| {
            if sample.in_flight > 4 {
                (sample.failed, sample.fault) = (900, Some("status 503".to_owned()));
            }
        });
        let values = found.values.unwrap();
        assert!(values.why_capacity.ends_with("beyond these requests fail"), "{}", values.why_capacity);
        assert_eq!(values.knee.capacity, 4);
        assert_eq!(found.remarks, ["of the requests that failed, the first came to: status 503"]);
    }

    #[test]
    fn connections_that_are_never_answered_end_the_curve_and_are_told() {
        let service = service();
        // Four threads, each with a connection of its own.
        let found = finding(&service, 4, 256, |sample| {
            if sample.in_flight > 4 {
                sample.unanswered = sample.in_flight - 4;
                sample.failed = sample.unanswered.into();
                sample.fault =
                    Some(format!("{} of {} connections had no answer", sample.failed, sample.in_flight));
            }
        });
        let values = found.values.unwrap();
        assert_eq!((values.knee.capacity, found.top), (4, Some(Top::Failures)));
        assert!(
            values.why_capacity.ends_with("; with more some connections are never answered"),
            "{}",
            values.why_capacity
        );
        assert!(
            found.remarks[0]
                .starts_with("1 of 5 connections had no answer: the service answers only so many"),
            "{:?}",
            found.remarks
        );
    }

    #[test]
    fn without_a_single_good_step_there_are_no_values() {
        let service = service();
        let found = finding(&service, 4, 256, |sample| {
            *sample = Sample {
                in_flight: sample.in_flight,
                failed: 7,
                fault: Some("status 404".to_owned()),
                ..Sample::default()
            };
        });
        assert!(found.values.is_none());
        assert!(
            found.fault().starts_with("one request at a time already fails: status 404"),
            "{}",
            found.fault()
        );
        let found = finding(&service, 4, 256, |sample| sample.p99 = Duration::from_secs(3));
        assert!(found.values.is_none());
        assert!(
            found
                .fault()
                .contains("now and then: one of a hundred 3000 ms, but half of them no more than 20 ms"),
            "{}",
            found.fault()
        );
    }
}
