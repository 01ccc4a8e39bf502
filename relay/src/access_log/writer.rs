//! The one thread that writes: blocks to the file, in order. It may wait for the disk as long as it takes.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::channel::{Channel, Task, Wake};
use super::clock::Clock;
use super::{Format, combined, json};

/// How long until a write that failed is tried again: a full disk is seldom emptied sooner.
const RETRY_EVERY: Duration = Duration::from_secs(1);

/// And one to a standard output that somebody made non-blocking, which is full for a moment.
const FULL_RETRY_EVERY: Duration = Duration::from_millis(10);

/// How often at most the daemon's own log says that lines are lost; the access log says it each time.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// Where bytes go.
pub(super) struct Sink {
    file: File,
    /// To open it anew; standard output has none.
    path: Option<PathBuf>,
}

/// The body of the writer's thread.
pub(super) struct Writer {
    channel: Arc<Channel>,
    sink: Sink,
    format: Format,
    clock: Clock,
    notice: Vec<u8>,
    is_failing: bool,
    warned_of_loss: Option<Instant>,
}

/// Tells the channel that nobody writes any more, after a panic too.
struct Ended<'a>(&'a Channel);

impl Sink {
    /// The file at `path`, to be appended to. A log names clients: others than owner and group do not read.
    pub(super) fn open(path: &Path) -> io::Result<Sink> {
        let file = OpenOptions::new().append(true).create(true).mode(0o640).open(path)?;
        Ok(Sink { file, path: Some(path.to_owned()) })
    }

    /// A file that has no path.
    pub(super) fn of(file: File) -> Sink {
        Sink { file, path: None }
    }

    /// Whether there is a new file now.
    fn reopen(&mut self) -> bool {
        let Some(path) = &self.path else { return false };
        match Sink::open(path) {
            Ok(sink) => {
                *self = sink;
                true
            }
            Err(error) => {
                tracing::warn!(path = %path.display(), "the access log cannot be opened anew, the old file stays in use: {error}");
                false
            }
        }
    }
}

impl Writer {
    pub(super) fn new(channel: Arc<Channel>, sink: Sink, format: Format) -> Writer {
        Writer {
            channel,
            sink,
            format,
            clock: Clock::new(),
            notice: Vec::new(),
            is_failing: false,
            warned_of_loss: None,
        }
    }

    /// Writes until the log ends.
    pub(super) fn run(mut self) {
        let channel = Arc::clone(&self.channel);
        let _ended = Ended(&channel);
        while let Some(task) = channel.next() {
            match task {
                Task::Write { block, lines } => {
                    if !self.write(&block) {
                        channel.lose(lines);
                    }
                    channel.done(Some(block));
                }
                Task::TellLost(lines) => {
                    self.tell_lost(lines);
                    channel.done(None);
                }
                Task::Reopen => {
                    self.sink.reopen();
                    channel.done(None);
                }
            }
        }
    }

    fn tell_lost(&mut self, lines: u64) {
        if self.warned_of_loss.is_none_or(|warned| warned.elapsed() >= WARN_EVERY) {
            self.warned_of_loss = Some(Instant::now());
            let since_start = self.channel.dropped();
            tracing::warn!(
                lines,
                since_start,
                "the access log could not be written fast enough, lines are lost"
            );
        }
        let mut notice = std::mem::take(&mut self.notice);
        notice.clear();
        let clock = self.clock.set(SystemTime::now());
        match self.format {
            Format::Combined => combined::write_lost(&mut notice, lines, clock),
            Format::Json => json::write_lost(&mut notice, lines, clock),
        }
        self.write(&notice);
        self.notice = notice;
    }

    /// Writes all of `bytes`, however often it takes; false when the log ended before that was possible.
    fn write(&mut self, bytes: &[u8]) -> bool {
        let mut written = 0;
        while written < bytes.len() {
            let fault = match self.sink.file.write(&bytes[written..]) {
                Ok(0) => ErrorKind::WriteZero.into(),
                Ok(more) => {
                    written += more;
                    self.has_written();
                    continue;
                }
                Err(fault) if fault.kind() == ErrorKind::Interrupted => continue,
                Err(fault) if fault.kind() == ErrorKind::WouldBlock => {
                    thread::sleep(FULL_RETRY_EVERY);
                    continue;
                }
                Err(fault) => fault,
            };
            self.has_failed(&fault);
            match self.channel.pause(RETRY_EVERY) {
                Wake::Retry => {}
                Wake::Reopen => {
                    if self.sink.reopen() {
                        // The new file begins with a whole line.
                        written = line_start(bytes, written);
                    }
                }
                Wake::GiveUp => return false,
            }
        }
        true
    }

    fn has_failed(&mut self, fault: &io::Error) {
        if !self.is_failing {
            self.is_failing = true;
            tracing::warn!("the access log cannot be written, it is tried again: {fault}");
        }
    }

    fn has_written(&mut self) {
        if self.is_failing {
            self.is_failing = false;
            tracing::info!("the access log is written again");
        }
    }
}

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.has_ended();
    }
}

/// Where the line begins that the byte at `at` is in.
fn line_start(bytes: &[u8], at: usize) -> usize {
    bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_begins_with_a_whole_line() {
        let bytes = b"one\ntwo\nthree\n";
        assert_eq!([0, 2, 3, 4, 9, 13, 14].map(|at| line_start(bytes, at)), [0, 0, 0, 4, 8, 8, 14]);
    }
}
