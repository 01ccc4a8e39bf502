//! The curve as two small pictures of blocks, one above the other: throughput and latency, a column for each step.

use super::curve::Point;
use super::finding::rate;
use super::text::time;
use crate::picture::{LINES, block};

/// What stands before a picture: a number and a rule.
const LABEL: usize = 10;

/// Columns narrower than this cannot be told apart, nor can their numbers.
const COLUMN_MIN: usize = 4;

/// As wide as allowed; `knee` is the index of the point that is marked.
pub(super) fn of(points: &[Point], knee: usize, width: usize) -> String {
    let column = (width.saturating_sub(LABEL) / points.len().max(1)).clamp(COLUMN_MIN, 8);
    let rates: Vec<f64> = points.iter().map(|point| point.per_second).collect();
    let times: Vec<f64> = points.iter().map(|point| point.p50.as_secs_f64()).collect();
    let most = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    let slowest = points.iter().map(|point| point.p50).max().unwrap_or_default();
    let mut text = " requests a second\n".to_owned();
    text += &picture(&rates, &rate(most(&rates)), column);
    text += " latency, median\n";
    text += &picture(&times, &time(slowest), column);
    let numbers: String = points.iter().map(|point| format!("{:>column$}", point.in_flight)).collect();
    text += &format!("{:LABEL$}{numbers}\n", " in flight");
    let marks: String =
        (0..=knee).map(|index| format!("{:>column$}", if index == knee { "^" } else { "" })).collect();
    text + &format!("{:LABEL$}{marks} knee\n", "")
}

fn picture(values: &[f64], top: &str, column: usize) -> String {
    let most = values.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    // As high as it is, and seen if it is there at all.
    let level =
        |value: &f64| ((value / most * f64::from(LINES * 8)).round() as u32).max(u32::from(*value > 0.0));
    let mut text = String::new();
    for line in (0..LINES).rev() {
        let label = match line {
            0 => "0",
            _ if line + 1 == LINES => top,
            _ => "",
        };
        let blocks: String = values
            .iter()
            .map(|value| format!(" {}", block(level(value), line).to_string().repeat(column - 1)))
            .collect();
        text += format!("{label:>8} │{blocks}").trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_step_is_a_column_and_the_knee_is_marked() {
        let point = |in_flight, per_second, p50| Point {
            in_flight,
            per_second,
            p50: Duration::from_millis(p50),
            ..Point::default()
        };
        let points = [point(1, 50.0, 20), point(2, 100.0, 20), point(4, 200.0, 20), point(8, 200.0, 40)];
        assert_eq!(
            of(&points, 2, LABEL + 16),
            " requests a second\n\
             \x20    200 │         ███ ███\n\
             \x20        │         ███ ███\n\
             \x20        │     ███ ███ ███\n\
             \x20      0 │ ███ ███ ███ ███\n\
             \x20latency, median\n\
             \x20  40 ms │             ███\n\
             \x20        │             ███\n\
             \x20        │ ███ ███ ███ ███\n\
             \x20      0 │ ███ ███ ███ ███\n\
             \x20in flight   1   2   4   8\n\
             \x20                    ^ knee\n"
        );
    }
}
