//! A probe: one copy is held to half of what it had in flight, to see whether requests take less time then; and
//! to half of that, while they do. What they take in the end is the time without a queue.

use std::time::Duration;

use super::window::{Copy, Mean, Window};
use super::{Base, ERRORS_MAX, PROBED_MIN};

/// What is over the limit at first ends within about the time that requests took.
const SETTLE_MIN: Duration = Duration::from_millis(100);

/// It is measured for so long with so many requests, or longer with fewer.
const TIME_SHORT: Duration = Duration::from_millis(500);
const ENDED_GOOD: u64 = 50;
const TIME_LONG: Duration = Duration::from_secs(3);
const ENDED_MIN: u64 = 20;

/// Then it is given up.
const TIME_MAX: Duration = Duration::from_secs(10);

/// Half in flight in less than this share of the time: there was a queue. Without one it is all of the time,
/// and with nothing else half of it.
const HELPED: f64 = 0.75;

/// What is in flight has to become less than this share of what it was, or the limit did nothing.
const FELL: f64 = 0.75;

#[derive(Debug, Clone)]
pub(super) struct Probe {
    pub(super) key: u64,
    speed: f64,
    /// Requests that it may have in flight; `None`: as before, to be measured first.
    pub(super) limit: Option<f64>,
    /// In flight, of a copy of speed 1, before it was held to less, where that made requests faster.
    pub(super) too_many: f64,
    /// What it was like with twice as many.
    before: Option<Mean>,
    measured_from: Duration,
    is_measuring: bool,
}

/// What comes of a look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Finding {
    /// It goes on.
    NotYet,
    /// Requests without a queue.
    Base(Base),
    /// It could not be measured.
    Nothing,
}

impl Probe {
    /// Of the copy with that key.
    pub(super) fn new(now: Duration, key: u64, speed: f64) -> Self {
        Self {
            key,
            speed,
            limit: None,
            too_many: f64::INFINITY,
            before: None,
            measured_from: now,
            is_measuring: false,
        }
    }

    /// `window` is the probe's own until it comes to an end.
    pub(super) fn look(&mut self, now: Duration, window: &mut Window) -> Finding {
        if now < self.measured_from {
            return Finding::NotYet;
        }
        if !self.is_measuring {
            self.is_measuring = true;
            window.begin(now);
        }
        let age = window.age(now);
        if age > TIME_MAX {
            return Finding::Nothing;
        }
        let Some(Copy { mean, .. }) = window.of(self.key, now) else {
            // The load has gone elsewhere.
            return if age > TIME_LONG { Finding::Nothing } else { Finding::NotYet };
        };
        let is_over =
            age >= TIME_SHORT && mean.ended >= ENDED_GOOD || age >= TIME_LONG && mean.ended >= ENDED_MIN;
        if !is_over || mean.time > age.as_secs_f64() {
            return Finding::NotYet;
        }
        if mean.errors > ERRORS_MAX {
            return Finding::Nothing;
        }
        match self.before {
            None if mean.in_flight * self.speed < PROBED_MIN => return Finding::Nothing,
            None => {}
            Some(before) if mean.in_flight > FELL * before.in_flight => return Finding::Nothing,
            Some(before) if mean.time < HELPED * before.time && self.limit > Some(1.0) => {
                self.too_many = self.too_many.min(before.in_flight);
            }
            Some(before) => {
                if mean.time < HELPED * before.time {
                    self.too_many = self.too_many.min(before.in_flight);
                }
                let time = mean.time.min(before.time);
                return Finding::Base(Base { time, in_flight: mean.in_flight });
            }
        }
        self.halve(now, mean);
        Finding::NotYet
    }

    fn halve(&mut self, now: Duration, before: Mean) {
        self.limit = Some((before.in_flight * self.speed / 2.0).floor().max(1.0));
        self.measured_from =
            now + Duration::from_secs_f64(before.time.min(TIME_MAX.as_secs_f64())).max(SETTLE_MIN);
        self.before = Some(before);
        self.is_measuring = false;
    }
}
