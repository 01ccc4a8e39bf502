//! What has come of a step so far, place by place, and the sample that it is in the end.

use std::time::Duration;

use tokio::time::Instant;

use super::super::curve::Sample;
use crate::bench::client::quantile;

/// Times kept of one step, 16 MiB; more would tell no more.
const TIMES_MAX: usize = 1 << 20;

/// Answers from the moment on at which they begin to count.
pub(super) struct Tally {
    /// `None`: nothing counts yet.
    pub(super) from: Option<Instant>,
    /// One for each request in flight.
    places: Vec<Place>,
    /// Of the good answers.
    times: Vec<Duration>,
    fault: Option<String>,
}

/// What became of the requests that were sent one after the other from one place.
#[derive(Clone, Default)]
struct Place {
    good: u64,
    failed: u64,
    /// When the first and the last of the good answers were whole.
    between: Option<(Instant, Instant)>,
}

impl Tally {
    pub(super) fn new(in_flight: u32) -> Self {
        Self {
            from: None,
            places: vec![Place::default(); in_flight as usize],
            times: Vec::new(),
            fault: None,
        }
    }

    /// Notes what became of a request from this place that began then.
    pub(super) fn take(&mut self, place: usize, answer: Result<(), String>, began: Instant) {
        if self.from.is_none() {
            return;
        }
        let place = &mut self.places[place];
        if let Err(fault) = answer {
            place.failed += 1;
            self.fault.get_or_insert(fault);
            return;
        }
        let now = Instant::now();
        place.good += 1;
        place.between = Some((place.between.map_or(now, |(first, _)| first), now));
        if self.times.len() < TIMES_MAX {
            self.times.push(now - began);
        }
    }

    /// Whether each place has been answered so often, well or not.
    pub(super) fn has_each(&self, answers: u64) -> bool {
        self.places.iter().all(|place| place.good + place.failed >= answers)
    }

    /// What it comes to after that time, of which this thread has used `cpu`.
    pub(super) fn sample(mut self, lasted: Duration, cpu: Duration) -> Sample {
        self.times.sort_unstable();
        let unanswered = self.places.iter().filter(|place| place.good + place.failed == 0).count();
        Sample {
            in_flight: self.places.len() as u32,
            per_second: self.per_second(lasted),
            p50: quantile(&self.times, 0.5).unwrap_or_default(),
            p99: quantile(&self.times, 0.99).unwrap_or_default(),
            good: self.good(),
            failed: self.places.iter().map(|place| place.failed).sum::<u64>() + unanswered as u64,
            unanswered: unanswered as u32,
            fault: self.silence(unanswered, lasted).or(self.fault),
            client_cpu: cpu.as_secs_f64() / lasted.as_secs_f64(),
        }
    }

    fn good(&self) -> u64 {
        self.places.iter().map(|place| place.good).sum()
    }

    /// What is to be said of places that had no answer at all.
    fn silence(&self, unanswered: usize, lasted: Duration) -> Option<String> {
        let lasted = humantime::format_duration(rounded(lasted));
        match (unanswered, self.places.len()) {
            (0, _) => None,
            (none, all) if none == all => Some(format!("no answer within {lasted}")),
            (some, all) => Some(format!("{some} of {all} connections had no answer within {lasted}")),
        }
    }

    /// Of whole cycles, from one good answer to the next in the same place: requests that begin or end outside the step are
    /// no error of it then, which counting the answers of a short step would make them. Places without an answer give
    /// nothing; and a place that waits long for its turn has few cycles, none of them long, so what was counted is a bound:
    /// no place has lost more than one request to the step's ends.
    fn per_second(&self, lasted: Duration) -> f64 {
        let (good, lasted) = (self.good() as f64, lasted.as_secs_f64());
        let between: Vec<_> = self.places.iter().filter_map(|place| place.between).collect();
        let answered = between.len() as f64;
        let cycling: Duration = between.iter().map(|(first, last)| *last - *first).sum();
        let cycles = good - answered;
        if cycles < answered || cycling.is_zero() {
            return good / lasted;
        }
        (answered * cycles / cycling.as_secs_f64()).min((good + answered) / lasted)
    }
}

fn rounded(time: Duration) -> Duration {
    Duration::from_millis(time.as_millis().try_into().unwrap_or(u64::MAX))
}
