//! What a service writes, cut into lines of a bounded length for the daemon's log; the last few are
//! kept, for they say best why it ended.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;
use tracing::{info, warn};

/// A longer line is cut into several.
const LINE_BYTES_MAX: usize = 4096;

/// Lines kept, and bytes of each: enough for a panic or a short traceback, and still a sentence.
const LAST_LINES: usize = 5;
const LAST_LINE_BYTES: usize = 300;

/// Lines logged in a period; the rest is counted. A service in a loop must not fill the disk.
const LINES_MAX: u32 = 500;
const PERIOD: Duration = Duration::from_secs(1);

/// The output of one copy of a service.
#[derive(Debug)]
pub(super) struct Words {
    service: String,
    line: Vec<u8>,
    last: VecDeque<String>,
    period_began: Instant,
    lines: u32,
}

impl Words {
    pub(super) fn new(service: &str) -> Self {
        let service = service.to_owned();
        Self { service, line: Vec::new(), last: VecDeque::new(), period_began: Instant::now(), lines: 0 }
    }

    /// Takes what the service wrote just now.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.take_piece(piece);
        }
    }

    /// No more will come: what is left is a line as well.
    pub(super) fn finish(&mut self) {
        self.end_line();
        self.end_period(Instant::now());
    }

    /// The last lines, as one.
    pub(super) fn last(&self) -> String {
        Vec::from_iter(self.last.iter().map(String::as_str)).join(" | ")
    }

    /// A line, or the beginning of one.
    fn take_piece(&mut self, piece: &[u8]) {
        let (text, is_whole) = match piece.strip_suffix(b"\n") {
            Some(text) => (text, true),
            None => (piece, false),
        };
        let mut rest = text;
        while self.line.len() + rest.len() > LINE_BYTES_MAX {
            let (fits, more) = rest.split_at(LINE_BYTES_MAX - self.line.len());
            self.line.extend_from_slice(fits);
            self.end_line();
            rest = more;
        }
        self.line.extend_from_slice(rest);
        if is_whole {
            self.end_line();
        }
    }

    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(self.line.trim_ascii_end()).into_owned();
        self.line.clear();
        if line.is_empty() {
            return;
        }
        self.log(&line);
        if self.last.len() == LAST_LINES {
            self.last.pop_front();
        }
        self.last.push_back(line[..line.floor_char_boundary(LAST_LINE_BYTES)].to_owned());
    }

    fn log(&mut self, line: &str) {
        let now = Instant::now();
        if now - self.period_began >= PERIOD {
            self.end_period(now);
        }
        self.lines = self.lines.saturating_add(1);
        if self.lines <= LINES_MAX {
            info!(target: "service", service = self.service, "{line}");
        }
    }

    fn end_period(&mut self, now: Instant) {
        let left_out = self.lines.saturating_sub(LINES_MAX);
        if left_out > 0 {
            warn!(target: "service", service = self.service, left_out, "the service wrote more lines than are logged");
        }
        (self.period_began, self.lines) = (now, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::{LAST_LINE_BYTES, LINE_BYTES_MAX, Words};

    #[test]
    fn the_last_lines_are_kept_whole_however_they_came() {
        let mut words = Words::new("shop");
        for piece in ["one\ntw", "o\r\nthree\n\nfour\n", "five\nsix\nseven"] {
            words.take(piece.as_bytes());
        }
        assert_eq!(words.last(), "two | three | four | five | six");
        words.finish();
        assert_eq!(words.last(), "three | four | five | six | seven");
    }

    #[test]
    fn a_line_without_an_end_takes_bounded_room() {
        let mut words = Words::new("shop");
        for _ in 0..100 {
            words.take(&[b'x'; 1000]);
            assert!(words.line.len() <= LINE_BYTES_MAX);
        }
        assert!(words.last.iter().all(|line| line.len() <= LAST_LINE_BYTES));
    }

    #[test]
    fn bytes_that_are_no_text_do_no_harm() {
        let mut words = Words::new("shop");
        words.take(b"\xff\xfe\n");
        assert_eq!(words.last(), "\u{fffd}\u{fffd}");
    }
}
