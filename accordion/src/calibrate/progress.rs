//! How far a calibration is.

use crate::progress_line::ProgressLine;

/// What was said, and where to.
pub(super) struct Progress {
    rounds: u32,
    line: ProgressLine,
}

impl Progress {
    pub(super) fn new(rounds: u32) -> Self {
        Self { rounds, line: ProgressLine::new() }
    }

    /// Says what begins now.
    pub(super) fn show(&mut self, round: u32, in_flight: u32, is_warm: bool) {
        let chapter = format!("round {round} of {}", self.rounds);
        let what = if is_warm { "in flight" } else { "in flight, to warm it up" };
        self.line.show(&chapter, || format!("{chapter}: {in_flight} {what}"), || chapter.clone());
    }
}
