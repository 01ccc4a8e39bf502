//! Loads that are made, not recorded: the same to the last digit wherever and whenever they are made.
//!
//! Each is a shape from 0 to 1 of a peak, with noise from a seed of its own.

use super::Load;
use crate::decider::Settings;

/// A peak leaves room: it is this share of what all nodes carry at their target.
const PEAK_SHARE: f64 = 0.61;

/// The step comes in the middle between two looks of those that look every 2 s or every 15 s.
const STEP_AT: u32 = 10 * MINUTE + 7;

const MINUTE: u32 = 60;
const HOUR: u32 = 60 * MINUTE;
const DAY: u32 = 24 * HOUR;

/// A load by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Synthetic {
    /// The same all the time, and noisy.
    Flat,
    /// Up at once, down at once.
    Step,
    /// Up and down, and up and down.
    Sine,
    /// Short and steep, again and again.
    Spike,
    /// A day with its night, its noise and its rushes.
    Day,
}

impl Synthetic {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 5] = [Self::Flat, Self::Step, Self::Sine, Self::Spike, Self::Day];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flat => "flat",
            Self::Step => "step",
            Self::Sine => "sine",
            Self::Spike => "spike",
            Self::Day => "day",
        }
    }

    /// What it is, for a person.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Flat => "an hour at half the peak, noise 15 %",
            Self::Step => "10 min at 3 % of the peak, 20 min at the peak, 30 min at 3 %, noise 10 %",
            Self::Sine => "two hours between 10 % and 100 % of the peak, a period of 20 min, noise 10 %",
            Self::Spike => "an hour at 10 % of the peak, every 2 min 5 s at the peak, noise 10 %",
            Self::Day => "24 h: a night at 5 % and an afternoon at 60 % of the peak, noise, and 60 rushes",
        }
    }

    /// The peak for a service with these settings, in requests in flight.
    pub fn peak(settings: &Settings) -> f64 {
        // Without a node, the local copy is what there is.
        let nodes = f64::from(settings.max.min(settings.pool).max(1));
        PEAK_SHARE * nodes * settings.capacity * settings.scaling.target
    }

    /// The load with that peak, in requests in flight, by the second.
    pub fn load(self, peak: f64) -> Load {
        let mut noise = Noise(self as u64 + 1);
        let mut noisy = |share: f64, by: f64| share * peak * (1.0 + by * noise.either_way());
        match self {
            Self::Flat => Load::by_the_second((0..HOUR).map(|_| noisy(0.5, 0.15))),
            Self::Step => Load::by_the_second((0..HOUR).map(|second| {
                noisy(if (STEP_AT..30 * MINUTE).contains(&second) { 1.0 } else { 0.03 }, 0.10)
            })),
            Self::Sine => Load::by_the_second((0..2 * HOUR).map(|second| {
                let turns = f64::from(second % (20 * MINUTE)) / f64::from(20 * MINUTE);
                noisy(0.55 - 0.45 * cosine(turns), 0.10)
            })),
            Self::Spike => {
                Load::by_the_second((0..HOUR).map(|second| {
                    noisy(if second % (2 * MINUTE) >= 2 * MINUTE - 5 { 1.0 } else { 0.10 }, 0.10)
                }))
            }
            Self::Day => day(peak, noise),
        }
    }
}

/// The night is deepest at 4, the afternoon highest at 16. On it is a slow noise, as of a mood that
/// lasts a minute or two, a quick one, and rushes: someone sends a newsletter.
fn day(peak: f64, mut noise: Noise) -> Load {
    let (mut mood, mut rush) = (0.0, Rush::default());
    Load::by_the_second((0..DAY).map(move |second| {
        let turns = f64::from((second + DAY - 4 * HOUR) % DAY) / f64::from(DAY);
        let share = 0.325 - 0.275 * cosine(turns);
        mood += (noise.either_way() - mood * 0.5) / 30.0;
        let factor = rush.second(&mut noise);
        share * peak * factor * (1.0 + mood) * (1.0 + 0.05 * noise.either_way())
    }))
}

/// So many times what there would be, for a while.
#[derive(Debug, Default)]
struct Rush {
    factor: f64,
    left: u32,
}

impl Rush {
    /// How many times as much there is in the next second. About sixty rushes begin in a day, each of
    /// 1.5 to 3 times as much, for half a minute to five.
    fn second(&mut self, noise: &mut Noise) -> f64 {
        if self.left > 0 {
            self.left -= 1;
            return self.factor;
        }
        if noise.share() * f64::from(DAY) < 60.0 {
            self.factor = 1.5 + 1.5 * noise.share();
            self.left = 30 + (270.0 * noise.share()) as u32;
        }
        1.0
    }
}

/// Numbers that look as if drawn: splitmix64 (Steele, Lea and Flood 2014).
struct Noise(u64);

impl Noise {
    /// From 0 to 1.
    fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        // 53 bits fill the digits of an f64.
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// From -1 to 1.
    fn either_way(&mut self) -> f64 {
        2.0 * self.share() - 1.0
    }
}

/// The cosine of so many turns, from 0 to 1. The machine's own may differ in the last digit from
/// one machine to the next, and then so might a figure in a table.
fn cosine(turns: f64) -> f64 {
    // Up to half a turn on either side of the middle, where the series is short: cos(x) = -cos(pi - x).
    let x = (turns - 0.5) * std::f64::consts::TAU;
    let square = x * x;
    let (mut term, mut sum) = (1.0, 1.0);
    for n in 1..=12 {
        let n = f64::from(n);
        term *= -square / ((2.0 * n - 1.0) * (2.0 * n));
        sum += term;
    }
    -sum
}

#[cfg(test)]
mod tests {
    use super::{Synthetic, cosine};

    #[test]
    fn the_cosine_is_one() {
        for turn in 0..1000 {
            let turns = f64::from(turn) / 1000.0;
            let error = cosine(turns) - (turns * std::f64::consts::TAU).cos();
            assert!(error.abs() < 1e-12, "{turns}: {error}");
        }
    }
    #[test]
    fn the_loads_are_the_same_everywhere_to_the_last_digit() {
        // Sums of all their points, as they came out first.
        let sum = |load: Synthetic| load.load(1.0).points().iter().map(|point| point.in_flight).sum::<f64>();
        let sums =
            [1794.7665343333347, 1265.5555619438098, 3958.524065695798, 494.785642421853, 31901.493156264896];
        assert_eq!(Synthetic::ALL.map(sum), sums);
    }

    #[test]
    fn each_has_its_shape() {
        for load in Synthetic::ALL {
            let made = load.load(100.0);
            let most = made.points().iter().map(|point| point.in_flight).fold(0.0, f64::max);
            let least = made.points().iter().map(|point| point.in_flight).fold(f64::MAX, f64::min);
            let hours = made.length().as_secs() / 3600;
            let (bounds, long) = match load {
                Synthetic::Flat => ((42.5, 57.5), 1),
                Synthetic::Step => ((2.7, 110.0), 1),
                Synthetic::Sine => ((9.0, 110.0), 2),
                Synthetic::Spike => ((9.0, 110.0), 1),
                Synthetic::Day => ((3.3, 220.0), 24),
            };
            assert!(least >= bounds.0 && most <= bounds.1, "{}: {least} to {most}", load.name());
            assert!(least < 1.2 * bounds.0 && most > 0.7 * bounds.1, "{}: {least} to {most}", load.name());
            assert_eq!(hours, long);
        }
    }

    #[test]
    fn a_day_has_about_sixty_rushes() {
        let day = Synthetic::Day.load(1.0);
        let jumps =
            day.points().windows(2).filter(|pair| pair[1].in_flight > 1.3 * pair[0].in_flight).count();
        assert!((45..80).contains(&jumps), "{jumps}");
    }
}
