//! Nodes over time as a small picture of blocks: four lines high, one column for each stretch of time.

use std::time::Duration;

use load_manager::simulation::Course;

use crate::picture::{LINES, block};

/// What stands before the picture: a number of nodes and a rule.
const LABEL: usize = 6;

/// The nodes that were ready, on a scale up to `top`; under them a `!` where more was offered than they
/// handle well.
pub(super) fn of(course: &Course, length: Duration, top: u32, width: usize) -> String {
    let columns = width.saturating_sub(LABEL).max(1);
    let levels = levels(course, length, top, columns);
    let mut text = String::new();
    for line in (0..LINES).rev() {
        let label = match line {
            3 => top.to_string(),
            0 => "0".to_owned(),
            _ => String::new(),
        };
        let blocks: String = levels.iter().map(|level| block(*level, line)).collect();
        text += format!("{label:>4} │{blocks}").trim_end();
        text.push('\n');
    }
    let marks = marks(course, length, columns);
    if marks.contains('!') {
        text += format!("     │{marks}").trim_end();
        text.push('\n');
    }
    text
}

/// The ends of the time axis under the pictures.
pub(super) fn axis(length: Duration, width: usize) -> String {
    let end = humantime::format_duration(length).to_string();
    let gap = width.saturating_sub(LABEL + 1);
    format!("{:LABEL$}0{end:>gap$}\n", "")
}

/// The most nodes of each column, in eighths of a line.
fn levels(course: &Course, length: Duration, top: u32, columns: usize) -> Vec<u32> {
    let mut levels = vec![0; columns];
    let ends = course.ready.iter().skip(1).map(|(at, _)| *at).chain([length]);
    for ((from, ready), until) in course.ready.iter().zip(ends) {
        // As high as it is, and seen if it is there at all.
        let level = (ready * LINES * 8 / top.max(1)).max(u32::from(*ready > 0));
        for column in &mut levels[range(*from, until, length, columns)] {
            *column = level.max(*column);
        }
    }
    levels
}

fn marks(course: &Course, length: Duration, columns: usize) -> String {
    let mut marks = vec![' '; columns];
    for (from, until) in &course.overloads {
        marks[range(*from, *until, length, columns)].fill('!');
    }
    marks.into_iter().collect()
}

/// The columns that a stretch of time touches, at least one.
fn range(from: Duration, until: Duration, length: Duration, columns: usize) -> std::ops::Range<usize> {
    let column = |at: Duration| at.as_secs_f64() / length.as_secs_f64() * columns as f64;
    let first = (column(from).floor() as usize).min(columns - 1);
    // A rounding error must not touch the next column.
    let last = ((column(until) - 1e-6).ceil() as usize).clamp(first + 1, columns);
    first..last
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Ten columns of ten seconds each.
    fn picture(ready: &[(u64, u32)], overloads: &[(u64, u64)]) -> String {
        let mut course = Course::default();
        course.ready = ready.iter().map(|(from, ready)| (at(*from), *ready)).collect();
        course.overloads = overloads.iter().map(|(from, until)| (at(*from), at(*until))).collect();
        of(&course, at(100), 8, LABEL + 10)
    }

    #[test]
    fn two_nodes_are_a_line_and_a_part_is_a_part_of_it() {
        assert_eq!(
            picture(&[(0, 0), (20, 3), (50, 8), (60, 1)], &[]),
            "   8 │     █\n\
             \x20    │     █\n\
             \x20    │  ▄▄▄█\n\
             \x20  0 │  ████▄▄▄▄\n"
        );
    }

    #[test]
    fn what_is_shorter_than_a_column_is_seen() {
        let shown = picture(&[(0, 2), (41, 8), (42, 2)], &[(41, 42), (68, 72)]);
        let lines: Vec<_> = shown.lines().collect();
        assert_eq!(lines[0], "   8 │    █");
        assert_eq!(lines[3], "   0 │██████████");
        assert_eq!(lines[4], "     │    ! !!");
    }

    #[test]
    fn one_of_many_is_seen() {
        let mut course = Course::default();
        course.ready = vec![(at(0), 1)];
        assert!(of(&course, at(1), 1000, LABEL + 2).ends_with("   0 │▁▁\n"));
    }

    #[test]
    fn the_axis_ends_where_the_picture_does() {
        assert_eq!(axis(at(3600), 20), "      0           1h\n");
    }
}
