//! Which step comes next: up until throughput no longer rises, then closer to the knee, then all of it again, round
//! after round. Decides only; nothing is sent here.

use std::collections::VecDeque;

use super::curve::{Curve, Sample, Unfit};
use super::knee;

/// Throughput no longer rises when two more steps, which are nearly twice the requests in flight, bring less than this.
const GAIN_MIN: f64 = 1.05;

/// It has collapsed when it is below this share of the most.
const COLLAPSED: f64 = 0.7;

/// The climb ends after this many steps at the earliest, where nothing fails: a plateau has to be seen as one.
const STEPS_MIN: usize = 4;

/// Steps in between at most: each halves what is open, and this is enough for any climb.
const CLOSER_MAX: u32 = 4;

/// What is open around the knee when it is close enough: this part of it.
const CLOSE_ENOUGH: u32 = 8;

/// Why the climb ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Top {
    /// More in flight brings no more answers.
    NoGain,
    /// It brings far fewer.
    Collapse,
    /// Requests fail.
    Failures,
    /// They take far too long.
    Slow,
    /// There are to be no more.
    Max,
}

/// What has been measured, and what comes next.
#[derive(Debug)]
pub(super) struct Steps {
    max: u32,
    rounds: u32,
    samples: Vec<Sample>,
    phase: Phase,
    top: Option<Top>,
}

#[derive(Debug)]
enum Phase {
    Climb { next: u32 },
    Closer { left: u32 },
    Again { round: u32, left: VecDeque<u32> },
    Done,
}

impl Steps {
    /// At most `max` in flight; each step is measured `rounds` times.
    pub(super) fn new(max: u32, rounds: u32) -> Self {
        Self { max, rounds, samples: Vec::new(), phase: Phase::Climb { next: 1 }, top: None }
    }

    /// How many are to be in flight in the next step; `None`: all is measured. The same until it was taken.
    pub(super) fn next(&mut self) -> Option<u32> {
        loop {
            match &self.phase {
                Phase::Climb { next } => return Some(*next),
                Phase::Closer { left } => match between(&self.samples).filter(|_| *left > 0) {
                    Some(number) => return Some(number),
                    None => self.phase = self.again(2),
                },
                Phase::Again { left, round } => match left.front() {
                    Some(number) => return Some(*number),
                    None => self.phase = self.again(round + 1),
                },
                Phase::Done => return None,
            }
        }
    }

    /// What the step came to.
    pub(super) fn take(&mut self, sample: Sample) {
        let number = sample.in_flight;
        self.samples.push(sample);
        match &mut self.phase {
            Phase::Climb { next } => {
                self.top = top(&self.samples, self.max);
                match self.top {
                    None => *next = above(number).min(self.max),
                    Some(_) => self.phase = Phase::Closer { left: CLOSER_MAX },
                }
            }
            Phase::Closer { left } => *left -= 1,
            Phase::Again { left, .. } => {
                left.pop_front();
            }
            Phase::Done => {}
        }
    }

    /// All that was measured.
    pub(super) fn curve(&self) -> Curve {
        Curve::of(&self.samples)
    }

    /// Which round it is, counted from 1.
    pub(super) const fn round(&self) -> u32 {
        match self.phase {
            Phase::Climb { .. } | Phase::Closer { .. } => 1,
            Phase::Again { round, .. } => round,
            Phase::Done => self.rounds,
        }
    }

    /// Why the climb ended, once it has.
    pub(super) const fn top(&self) -> Option<Top> {
        self.top
    }

    /// The round with this number: all numbers once more that the copy handled.
    fn again(&self, round: u32) -> Phase {
        if round > self.rounds {
            return Phase::Done;
        }
        let curve = self.curve();
        let left: VecDeque<u32> = curve.fit().0.iter().map(|point| point.in_flight).collect();
        if left.is_empty() { Phase::Done } else { Phase::Again { round, left } }
    }
}

/// 1, 2, 3, 4, 6, 8, 12, 16, 24 and so on: two steps double it, and the numbers of workers that people choose are in it.
const fn above(number: u32) -> u32 {
    match number {
        0 | 1 => number + 1,
        _ if number.is_power_of_two() => number.saturating_add(number / 2),
        _ => number.saturating_add(number / 3),
    }
}

/// Whether the climb has reached its end, and why.
fn top(samples: &[Sample], max: u32) -> Option<Top> {
    let curve = Curve::of(samples);
    match curve.fit().1 {
        Some(Unfit::Failed | Unfit::Unanswered) => return Some(Top::Failures),
        Some(Unfit::Slow) => return Some(Top::Slow),
        None => {}
    }
    let rates: Vec<f64> = curve.points.iter().map(|point| point.per_second).collect();
    let most = |rates: &[f64]| rates.iter().copied().fold(0.0, f64::max);
    if rates.len() >= STEPS_MIN {
        let (before, last_two) = rates.split_at(rates.len() - 2);
        if most(last_two) < GAIN_MIN * most(before) {
            let is_collapse = last_two.iter().all(|rate| *rate < COLLAPSED * most(before));
            return Some(if is_collapse { Top::Collapse } else { Top::NoGain });
        }
    }
    (curve.points.last()?.in_flight >= max).then_some(Top::Max)
}

/// A number halfway between the knee and the step above it that the copy did not handle, or else the one below it, where
/// that is still far.
fn between(samples: &[Sample]) -> Option<u32> {
    let curve = Curve::of(samples);
    let (points, _) = curve.fit();
    let knee = knee::of(points)?;
    let halfway = |from: u32, to: u32| {
        let open = to - from;
        (open > (knee.capacity / CLOSE_ENOUGH).max(1)).then(|| from + open / 2)
    };
    let beyond = curve.points.get(knee.index + 1).filter(|_| knee.index + 1 == points.len());
    let below = knee.index.checked_sub(1).map(|index| points[index].in_flight);
    beyond
        .and_then(|beyond| halfway(knee.capacity, beyond.in_flight))
        .or_else(|| halfway(below?, knee.capacity))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Goes through all steps of a copy that does this.
    fn played(max: u32, rounds: u32, mut copy: impl FnMut(u32) -> Sample) -> (Vec<u32>, Steps) {
        let mut steps = Steps::new(max, rounds);
        let mut numbers = Vec::new();
        while let Some(number) = steps.next() {
            assert!(numbers.len() < 500, "{numbers:?}");
            numbers.push(number);
            steps.take(copy(number));
        }
        (numbers, steps)
    }

    fn sample(in_flight: u32, per_second: f64) -> Sample {
        let p50 = Duration::from_secs_f64(f64::from(in_flight) / per_second);
        Sample { in_flight, per_second, p50, p99: p50, good: 1000, ..Sample::default() }
    }

    fn workers(count: u32) -> impl FnMut(u32) -> Sample {
        move |number| sample(number, f64::from(number.min(count)) * 50.0)
    }

    fn knee_of(steps: &Steps) -> u32 {
        knee::of(steps.curve().fit().0).unwrap().capacity
    }

    #[test]
    fn it_climbs_until_two_steps_bring_nothing_more() {
        let (numbers, steps) = played(256, 1, workers(4));
        assert_eq!(numbers, [1, 2, 3, 4, 6, 8]);
        assert_eq!(steps.top(), Some(Top::NoGain));
    }

    #[test]
    fn it_comes_closer_to_a_knee_between_two_steps() {
        let (numbers, steps) = played(256, 1, workers(10));
        assert_eq!(numbers, [1, 2, 3, 4, 6, 8, 12, 16, 24, 10, 9]);
        // Nine of ten workers are nine tenths of all.
        assert_eq!(knee_of(&steps), 9);
        let (_, steps) = played(1024, 1, workers(100));
        assert!((90..=100).contains(&knee_of(&steps)), "{}", knee_of(&steps));
    }

    #[test]
    fn every_step_is_measured_in_each_round() {
        let (numbers, _) = played(256, 3, workers(4));
        assert_eq!(numbers, [1, 2, 3, 4, 6, 8].repeat(3));
    }

    #[test]
    fn there_are_never_more_than_the_most_allowed() {
        let (numbers, steps) = played(20, 1, workers(1000));
        assert_eq!(numbers, [1, 2, 3, 4, 6, 8, 12, 16, 20, 18]);
        assert_eq!(steps.top(), Some(Top::Max));
        let (numbers, steps) = played(1, 2, workers(1000));
        assert_eq!((numbers, steps.top()), (vec![1, 1], Some(Top::Max)));
    }

    #[test]
    fn a_copy_that_fails_is_not_asked_for_as_much_again() {
        let copy =
            |number| Sample { failed: if number > 4 { 500 } else { 0 }, ..sample(number, f64::from(number)) };
        let (numbers, steps) = played(256, 2, copy);
        assert_eq!(numbers, [1, 2, 3, 4, 6, 5, 1, 2, 3, 4]);
        assert_eq!((steps.top(), knee_of(&steps)), (Some(Top::Failures), 4));
    }

    #[test]
    fn it_comes_closer_to_where_a_copy_begins_to_fail() {
        // Each thread has a connection of its own.
        let copy = |number: u32| {
            let silent = number.saturating_sub(22);
            Sample { failed: silent.into(), unanswered: silent, ..workers(22)(number) }
        };
        let (numbers, steps) = played(256, 1, copy);
        assert_eq!(numbers, [1, 2, 3, 4, 6, 8, 12, 16, 24, 20, 22, 18]);
        assert_eq!((steps.top(), knee_of(&steps)), (Some(Top::Failures), 20));
    }

    #[test]
    fn one_that_always_fails_is_asked_once() {
        let copy = |number| Sample { failed: 9, ..Sample { in_flight: number, ..Sample::default() } };
        assert_eq!(played(256, 3, copy).0, [1]);
    }

    #[test]
    fn one_that_takes_ever_longer_is_not_asked_for_more() {
        let slow = |number| Duration::from_secs(3 * u64::from(number > 2));
        let copy = |number| Sample { p99: slow(number), ..sample(number, f64::from(number) * 50.0) };
        let (numbers, steps) = played(256, 1, copy);
        assert_eq!((numbers, steps.top()), (vec![1, 2, 3], Some(Top::Slow)));
    }

    #[test]
    fn a_collapse_is_told_apart() {
        let copy = |number| sample(number, if number <= 4 { f64::from(number) * 50.0 } else { 60.0 });
        let (_, steps) = played(256, 1, copy);
        assert_eq!((steps.top(), knee_of(&steps)), (Some(Top::Collapse), 4));
    }

    #[test]
    fn noise_does_not_end_the_climb_below_the_knee() {
        let mut state = 7_u64;
        let mut noise = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            0.9 + 0.2 * (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        for _ in 0..200 {
            let (_, steps) =
                played(256, 3, |number| sample(number, f64::from(number.min(16)) * 50.0 * noise()));
            assert!((12..=24).contains(&knee_of(&steps)), "{}", knee_of(&steps));
        }
    }

    #[test]
    fn the_same_step_is_told_until_it_was_taken() {
        let mut steps = Steps::new(256, 1);
        assert_eq!((steps.next(), steps.next(), steps.round()), (Some(1), Some(1), 1));
    }
}
