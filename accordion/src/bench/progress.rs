//! How far a run is, and how much time is left.

use std::time::{Duration, Instant};

use crate::progress_line::ProgressLine;

/// Letters of the bar.
const WIDTH: usize = 24;

/// What is done and what is left, in seconds as they were planned.
pub(super) struct Progress {
    began: Instant,
    planned: f64,
    done: f64,
    line: ProgressLine,
}

impl Progress {
    pub(super) fn new(planned: f64) -> Self {
        Self { began: Instant::now(), planned, done: 0.0, line: ProgressLine::new() }
    }

    /// Says what begins now; `chapter` is said in any case, `step` on a terminal only.
    pub(super) fn show(&mut self, chapter: &str, step: &str) {
        let share = self.done / self.planned;
        let left = left(share, self.began.elapsed(), self.planned - self.done);
        self.line.show(
            chapter,
            || format!("{}  {chapter}, {step}", line(share, &left)),
            || format!("{chapter}, {left}"),
        );
    }

    /// So many of the planned seconds are over.
    pub(super) fn advance(&mut self, planned: f64) {
        self.done += planned;
    }
}

fn line(share: f64, left: &str) -> String {
    let full = ((share * WIDTH as f64) as usize).min(WIDTH);
    format!("[{}{}] {left}", "#".repeat(full), ".".repeat(WIDTH - full))
}

/// The time left, by what the first part took and, until there is one, by the plan.
fn left(share: f64, elapsed: Duration, planned: f64) -> String {
    let by_plan = share < 0.02;
    let seconds = if by_plan { planned } else { elapsed.as_secs_f64() * (1.0 - share) / share };
    match seconds.max(0.0) {
        seconds if seconds < 90.0 => format!("{seconds:.0} s left"),
        seconds => format!("{:.0} min left", seconds / 60.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_follows_what_has_passed() {
        assert_eq!(left(0.0, Duration::ZERO, 600.0), "10 min left");
        assert_eq!(left(0.5, Duration::from_secs(400), 300.0), "7 min left");
        assert_eq!(left(0.9, Duration::from_secs(90), 5.0), "10 s left");
    }

    #[test]
    fn the_bar_never_grows_beyond_its_width() {
        assert_eq!(line(0.5, "1 s left"), "[############............] 1 s left");
        assert_eq!(line(1.2, "0 s left"), "[########################] 0 s left");
    }
}
