//! `capacity = "auto"`: how many requests in flight a copy handles well (K), learned from the time that requests
//! take. Pure: the time and the counts come in as arguments; `learning` looks at the copies and applies what is
//! said here.
//!
//! One K for the service, as of a copy of speed 1: nodes come and go, and a fresh one need not begin from nothing.
//! Little's law gives the mean in flight from the same counts as the mean time, so that the two belong together.
//! The short window is held against a `base`, the time without a queue inside the copy: where requests take much
//! longer, K comes down to what was in flight less the queue in it (the gradient of Netflix's and Envoy's
//! limiters); where they do not, and K is nearly used up, it rises. The base is not a mean of long: under a long
//! overload that would follow the queue, and K with it, without end. It is measured: a `probe` halves what one
//! copy may have in flight for about a second, again and again while that makes requests faster. Where halving
//! makes nothing faster, in flight was not what made them slow, which is also Cinnamon's test for the knee. To lose
//! no request comes before learning: a probe waits for a time when it is bearable.

mod probe;
#[cfg(test)]
mod tests;
mod window;

use std::time::Duration;

use cluster::config::Capacity;

use probe::{Finding, Probe, is_bearable};
pub(crate) use window::Seen;
use window::{Copy, Mean, Span, Window};

/// K stays within these. A copy may well handle one request at a time. One that begins above the larger one, by what
/// was written before, may stay there.
const K_MIN: f64 = 1.0;
const K_MAX: f64 = 1000.0;

/// Longer than the base by this factor is a queue: Envoy's gradient controller has 25 % too.
const TOLERANCE: f64 = 1.25;

/// And not longer by this is none.
const UNHURRIED: f64 = 1.1;

/// The gradient is no steeper than that, as in Netflix's Gradient2.
const GRADIENT_MIN: f64 = 0.5;

/// Room above what was seen to go well, times the square root of it: half of Envoy's.
const HEADROOM: f64 = 0.5;

/// How much of the way to its aim K goes in a second, and how far it goes at most (Gradient2's smoothing).
const SMOOTHING: f64 = 0.2;
const STEP_MAX: f64 = 0.1;

/// A second's share of the way from the base to a shorter time, where that is shorter by more than chance; and
/// to any time with no more in flight.
const BASE_DOWN: f64 = 0.1;
const BASE_UP: f64 = 0.03;
const CHANCE: f64 = 0.9;

/// From this share of 5xx on, a window tells nothing of how fast the service works well.
const ERRORS_MAX: f64 = 0.05;

/// Below this in flight there is nothing to halve: it is what a copy does with one request at a time.
const PROBED_MIN: f64 = 2.0;

/// An only copy that nothing is known of is probed from so many on, though they be few of its K: with one thread, it
/// is at 80 % of what it can do, and would hardly ever come to more.
const PROBED_ONLY: f64 = 4.0;

/// So many slow windows in a row are no chance.
const SLOW_WINDOWS: u32 = 3;

/// So many requests of one copy tell something by themselves.
const BUSIEST_ENDED: u64 = 50;

/// Between two probes; longer and longer while they find what is known.
const PAUSE: Duration = Duration::from_secs(10);
const PAUSE_MAX: Duration = Duration::from_secs(120);
const SAME: f64 = 0.2;

/// So many places beside the long-lived requests are enough for a first probe.
const PLACES_MIN: f64 = 4.0;

/// When K has fallen to this share since the last probe, another one is due: it may have fallen for nothing. And
/// this share of what was too many is too many still.
const FALLEN: f64 = 0.75;

/// What waits for a moment after a hold does so because of it.
const AFTER_HOLD: Duration = Duration::from_secs(1);

/// What waits at the front end.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Queued {
    pub(crate) count: usize,
    /// So many may wait.
    pub(crate) max: usize,
    /// How long the first of them has waited, and how long one may.
    pub(crate) oldest: Duration,
    pub(crate) timeout: Duration,
    /// More waited than a hold allowed, and the front end has ended it.
    pub(crate) is_overrun: bool,
}

/// One copy may have only so many for now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Held {
    /// Which.
    pub(crate) key: u64,
    /// Against its capacity.
    pub(crate) limit: f64,
    /// When more wait than this, it is to end at once.
    pub(crate) queued_max: usize,
}

/// Learns the K of one service.
#[derive(Debug, Clone)]
pub(crate) struct Learner {
    k: f64,
    k_max: f64,
    /// `None`: not known yet.
    base: Option<Base>,
    window: Window,
    probe: Option<Probe>,
    pause: Duration,
    /// No probe before, unless K has fallen far since the last one.
    probe_from: Duration,
    probed_at: f64,
    /// So many in flight were too many when it was probed last: fewer made requests faster.
    too_many: f64,
    /// Windows in a row that were slow.
    slow_windows: u32,
    looked: Duration,
    /// What waits before then does so because of a probe.
    queue_excused_to: Duration,
}

/// What a request takes without a queue in the copy.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Base {
    /// Seconds.
    time: f64,
    /// The most in flight at which it took no longer.
    in_flight: f64,
}

impl Learner {
    /// One that knows nothing but where to begin.
    pub(crate) fn new(k: f64) -> Self {
        let k = if k.is_finite() { k.max(K_MIN) } else { Capacity::AUTO_START };
        Self {
            k,
            k_max: k.max(K_MAX),
            base: None,
            window: Window::default(),
            probe: None,
            pause: PAUSE,
            probe_from: Duration::ZERO,
            probed_at: k,
            too_many: f64::INFINITY,
            slow_windows: 0,
            looked: Duration::ZERO,
            queue_excused_to: Duration::ZERO,
        }
    }

    /// K of a copy of speed 1.
    pub(crate) fn k(&self) -> f64 {
        self.k
    }

    /// Whether it has found out anything yet.
    pub(crate) fn has_learned(&self) -> bool {
        self.base.is_some()
    }

    /// The copy that is held to less now.
    pub(crate) fn held(&self) -> Option<Held> {
        let probe = self.probe.as_ref()?;
        let hold = probe.hold()?;
        Some(Held { key: probe.key, limit: hold.limit, queued_max: hold.queued_max })
    }

    /// Whether what waits now does so because of a probe: nothing waited before.
    pub(crate) fn excuses_queue(&self) -> bool {
        self.looked < self.queue_excused_to
    }

    /// Looks at the copies that serve and are warm, and at what waits for them. Due several times a second; `now`
    /// counts from any moment.
    pub(crate) fn look(&mut self, now: Duration, copies: &[Seen], queued: &Queued) {
        self.window.count(now, copies);
        self.make_room(now, copies, queued);
        self.looked = now;
        let (k, has_learned) = (self.k, self.has_learned());
        if let Some(probe) = &mut self.probe {
            let (key, speed) = (probe.key, probe.speed);
            let bearable =
                |mean: &Mean| bearable(k, has_learned, &Copy { key, speed, mean: *mean }, copies, queued);
            match probe.look(now, &mut self.window, queued, bearable) {
                Finding::NotYet => {}
                Finding::Base(base) => {
                    let too_many = probe.too_many;
                    self.found(now, Some(base), too_many);
                }
                Finding::Nothing => self.found(now, None, f64::INFINITY),
                Finding::NotHeld => {
                    self.probe = None;
                    self.probe_from = now + self.pause;
                    self.window.begin(now);
                }
            }
        } else if let Some(span) = self.window.full(now) {
            self.learn(now, &span, copies, queued);
            self.window.begin(now);
        }
        self.excuse(now, queued);
    }

    /// Where the long-lived ones leave no copy a place for others, or not enough to be probed, nothing is learned.
    fn make_room(&mut self, now: Duration, copies: &[Seen], queued: &Queued) {
        let least = if self.has_learned() { 1.0 } else { PLACES_MIN };
        let has_places = |seen: &Seen| seen.long_lived + least <= self.k * seen.speed;
        if self.probe.is_none() && queued.count > 0 && !copies.is_empty() && !copies.iter().any(has_places) {
            self.step_to(f64::MAX, now.saturating_sub(self.looked).as_secs_f64());
            self.window.begin(now);
        }
    }

    /// A probe that began while nobody waited answers for who waits.
    fn excuse(&mut self, now: Duration, queued: &Queued) {
        let hold = self.probe.as_ref().and_then(Probe::hold);
        if hold.is_some_and(|hold| hold.queued_before == 0) {
            self.queue_excused_to = now + AFTER_HOLD;
        } else if queued.count == 0 {
            self.queue_excused_to = now;
        }
    }

    fn learn(&mut self, now: Duration, span: &Span, copies: &[Seen], queued: &Queued) {
        let Mean { in_flight, long_lived, time, errors, seconds, .. } = span.mean;
        let fails = errors > ERRORS_MAX;
        let Some(base) = self.base else {
            if !fails {
                self.begin_probe(now, span, copies, queued);
            }
            return;
        };
        let is_busy = in_flight + long_lived > places(self.k) / 2.0;
        let is_slow = base.is_exceeded(time);
        self.slow_windows = if is_slow { self.slow_windows + 1 } else { 0 };
        // Where nothing waits in the copies, more may well do: nodes are held at a share of K, and few look further.
        let further = self.k + HEADROOM * self.k.sqrt();
        let is_unhurried = is_busy && time < UNHURRIED * base.time;
        let aim = if is_unhurried { base.aim(&span.mean).max(further) } else { base.aim(&span.mean) };
        // A copy that is hardly busy may be slow by chance, unless that many were found to be too many. The busiest
        // shows that where the requests are not spread evenly.
        let Copy { mean: busiest, .. } = span.busiest;
        let has_too_many = busiest.ended >= BUSIEST_ENDED
            && base.is_exceeded(busiest.time)
            && busiest.in_flight > FALLEN * self.too_many;
        if aim > self.k {
            if !fails {
                self.step_to(aim, seconds);
            }
        } else if is_slow && is_busy {
            self.step_to(aim.max((base.in_flight + long_lived).min(self.k)), seconds);
        } else if has_too_many {
            let least = base.in_flight + busiest.long_lived;
            self.step_to(base.aim(&busiest).max(least).min(self.k), seconds);
        }
        if fails {
            return;
        }
        self.base = Some(base.beside(&span.mean));
        if (is_slow && is_busy) || has_too_many || self.slow_windows >= SLOW_WINDOWS {
            self.begin_probe(now, span, copies, queued);
        }
    }

    fn step_to(&mut self, aim: f64, seconds: f64) {
        let most = (1.0 + STEP_MAX).powf(seconds);
        let to = self.k + (aim - self.k) * share(SMOOTHING, seconds);
        self.k = to.clamp(self.k / most, self.k * most).clamp(K_MIN, self.k_max);
    }

    /// At the busiest copy: it has the most to tell.
    fn begin_probe(&mut self, now: Duration, span: &Span, copies: &[Seen], queued: &Queued) {
        let busiest = &span.busiest;
        let is_due = now >= self.probe_from || self.k < FALLEN * self.probed_at;
        if busiest.mean.in_flight * busiest.speed >= PROBED_MIN
            && is_due
            && bearable(self.k, self.has_learned(), busiest, copies, queued)
        {
            self.probe = Some(Probe::new(busiest.key, busiest.speed));
        }
    }

    fn found(&mut self, now: Duration, base: Option<Base>, too_many: f64) {
        let is_news =
            base.is_some_and(|new| self.base.is_none_or(|old| (new.time / old.time - 1.0).abs() > SAME));
        self.pause = if is_news { PAUSE } else { (self.pause * 2).min(PAUSE_MAX) };
        self.probe_from = now + self.pause;
        (self.probed_at, self.too_many, self.slow_windows) = (self.k, too_many, 0);
        self.base = base.or(self.base);
        self.probe = None;
        self.window.begin(now);
    }
}

impl Base {
    /// Whether requests that take so long wait inside the copy.
    fn is_exceeded(self, time: f64) -> bool {
        time > TOLERANCE * self.time
    }

    /// What was in flight less the queue in it, and some room.
    fn aim(self, mean: &Mean) -> f64 {
        let gradient = (TOLERANCE * self.time / mean.time).clamp(GRADIENT_MIN, TOLERANCE);
        mean.long_lived + mean.in_flight * gradient + HEADROOM * mean.in_flight.sqrt()
    }

    /// As it is after a window. A longer time with no more in flight is no queue: the service has become slower.
    fn beside(self, mean: &Mean) -> Self {
        let Self { time, in_flight } = self;
        let a_second = if mean.time < CHANCE * time {
            BASE_DOWN
        } else if mean.in_flight <= in_flight {
            BASE_UP
        } else {
            0.0
        };
        let in_flight = if mean.time <= time { in_flight.max(mean.in_flight) } else { in_flight };
        Self { time: time + (mean.time - time) * share(a_second, mean.seconds), in_flight }
    }
}

/// Whether that copy may be probed. The others can take what it cannot; where they have no room, requests have to
/// wait, and then it has to have so much to do that they may be better off for it.
fn bearable(k: f64, has_learned: bool, copy: &Copy, copies: &[Seen], queued: &Queued) -> bool {
    let Copy { key, speed, mean } = copy;
    let others = copies.iter().filter(|seen| seen.key != *key);
    let room: f64 = others.map(|seen| (k * seen.speed - seen.load).max(0.0)).sum();
    let has_room = room >= mean.in_flight * speed;
    let least = if has_learned { k / 2.0 } else { PROBED_ONLY.min(k / 2.0) };
    (has_room || mean.in_flight + mean.long_lived > least) && is_bearable(mean, *speed, has_room, queued)
}

/// Requests that a copy of that K takes.
fn places(k: f64) -> f64 {
    k.floor().max(1.0)
}

/// What a second's share of the way is in so many seconds.
fn share(a_second: f64, seconds: f64) -> f64 {
    1.0 - (1.0 - a_second).powf(seconds)
}
