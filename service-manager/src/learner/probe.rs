//! A probe: one copy is held to half of what it had in flight, to see whether requests take less time then; and
//! to half of that, while they do. What they take in the end is the time without a queue. No request is lost by
//! it: it ends at once where more wait at the front end, or for longer, than is bearable.

use std::time::Duration;

use super::window::{Copy, Mean, Window};
use super::{Base, ERRORS_MAX, PROBED_MIN, Queued};

/// What is over the limit at first ends within about the time that requests took.
const SETTLE_MIN: Duration = Duration::from_millis(100);

/// It is measured for so long with so many requests, or longer with fewer.
const TIME_SHORT: Duration = Duration::from_millis(500);
const ENDED_GOOD: u64 = 50;
const ENDED_MIN: u64 = 20;

/// As it is, it may take its time; then that is given up.
const FREE_LONG: Duration = Duration::from_secs(3);
const FREE_MAX: Duration = Duration::from_secs(10);

/// Held to less, it may not: others may wait for it.
const HELD_LONG: Duration = Duration::from_secs(1);

/// And is held no longer than so long from each halving on. There is another one only where the last made
/// requests faster, and so kept nobody waiting in all.
const HELD_MAX: Duration = Duration::from_secs(3);

/// Two looks and the settling pass before anything can be known: it has to be bearable for that long.
const HELD_MIN: Duration = Duration::from_millis(300);

/// The queue may grow by this share of its bounds. A quarter leaves the rest for what comes by itself.
const QUEUE_SHARE: u32 = 4;

/// Half in flight in less than this share of the time: there was a queue. Without one it is all of the time,
/// and with nothing else half of it.
const HELPED: f64 = 0.75;

/// What is in flight has to become less than this share of what it was, or the limit did nothing.
const FELL: f64 = 0.75;

#[derive(Debug, Clone)]
pub(super) struct Probe {
    pub(super) key: u64,
    pub(super) speed: f64,
    stage: Stage,
    /// In flight, of a copy of speed 1, before it was held to less, where that made requests faster.
    pub(super) too_many: f64,
    /// What the last halving that helped came to.
    helped: Option<Base>,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    /// It may have as much as ever, and is measured so.
    Free,
    /// Held, until what was above the limit has ended.
    Settling { hold: Hold, until: Duration },
    /// Held and measured.
    Measured(Hold),
}

/// How a copy is held.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hold {
    /// What it may have against its capacity, long-lived requests included.
    pub(super) limit: f64,
    /// Requests of it that are not long-lived.
    plain: f64,
    since: Duration,
    /// What it was like with twice as many.
    before: Mean,
    /// Requests that waited when the first hold began.
    pub(super) queued_before: usize,
    /// As many may wait, and for so long.
    pub(super) queued_max: usize,
    oldest_max: Duration,
}

/// What comes of a look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Finding {
    /// It goes on.
    NotYet,
    /// Requests without a queue.
    Base(Base),
    /// It could not be measured while it was held.
    Nothing,
    /// It was not held, for there was nothing to measure, or it would not have been bearable.
    NotHeld,
}

/// Whether a copy of this mean can be measured while it is held to half of it, and what then waits is bearable.
/// Where the queue is more than half full by itself, requests are lost already, or soon, and will be until more is
/// known: then a hold costs nothing, or shows that the copy may have more.
pub(super) fn is_bearable(mean: &Mean, speed: f64, has_room_elsewhere: bool, queued: &Queued) -> bool {
    let rate = mean.in_flight * speed / mean.time;
    let is_overloaded = queued.count > queued.max / 2 || queued.oldest > queued.timeout / 2;
    let measured_rate = if queued.count > 0 { rate } else { rate / 2.0 };
    let is_measurable = mean.time + ENDED_MIN as f64 / measured_rate <= HELD_MAX.as_secs_f64();
    let waiting = rate / 2.0 * HELD_MIN.as_secs_f64();
    let is_spared = has_room_elsewhere || is_overloaded;
    is_measurable && (is_spared || waiting <= queued.max as f64 / f64::from(QUEUE_SHARE))
}

impl Probe {
    /// Of the copy with that key.
    pub(super) fn new(key: u64, speed: f64) -> Self {
        Self { key, speed, stage: Stage::Free, too_many: f64::INFINITY, helped: None }
    }

    /// How the copy is held now; `None`: it is not.
    pub(super) fn hold(&self) -> Option<&Hold> {
        match &self.stage {
            Stage::Free => None,
            Stage::Settling { hold, .. } | Stage::Measured(hold) => Some(hold),
        }
    }

    /// `window` is the probe's own until it comes to an end. `is_bearable` is asked before the first hold.
    pub(super) fn look(
        &mut self,
        now: Duration,
        window: &mut Window,
        queued: &Queued,
        is_bearable: impl Fn(&Mean) -> bool,
    ) -> Finding {
        if self.hold().is_some_and(|hold| hold.hurts(queued)) {
            return self.cut();
        }
        match self.stage {
            Stage::Free => {
                let Some(mean) = self.mean(now, window, TIME_SHORT, FREE_LONG) else {
                    // The load may have gone elsewhere.
                    let is_over = window.age(now) > FREE_MAX;
                    return if is_over { Finding::NotHeld } else { Finding::NotYet };
                };
                let is_good = mean.errors <= ERRORS_MAX && mean.in_flight * self.speed >= PROBED_MIN;
                if !is_good || !is_bearable(&mean) {
                    return Finding::NotHeld;
                }
                let hold = Hold::half(now, mean, self.speed, queued);
                self.settle(now, hold);
                Finding::NotYet
            }
            Stage::Settling { hold, until } => {
                if now >= until {
                    self.stage = Stage::Measured(hold);
                    window.begin(now);
                }
                Finding::NotYet
            }
            Stage::Measured(hold) => {
                let is_over = now.saturating_sub(hold.since) >= HELD_MAX;
                let longest = if is_over { Duration::ZERO } else { HELD_LONG };
                match self.mean(now, window, TIME_SHORT.min(longest), longest) {
                    Some(mean) => self.judge(now, hold, mean),
                    None if is_over => self.cut(),
                    None => Finding::NotYet,
                }
            }
        }
    }

    /// What the copy was like, if that is known well enough.
    fn mean(&self, now: Duration, window: &Window, short: Duration, long: Duration) -> Option<Mean> {
        let (age, Copy { mean, .. }) = (window.age(now), window.of(self.key, now)?);
        let is_over = age >= short && mean.ended >= ENDED_GOOD || age >= long && mean.ended >= ENDED_MIN;
        (is_over && mean.time <= age.as_secs_f64()).then_some(mean)
    }

    fn judge(&mut self, now: Duration, hold: Hold, mean: Mean) -> Finding {
        let before = hold.before;
        if mean.errors > ERRORS_MAX || mean.in_flight > FELL * before.in_flight {
            return self.cut();
        }
        if mean.time >= HELPED * before.time {
            // As good as twice as many: both are measures of one time, and the better of two would be it by chance.
            let (one, other) = (before.ended as f64, mean.ended as f64);
            let time = (before.time * one + mean.time * other) / (one + other);
            return Finding::Base(Base { time, in_flight: before.in_flight });
        }
        self.too_many = self.too_many.min(before.in_flight);
        let base = Base { time: mean.time, in_flight: mean.in_flight };
        if hold.plain <= 1.0 {
            return Finding::Base(base);
        }
        self.helped = Some(base);
        self.settle(now, hold.halved(now, mean, self.speed));
        Finding::NotYet
    }

    fn settle(&mut self, now: Duration, hold: Hold) {
        let time = Duration::from_secs_f64(hold.before.time.min(HELD_MAX.as_secs_f64()));
        self.stage = Stage::Settling { hold, until: now + time.max(SETTLE_MIN) };
    }

    /// It ends before it is through. What has helped until then is known all the same.
    fn cut(&self) -> Finding {
        self.helped.map_or(Finding::Nothing, Finding::Base)
    }
}

impl Hold {
    /// The first.
    fn half(now: Duration, before: Mean, speed: f64, queued: &Queued) -> Self {
        let first = Self {
            limit: 0.0,
            plain: 0.0,
            since: now,
            before,
            queued_before: queued.count,
            queued_max: queued.count + queued.max / QUEUE_SHARE as usize,
            oldest_max: queued.oldest + queued.timeout / QUEUE_SHARE,
        };
        first.halved(now, before, speed)
    }

    /// The next one, which is as bearable in all.
    fn halved(self, now: Duration, before: Mean, speed: f64) -> Self {
        let plain = (before.in_flight * speed / 2.0).floor().max(1.0);
        Self { limit: plain + before.long_lived * speed, plain, since: now, before, ..self }
    }

    fn hurts(&self, queued: &Queued) -> bool {
        queued.is_overrun || queued.count > self.queued_max || queued.oldest > self.oldest_max
    }
}
