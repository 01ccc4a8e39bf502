//! When the requests of an open loop are due: as independent clients would send them (Poisson), the
//! same times in every run and for every proxy.

use std::time::Duration;

/// Due times from the start of a run on, in their order.
#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    rate: f64,
    end: Duration,
    at: Duration,
    state: u64,
}

/// Any number but 0, the only one that the generator cannot leave.
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

impl Schedule {
    /// `rate` requests a second in the mean, until `end`.
    pub(crate) fn new(rate: f64, end: Duration) -> Self {
        Self { rate, end, at: Duration::ZERO, state: SEED }
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
        let gap = -self.draw().ln() / self.rate;
        self.at += Duration::from_secs_f64(gap);
        (self.at < self.end).then_some(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn the_mean_rate_is_the_one_that_was_asked_for_and_time_never_goes_back() {
        let due: Vec<_> = Schedule::new(300.0, MINUTE).collect();
        assert!((17_500..18_500).contains(&due.len()), "{}", due.len());
        assert!(due.is_sorted());
        assert!(due.iter().all(|at| *at < MINUTE));
    }

    #[test]
    fn gaps_are_those_of_independent_clients() {
        let due: Vec<_> = Schedule::new(300.0, MINUTE).collect();
        let mean = MINUTE.as_secs_f64() / due.len() as f64;
        let long = due.windows(2).filter(|pair| (pair[1] - pair[0]).as_secs_f64() > mean).count();
        // The share of gaps above the mean is 1/e.
        let share = long as f64 / due.len() as f64;
        assert!((share - 0.368).abs() < 0.02, "{share}");
    }

    #[test]
    fn everybody_gets_the_same_times() {
        assert!(Schedule::new(1000.0, MINUTE).eq(Schedule::new(1000.0, MINUTE)));
    }
}
