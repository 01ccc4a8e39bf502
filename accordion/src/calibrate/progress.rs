//! How far a calibration is, on stderr: one line that is written over on a terminal, a line for each round elsewhere.

use std::io::{self, IsTerminal, Write};

/// What was said, and where to.
pub(super) struct Progress {
    rounds: u32,
    is_terminal: bool,
    said: u32,
}

impl Progress {
    pub(super) fn new(rounds: u32) -> Self {
        Self { rounds, is_terminal: io::stderr().is_terminal(), said: 0 }
    }

    /// Says what begins now.
    pub(super) fn show(&mut self, round: u32, in_flight: u32, is_warm: bool) {
        let rounds = self.rounds;
        let mut out = io::stderr().lock();
        // Nobody reads it: the run goes on.
        if self.is_terminal {
            let what = if is_warm { "in flight" } else { "in flight, to warm it up" };
            let _ = write!(out, "\r\x1b[Kround {round} of {rounds}: {in_flight} {what}");
            let _ = out.flush();
        } else if self.said != round {
            let _ = writeln!(out, "round {round} of {rounds}");
            self.said = round;
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_terminal {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
