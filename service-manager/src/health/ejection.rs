//! When a copy is out because too many of its answers are 5xx, and for how long (design section 3).
//! Pure: the counts of a window and the time come in, a verdict per copy goes out. How long an answer
//! takes never counts.
//!
//! At most a third of the copies are out, none while the others are High, and never the last one that
//! serves: then the failing ones come back early. These bounds hold after every look.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// Failing windows in a row that put a copy out: one may be a single client's bad request repeated.
const WINDOWS: u32 = 3;

/// Answers that a window must have to say anything: Envoy's `success_rate_request_volume` is 100 in
/// 10 s, here for a window of a second and small services.
const ANSWERS_MIN: u64 = 5;

/// The longest a copy is out, if `time` is not longer: Envoy's `max_ejection_time`.
const TIME_MAX: Duration = Duration::from_secs(300);

/// When a copy is out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Limits {
    /// From this share of 5xx on a window is a failing one.
    pub share: f64,
    /// How long it is out the first time; so many times longer as it was out lately.
    pub time: Duration,
    /// Above this share of K the others are High.
    pub high: f64,
}

/// One copy in the window that has ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Seen {
    /// Which one; a restarted one is another one.
    pub key: u64,
    /// Its answers in the window.
    pub answers: u64,
    /// Those of them that were 5xx.
    pub errors: u64,
    /// Its mean requests in flight.
    pub load: f64,
    /// K.
    pub capacity: f64,
    /// Whether it could take requests: its probes are good and connects to it succeed.
    pub is_serving: bool,
}

/// What a look found of one copy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Verdict {
    /// Nothing to say: too few answers, or it takes none at all.
    Quiet,
    /// Its window was not a failing one.
    Good,
    /// So many windows in a row are failing ones, and that is not enough yet.
    Failing(u32),
    /// It should be out and is not.
    Kept(Kept),
    /// It is out from now on.
    Ejected {
        /// The share of 5xx in its last window.
        share: f64,
        /// For how long.
        time: Duration,
        /// How often it was put out lately, this time counted.
        times: u32,
    },
    /// It is out for as long as this.
    Out(Duration),
    /// It is in from now on.
    Back(Back),
}

/// Why a failing copy is not put out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// No other one serves.
    IsLast,
    /// It would be more than a third of the copies.
    ThirdIsOut,
    /// The others would be High.
    OthersHigh,
}

/// Why a copy comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Back {
    /// Its time is over.
    TimeIsOver,
    /// No other one serves.
    NoneServes,
    /// There are fewer copies now, and more than a third of them would be out.
    FewerCopies,
    /// The others are High.
    OthersHigh,
}

/// One copy's verdict.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Finding {
    /// Which copy.
    pub key: u64,
    /// What of it.
    pub verdict: Verdict,
    /// Whether it went out, came back, or is kept for another reason than before: worth a line.
    pub is_news: bool,
}

/// Who is out.
#[derive(Debug)]
pub(crate) struct Ejection {
    limits: Limits,
    tracks: HashMap<u64, Track>,
}

/// What is remembered of one copy.
#[derive(Debug)]
struct Track {
    failing: u32,
    until: Option<Instant>,
    times: u32,
    // Since when it behaves: its last failing window, its return, or the last time that was forgiven.
    good_since: Instant,
    kept: Option<Kept>,
}

impl Limits {
    /// How long a copy is out that was put out so many times lately, this time counted.
    fn time_out(&self, times: u32) -> Duration {
        self.time.saturating_mul(times).min(TIME_MAX.max(self.time))
    }

    fn is_failing(&self, seen: &Seen) -> bool {
        share(seen) >= self.share
    }
}

impl Seen {
    fn says_something(&self) -> bool {
        self.is_serving && self.answers >= ANSWERS_MIN
    }
}

impl Ejection {
    /// Nobody is out.
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, tracks: HashMap::new() }
    }

    /// Goes by `limits` from the next look on; whoever is out stays out as long as it was said.
    pub(crate) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Whether this copy is out.
    pub(crate) fn is_out(&self, key: u64) -> bool {
        self.tracks.get(&key).is_some_and(|track| track.until.is_some())
    }

    /// Judges the window that ended `now`: each copy once, in the order of `seen`, which holds every
    /// copy that may be put out. One that is not there any more is forgotten.
    pub(crate) fn look(&mut self, now: Instant, seen: &[Seen]) -> Vec<Finding> {
        let keys: HashSet<u64> = seen.iter().map(|seen| seen.key).collect();
        self.tracks.retain(|key, _| keys.contains(key));
        let mut verdicts: Vec<_> = seen.iter().map(|seen| self.note(now, seen)).collect();
        self.let_back(now, seen, &mut verdicts);
        self.put_out(now, seen, &mut verdicts);
        let finding = |(seen, verdict): (&Seen, Verdict)| {
            let is_news = self.track(seen.key, now).hears(verdict);
            Finding { key: seen.key, verdict, is_news }
        };
        seen.iter().zip(verdicts).map(finding).collect()
    }

    fn track(&mut self, key: u64, now: Instant) -> &mut Track {
        self.tracks.entry(key).or_insert(Track {
            failing: 0,
            until: None,
            times: 0,
            good_since: now,
            kept: None,
        })
    }

    /// Counts the window; what it means for a copy that is in is seen later.
    fn note(&mut self, now: Instant, seen: &Seen) -> Verdict {
        let limits = self.limits;
        let track = self.track(seen.key, now);
        if let Some(until) = track.until {
            return match until.saturating_duration_since(now) {
                Duration::ZERO => track.come_back(now, Back::TimeIsOver),
                left => Verdict::Out(left),
            };
        }
        if seen.says_something() && limits.is_failing(seen) {
            track.failing = track.failing.saturating_add(1);
            track.good_since = now;
            return Verdict::Failing(track.failing);
        }
        track.failing = 0;
        // It is forgiven one time for each that it behaved as long as it was out.
        if track.times > 0 && now.saturating_duration_since(track.good_since) >= limits.time_out(track.times)
        {
            track.times -= 1;
            track.good_since = now;
        }
        if seen.says_something() { Verdict::Good } else { Verdict::Quiet }
    }

    /// Brings back who must not be out any more, those first whose time is over first.
    fn let_back(&mut self, now: Instant, seen: &[Seen], verdicts: &mut [Verdict]) {
        while let Some(why) = self.must_return(seen) {
            let until = |key| self.tracks.get(&key).and_then(|track| track.until);
            let out = seen.iter().enumerate().filter_map(|(index, seen)| Some((until(seen.key)?, index)));
            let Some((_, index)) = out.min() else { return };
            verdicts[index] = self.track(seen[index].key, now).come_back(now, why);
        }
    }

    /// Why one of those who are out has to come back.
    fn must_return(&self, seen: &[Seen]) -> Option<Back> {
        let out = seen.iter().filter(|seen| self.is_out(seen.key)).count();
        if out == 0 {
            None
        } else if out * 3 > seen.len() {
            Some(Back::FewerCopies)
        } else if self.others(seen, None).next().is_none() {
            Some(Back::NoneServes)
        } else {
            self.is_high(seen, None).then_some(Back::OthersHigh)
        }
    }

    /// Puts out who has failed long enough, the worst first, as far as the bounds allow.
    fn put_out(&mut self, now: Instant, seen: &[Seen], verdicts: &mut [Verdict]) {
        let has_failed = |verdict| matches!(verdict, Verdict::Failing(windows) if windows >= WINDOWS);
        let mut failed: Vec<_> = (0..seen.len()).filter(|&index| has_failed(verdicts[index])).collect();
        failed.sort_by(|&a, &b| share(&seen[b]).total_cmp(&share(&seen[a])).then(a.cmp(&b)));
        for index in failed {
            let this = &seen[index];
            verdicts[index] = match self.must_stay(seen, this.key) {
                Some(kept) => Verdict::Kept(kept),
                None => {
                    let limits = self.limits;
                    let track = self.track(this.key, now);
                    track.times = track.times.saturating_add(1);
                    let time = limits.time_out(track.times);
                    (track.until, track.failing) = (Some(now + time), 0);
                    Verdict::Ejected { share: share(this), time, times: track.times }
                }
            };
        }
    }

    /// Why this copy must not be put out.
    fn must_stay(&self, seen: &[Seen], key: u64) -> Option<Kept> {
        let out = seen.iter().filter(|seen| self.is_out(seen.key)).count();
        if self.others(seen, Some(key)).next().is_none() {
            Some(Kept::IsLast)
        } else if (out + 1) * 3 > seen.len() {
            Some(Kept::ThirdIsOut)
        } else {
            self.is_high(seen, Some(key)).then_some(Kept::OthersHigh)
        }
    }

    /// Those who serve and are not out, but for this one.
    fn others<'a>(&'a self, seen: &'a [Seen], without: Option<u64>) -> impl Iterator<Item = &'a Seen> {
        seen.iter().filter(move |seen| seen.is_serving && !self.is_out(seen.key) && Some(seen.key) != without)
    }

    /// Whether the others, without this one, are High when all that runs anywhere is theirs.
    fn is_high(&self, seen: &[Seen], without: Option<u64>) -> bool {
        let load: f64 = seen.iter().map(|seen| seen.load).sum();
        let capacity: f64 = self.others(seen, without).map(|seen| seen.capacity).sum();
        load > self.limits.high * capacity
    }
}

impl Track {
    fn come_back(&mut self, now: Instant, why: Back) -> Verdict {
        (self.until, self.failing, self.good_since) = (None, 0, now);
        Verdict::Back(why)
    }

    /// Remembers for what reason it is kept; answers whether the verdict is worth a line.
    fn hears(&mut self, verdict: Verdict) -> bool {
        let kept = match verdict {
            Verdict::Kept(kept) => Some(kept),
            Verdict::Quiet | Verdict::Good | Verdict::Failing(_) => None,
            Verdict::Ejected { .. } | Verdict::Out(_) | Verdict::Back(_) => None,
        };
        let was_kept = std::mem::replace(&mut self.kept, kept);
        match verdict {
            Verdict::Ejected { .. } | Verdict::Back(_) => true,
            Verdict::Kept(_) => kept != was_kept,
            Verdict::Quiet | Verdict::Good | Verdict::Failing(_) | Verdict::Out(_) => false,
        }
    }
}

fn share(seen: &Seen) -> f64 {
    seen.errors as f64 / seen.answers.max(1) as f64
}
