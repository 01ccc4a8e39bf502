//! An axis: from which value to which it goes, and where its ticks are. Pure.

/// An axis of a chart.
#[derive(Debug, Clone)]
pub(in crate::bench) struct Axis {
    /// What it tells, and the unit.
    pub(in crate::bench) label: String,
    pub(in crate::bench) scale: Scale,
    /// Values that are on it in any case.
    pub(in crate::bench) includes: Vec<f64>,
    /// Where they are and what they say; none: at round values.
    pub(in crate::bench) ticks: Vec<(f64, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bench) enum Scale {
    Linear,
    /// Linear, and nothing between whole numbers.
    Whole,
    /// Logarithmic; what is not above 0 has no place on it.
    Log,
}

/// An axis for certain values.
#[derive(Debug, Clone)]
pub(super) struct Range {
    scale: Scale,
    from: f64,
    to: f64,
    pub(super) ticks: Vec<(f64, String)>,
    /// Lines of the grid between the ticks.
    pub(super) between: Vec<f64>,
}

impl Axis {
    /// One with round ticks for what will be on it.
    pub(in crate::bench) fn new(label: &str, scale: Scale) -> Self {
        Self { label: label.to_owned(), scale, includes: Vec::new(), ticks: Vec::new() }
    }

    /// From the smallest of the values to the largest one, no further.
    pub(super) fn exact(&self, values: impl Iterator<Item = f64>) -> Range {
        let (mut from, mut to) = self.bounds(values);
        if from >= to {
            (from, to) = (from - 0.5, to + 0.5);
        }
        let ticks = if self.ticks.is_empty() { rounds(from, to, 8.0, false) } else { self.ticks.clone() };
        Range { scale: Scale::Linear, from, to, ticks, between: Vec::new() }
    }

    /// From a round value to a round value, with all the values between; a linear one begins at 0.
    pub(super) fn rounded(&self, values: impl Iterator<Item = f64>) -> Range {
        let (low, high) = self.bounds(values.filter(|value| self.scale != Scale::Log || *value > 0.0));
        if self.scale == Scale::Log { logarithmic(low, high) } else { linear(low, high, self.scale) }
    }

    fn bounds(&self, values: impl Iterator<Item = f64>) -> (f64, f64) {
        let all = values.chain(self.includes.iter().copied()).filter(|value| value.is_finite());
        let (low, high) =
            all.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
        if low <= high { (low, high) } else { (1.0, 1.0) }
    }
}

impl Range {
    /// Where a value is, from 0 at its begin to 1 at its end; `None`: nowhere.
    pub(super) fn place(&self, value: f64) -> Option<f64> {
        let place = match self.scale {
            Scale::Log => (value / self.from).ln() / (self.to / self.from).ln(),
            Scale::Linear | Scale::Whole => (value - self.from) / (self.to - self.from),
        };
        place.is_finite().then_some(place)
    }
}

fn linear(low: f64, high: f64, scale: Scale) -> Range {
    let (low, high) = (low.min(0.0), if high > 0.0 { high } else { 1.0 });
    // Up to six of a whole number have a tick each.
    let (room, count) = if scale == Scale::Whole { (high, 6.0) } else { (high * 1.02, 5.0) };
    let ticks = rounds(low, room, count, scale == Scale::Whole);
    let step = ticks.get(1).map_or(1.0, |(second, _)| second - ticks[0].0);
    // The last tick is at or above the largest value.
    let to = (high / step - 1e-9).ceil() * step;
    let ticks = ticks.into_iter().filter(|(tick, _)| *tick <= to * 1.000_001);
    let mut ticks: Vec<_> = ticks.collect();
    if ticks.last().is_some_and(|(last, _)| *last < to * 0.999_999) {
        ticks.push((to, written(to)));
    }
    Range { scale, from: low, to, ticks, between: Vec::new() }
}

fn logarithmic(low: f64, high: f64) -> Range {
    // Between 1, 2 and 5 of each power of ten; below that many powers all three are ticks.
    const POWERS_WITH_ALL: f64 = 2.6;
    let (from, to) = (round_below(low), round_above(high.max(low * 1.01)));
    let has_all = (to / from).log10() <= POWERS_WITH_ALL;
    let powers = from.log10().floor() as i32..=to.log10().ceil() as i32;
    let inside = |value: &f64| *value >= from * 0.999 && *value <= to * 1.001;
    let all =
        powers.flat_map(|power| (1..10).map(move |digit| (digit, f64::from(digit) * 10_f64.powi(power))));
    // Those at both ends are told too: between powers of ten nobody would know where the axis ends.
    let is_end = |value: f64| value < from * 1.001 || value > to * 0.999;
    let is_tick =
        |digit: i32, value: f64| digit == 1 || is_end(value) || has_all && (digit == 2 || digit == 5);
    let (ticks, between): (Vec<_>, Vec<_>) =
        all.filter(|(_, value)| inside(value)).partition(|(digit, value)| is_tick(*digit, *value));
    let ticks = ticks.into_iter().map(|(_, value)| (value, written(value))).collect();
    Range {
        scale: Scale::Log,
        from,
        to,
        ticks,
        between: between.into_iter().map(|(_, value)| value).collect(),
    }
}

/// About so many round values from the one to the other.
fn rounds(from: f64, to: f64, count: f64, is_whole: bool) -> Vec<(f64, String)> {
    let raw = (to - from) / count;
    let power = 10_f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0].into_iter().map(|digit| digit * power).find(|step| *step >= raw * 0.999);
    let step = step.unwrap_or(10.0 * power);
    let step = if is_whole { step.ceil().max(1.0) } else { step };
    let first = (from / step - 1e-9).ceil() as i64;
    let last = (to / step + 1e-9).floor() as i64;
    (first..=last).map(|index| index as f64 * step).map(|value| (value, written(value))).collect()
}

fn round_below(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    [5.0, 2.0, 1.0].into_iter().map(|digit| digit * power).find(|round| *round <= value).unwrap_or(power)
}

fn round_above(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|digit| digit * power)
        .find(|round| *round >= value * 0.999)
        .unwrap_or(power)
}

/// A number of an axis: no more decimals than it has, and spaces between the thousands of long ones.
fn written(value: f64) -> String {
    if value.abs() >= 10_000.0 {
        let digits = format!("{value:.0}");
        let (head, tail) = digits.split_at(digits.len() - 3);
        return format!("{head}\u{a0}{tail}");
    }
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(range: &Range) -> Vec<&str> {
        range.ticks.iter().map(|(_, word)| word.as_str()).collect()
    }

    #[test]
    fn a_linear_axis_begins_at_zero_and_ends_round_above_the_largest_value() {
        let axis = Axis::new("ms", Scale::Linear);
        let range = axis.rounded([0.7, 5.6].into_iter());
        assert_eq!(words(&range), ["0", "2", "4", "6"]);
        assert_eq!((range.place(0.0), range.place(6.0)), (Some(0.0), Some(1.0)));
        assert_eq!(words(&axis.rounded([30_000.0].into_iter())).last(), Some(&"30\u{a0}000"));
    }

    #[test]
    fn whole_numbers_have_no_ticks_between_them() {
        let range = Axis::new("nodes", Scale::Whole).rounded([0.0, 3.0].into_iter());
        assert_eq!(words(&range), ["0", "1", "2", "3"]);
    }

    #[test]
    fn a_logarithmic_axis_goes_from_round_to_round_and_has_no_place_for_zero() {
        let axis = Axis::new("ms", Scale::Log);
        let range = axis.rounded([0.0, 0.7, 300.0].into_iter());
        assert_eq!(words(&range), ["0.5", "1", "10", "100", "500"]);
        assert_eq!((range.place(0.5), range.place(500.0)), (Some(0.0), Some(1.0)));
        assert_eq!(range.place(0.0), None);
        assert_eq!(words(&axis.rounded([12.0, 180.0].into_iter())), ["10", "20", "50", "100", "200"]);
    }

    #[test]
    fn an_axis_without_or_with_one_value_is_one_still() {
        for scale in [Scale::Linear, Scale::Whole, Scale::Log] {
            let axis = Axis::new("", scale);
            for values in [vec![], vec![f64::NAN], vec![1.0], vec![3.7], vec![0.0]] {
                for range in [axis.rounded(values.iter().copied()), axis.exact(values.iter().copied())] {
                    assert!(range.from < range.to && range.place(range.to).is_some(), "{scale:?} {values:?}");
                    assert!(range.ticks.len() < 20, "{scale:?} {values:?}");
                }
            }
        }
    }
}
