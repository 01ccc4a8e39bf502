//! When the requests of an open loop are due: by its pace, the same times in every run and for everybody
//! who is measured.

use std::time::Duration;

use super::pace::{Pace, Spacing};

/// Due times from the start of a run on, in their order.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    pace: Pace,
    /// How many requests, in the mean, come before the last one; of loose ones, before the begin of its gap.
    before: f64,
    is_begun: bool,
    state: u64,
}

/// Any number but 0, the only one that the generator cannot leave.
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

impl Schedule {
    pub(super) fn new(pace: Pace) -> Self {
        Self { pace, before: 0.0, is_begun: false, state: SEED }
    }

    /// Evenly above 0 and at most 1 (xorshift64).
    fn draw(&mut self) -> f64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        ((self.state >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }
}

impl Iterator for Schedule {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.before += match self.pace.spacing {
            Spacing::Random => -self.draw().ln(),
            Spacing::Even | Spacing::Loose if self.is_begun => 1.0,
            Spacing::Even | Spacing::Loose => 0.0,
        };
        self.is_begun = true;
        let within = if self.pace.spacing == Spacing::Loose { 1.0 - self.draw() } else { 0.0 };
        self.pace.due(self.before + within)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::client::Segment;

    const MINUTE: Duration = Duration::from_secs(60);

    fn random(rate: f64) -> Schedule {
        Schedule::new(Pace::random(rate, MINUTE))
    }

    #[test]
    fn the_mean_rate_is_the_one_that_was_asked_for_and_time_never_goes_back() {
        let due: Vec<_> = random(300.0).collect();
        assert!((17_500..18_500).contains(&due.len()), "{}", due.len());
        assert!(due.is_sorted());
        assert!(due.iter().all(|at| *at < MINUTE));
    }

    #[test]
    fn gaps_are_those_of_independent_clients() {
        let due: Vec<_> = random(300.0).collect();
        let mean = MINUTE.as_secs_f64() / due.len() as f64;
        let long = due.windows(2).filter(|pair| (pair[1] - pair[0]).as_secs_f64() > mean).count();
        // The share of gaps above the mean is 1/e.
        let share = long as f64 / due.len() as f64;
        assert!((share - 0.368).abs() < 0.02, "{share}");
    }

    #[test]
    fn everybody_gets_the_same_times() {
        assert!(random(1000.0).eq(random(1000.0)));
        // Those of the runs that were kept.
        let first: Vec<_> = random(300.0).take(5).map(|due| due.as_micros()).collect();
        assert_eq!(first, [503, 3605, 6048, 11602, 17403]);
    }

    #[test]
    fn even_requests_begin_at_once_and_are_exactly_as_many_as_the_rate_says() {
        for rate in [1.0, 3.0, 7.0, 100.0, 250.0, 300.0] {
            let due: Vec<_> = Schedule::new(Pace::even(rate, MINUTE)).collect();
            assert_eq!((due[0], due.len()), (Duration::ZERO, rate as usize * 60));
            let gap = 1.0 / rate;
            let is_even = |pair: &[Duration]| ((pair[1] - pair[0]).as_secs_f64() - gap).abs() < 1e-6;
            assert!(due.windows(2).all(is_even), "{rate}");
        }
    }

    #[test]
    fn loose_requests_are_one_in_each_gap_and_not_in_step() {
        let due: Vec<_> = Schedule::new(Pace::loose(250.0, MINUTE)).collect();
        assert_eq!(due.len(), 15_000);
        let gap = Duration::from_millis(4);
        assert!((0..).zip(&due).all(|(number, at)| (number * gap..(number + 1) * gap).contains(at)));
        let late = (0..).zip(&due).filter(|(number, at)| **at - *number * gap > gap / 2).count();
        assert!((7_000..8_000).contains(&late), "{late}");
    }

    #[test]
    fn a_changing_rate_is_kept_to_in_each_of_its_segments() {
        let segments = [50.0, 500.0, 20.0].map(|rate| Segment { rate, length: MINUTE }).to_vec();
        for spacing in [Spacing::Random, Spacing::Even, Spacing::Loose] {
            let due: Vec<_> = Schedule::new(Pace { segments: segments.clone(), spacing }).collect();
            for (number, segment) in (0..).zip(&segments) {
                let is_in = |at: &&Duration| **at >= number * MINUTE && **at < (number + 1) * MINUTE;
                let rate = due.iter().filter(is_in).count() as f64 / 60.0;
                assert!((rate / segment.rate - 1.0).abs() < 0.1, "{spacing:?} {rate}");
            }
        }
    }
}
