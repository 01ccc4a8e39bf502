//! What the copies' counts say since a window began: the mean time of the requests that ended in it, and the
//! mean in flight that goes with it.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// A window is over after so long, when so many requests have ended in it; for a service with few requests after
/// the longer time with the smaller number, and never before they took half as long as it.
const TIME_MIN: Duration = Duration::from_secs(1);
const ENDED_GOOD: u64 = 100;
const TIME_LONG: Duration = Duration::from_secs(5);
const ENDED_MIN: u64 = 20;

/// So few in so long tell nothing.
const TIME_MAX: Duration = Duration::from_secs(30);

/// What one copy has counted since it was made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// No other copy has it.
    pub(crate) key: u64,
    /// Against the machine of speed 1.
    pub(crate) speed: f64,
    /// Requests that ended, long-lived ones left out, and how long they took together.
    pub(crate) ended: u64,
    pub(crate) time_sum: Duration,
    /// Answers with a 5xx.
    pub(crate) errors: u64,
    /// What counts against its capacity now.
    pub(crate) load: f64,
    /// The long-lived requests' part of that.
    pub(crate) long_lived: f64,
}

/// The counts of each copy since the window began.
#[derive(Debug, Clone, Default)]
pub(super) struct Window {
    begun: Duration,
    copies: HashMap<u64, Counted>,
}

#[derive(Debug, Clone, Copy)]
struct Counted {
    before: Seen,
    now: Seen,
    since: Duration,
}

/// What a window was like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mean {
    /// At a copy of speed 1, as the requests found it.
    pub(super) in_flight: f64,
    /// What long-lived requests take of its K besides, as of the last look.
    pub(super) long_lived: f64,
    /// Seconds from pick to end.
    pub(super) time: f64,
    /// The share of 5xx.
    pub(super) errors: f64,
    pub(super) ended: u64,
    pub(super) seconds: f64,
}

/// A full window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) mean: Mean,
    /// The copy with the most in flight.
    pub(super) busiest: Copy,
}

/// One copy in a window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Copy {
    pub(super) key: u64,
    pub(super) speed: f64,
    pub(super) mean: Mean,
}

impl Window {
    /// From here on, with the copies as they were counted last.
    pub(super) fn begin(&mut self, now: Duration) {
        self.begun = now;
        for counted in self.copies.values_mut() {
            (counted.before, counted.since) = (counted.now, now);
        }
    }

    pub(super) fn age(&self, now: Duration) -> Duration {
        now.saturating_sub(self.begun)
    }

    /// Takes the counts as they are now; copies that are not there any more are forgotten.
    pub(super) fn count(&mut self, now: Duration, copies: &[Seen]) {
        let keys: HashSet<u64> = copies.iter().map(|seen| seen.key).collect();
        self.copies.retain(|key, _| keys.contains(key));
        for &seen in copies {
            let new = Counted { before: seen, now: seen, since: now };
            self.copies.entry(seen.key).or_insert(new).now = seen;
        }
    }

    /// What it was like, if it is over. One that cannot become full begins again.
    pub(super) fn full(&mut self, now: Duration) -> Option<Span> {
        let age = self.age(now);
        if age > TIME_MAX {
            self.begin(now);
        }
        let copies: Vec<Copy> = self.copies.keys().filter_map(|key| self.of(*key, now)).collect();
        let mean = together(&copies)?;
        let is_over =
            age >= TIME_MIN && mean.ended >= ENDED_GOOD || age >= TIME_LONG && mean.ended >= ENDED_MIN;
        if !is_over || mean.time * 2.0 > age.as_secs_f64() {
            return None;
        }
        let in_flight = |copy: &Copy| copy.mean.in_flight * copy.speed;
        let busiest = copies.into_iter().max_by(|one, other| in_flight(one).total_cmp(&in_flight(other)))?;
        Some(Span { mean: Mean { seconds: age.as_secs_f64(), ..mean }, busiest })
    }

    /// What it was like at one copy; `None` while nothing has ended there.
    pub(super) fn of(&self, key: u64, now: Duration) -> Option<Copy> {
        let Counted { before, now: seen, since } = *self.copies.get(&key)?;
        let ended = seen.ended.checked_sub(before.ended).filter(|ended| *ended > 0)?;
        let sum = seen.time_sum.saturating_sub(before.time_sum).as_secs_f64();
        let seconds = now.saturating_sub(since).as_secs_f64();
        let is_sound = sum > 0.0 && seconds > 0.0 && seen.speed > 0.0 && seen.speed.is_finite();
        let mean = is_sound.then(|| Mean {
            in_flight: sum / seconds / seen.speed,
            long_lived: (seen.long_lived / seen.speed).max(0.0),
            time: sum / ended as f64,
            errors: seen.errors.saturating_sub(before.errors) as f64 / ended as f64,
            ended,
            seconds,
        })?;
        Some(Copy { key, speed: seen.speed, mean })
    }
}

/// Each copy weighs as much as requests have found it so.
fn together(copies: &[Copy]) -> Option<Mean> {
    let ended: u64 = copies.iter().map(|copy| copy.mean.ended).sum();
    let mean = |figure: fn(&Mean) -> f64| {
        copies.iter().map(|copy| figure(&copy.mean) * copy.mean.ended as f64).sum::<f64>() / ended as f64
    };
    (ended > 0).then(|| Mean {
        in_flight: mean(|one| one.in_flight),
        long_lived: mean(|one| one.long_lived),
        time: mean(|one| one.time),
        errors: mean(|one| one.errors),
        ended,
        seconds: mean(|one| one.seconds),
    })
}
