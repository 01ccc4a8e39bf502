//! How far something is, on stderr: one line that is written over on a terminal, a line for each chapter elsewhere.

use std::io::{self, IsTerminal, Write};

/// What was said, and where to. Gone from the terminal when it is dropped.
pub(crate) struct ProgressLine {
    is_terminal: bool,
    chapter: String,
}

impl ProgressLine {
    pub(crate) fn new() -> Self {
        Self { is_terminal: io::stderr().is_terminal(), chapter: String::new() }
    }

    /// Says the first on a terminal, and the second, once for each chapter, elsewhere.
    pub(crate) fn show(
        &mut self,
        chapter: &str,
        line: impl FnOnce() -> String,
        brief: impl FnOnce() -> String,
    ) {
        let mut out = io::stderr().lock();
        // Nobody reads it: the work goes on.
        if self.is_terminal {
            let _ = write!(out, "\r\x1b[K{}", line());
            let _ = out.flush();
        } else if self.chapter != chapter {
            let _ = writeln!(out, "{}", brief());
            chapter.clone_into(&mut self.chapter);
        }
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        if self.is_terminal {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
