//! What the daemons say, line by line, each with its name before it, and what `up` tells a person. One
//! thread writes, so that a terminal that takes nothing (Ctrl-S) holds up neither `up` nor, through
//! their pipes, the daemons.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, BufReader};

/// Of a longer line the rest is left out.
const LINE_BYTES_MAX: usize = 8 << 10;

/// Lines that may wait for the terminal; further ones are left out and counted.
const WAITING_MAX: usize = 4096;

/// How long the last lines may take at the end.
const FINISH_TIMEOUT: Duration = Duration::from_secs(1);

/// Colours of the daemons, in turn: cyan, yellow, magenta, green, blue and their bright kin.
const COLOURS: [u8; 10] = [36, 33, 35, 32, 34, 96, 93, 95, 92, 94];

const BOLD: u8 = 1;

/// The voice of `up` itself, which has no colour but bold.
pub(super) const OWN: usize = usize::MAX;

/// Where all lines go.
pub(super) struct Lines {
    sender: SyncSender<Words>,
    lost: Arc<AtomicU64>,
    writer: JoinHandle<()>,
    is_coloured: bool,
    width: usize,
}

/// What one daemon's lines, or those about it, are said with.
#[derive(Clone)]
pub(super) struct Voice {
    sender: SyncSender<Words>,
    lost: Arc<AtomicU64>,
    prefix: String,
}

/// What waits to be written.
enum Words {
    /// A line of the log.
    Said(String),
    /// The answer to the person who typed the command.
    Told(String),
}

impl Lines {
    /// The lines to stderr, names padded to `width`; coloured on a terminal unless NO_COLOR is set.
    /// What is told goes to stdout.
    pub(super) fn to_terminal(width: usize) -> io::Result<Self> {
        let is_coloured = io::stderr().is_terminal()
            && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && env::var_os("TERM").is_none_or(|term| term != "dumb");
        Self::to(io::stderr(), io::stdout(), width, is_coloured)
    }

    /// To any two places: for what is said, and for what is told.
    pub(super) fn to(
        said: impl Write + Send + 'static,
        told: impl Write + Send + 'static,
        width: usize,
        is_coloured: bool,
    ) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(WAITING_MAX);
        let lost = Arc::new(AtomicU64::new(0));
        let lost_lines = lost.clone();
        let write = move || write(said, told, &receiver, &lost_lines);
        let writer = thread::Builder::new().name("lines".into()).spawn(write)?;
        Ok(Self { sender, lost, writer, is_coloured, width })
    }

    /// The `index`-th voice; none shares its colour with its neighbours.
    pub(super) fn voice(&self, index: usize, name: &str) -> Voice {
        let width = self.width;
        let colour = if index == OWN { BOLD } else { COLOURS[index % COLOURS.len()] };
        let prefix = if self.is_coloured {
            format!("\x1b[{colour}m{name:width$} |\x1b[0m ")
        } else {
            format!("{name:width$} | ")
        };
        Voice { sender: self.sender.clone(), lost: self.lost.clone(), prefix }
    }

    /// Tells a whole text, without a name before it.
    pub(super) fn tell(&self, text: String) {
        // Too much waits already: nobody reads.
        let _ = self.sender.try_send(Words::Told(text));
    }

    /// Waits until what was said is written, unless the terminal takes nothing. The voices must be gone.
    pub(super) fn finish(self) {
        drop(self.sender);
        let end = Instant::now() + FINISH_TIMEOUT;
        while !self.writer.is_finished() && Instant::now() < end {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Voice {
    /// Says one line, or leaves it out when too many wait.
    pub(super) fn say(&self, line: &str) {
        if let Err(TrySendError::Full(_)) =
            self.sender.try_send(Words::Said(format!("{}{line}\n", self.prefix)))
        {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Says what `from` says until it ends.
    pub(super) async fn repeat(self, from: impl AsyncRead + Unpin) {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while let Ok(true) = next_line(&mut from, &mut line).await {
            self.say(String::from_utf8_lossy(&line).trim_end());
        }
    }
}

/// Reads one line, cut at `LINE_BYTES_MAX`; false at the end.
async fn next_line(from: &mut (impl AsyncBufRead + Unpin), line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    loop {
        let some = from.fill_buf().await?;
        if some.is_empty() {
            return Ok(!line.is_empty());
        }
        let newline = some.iter().position(|byte| *byte == b'\n');
        let piece = &some[..newline.unwrap_or(some.len())];
        line.extend_from_slice(&piece[..piece.len().min(LINE_BYTES_MAX - line.len())]);
        let used = newline.map_or(some.len(), |at| at + 1);
        from.consume(used);
        if newline.is_some() {
            return Ok(true);
        }
    }
}

fn write(mut said: impl Write, mut told: impl Write, lines: &Receiver<Words>, lost: &AtomicU64) {
    for words in lines {
        // Nobody reads any more: what is said still has to be taken.
        let _ = match words {
            Words::Said(line) => said.write_all(line.as_bytes()),
            Words::Told(text) => told.write_all(text.as_bytes()).and_then(|()| told.flush()),
        };
        let lost = lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let _ = writeln!(said, "({lost} lines left out: they came faster than they could be written)");
        }
    }
    let _ = said.flush();
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Mutex;

    use super::*;

    /// What was written instead of to a terminal.
    #[derive(Clone, Default)]
    pub(in crate::up) struct Page(Arc<Mutex<Vec<u8>>>);

    impl Page {
        pub(in crate::up) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Lines {
        /// As `finish`, however long it takes.
        pub(in crate::up) fn written(self) {
            drop(self.sender);
            self.writer.join().unwrap();
        }
    }

    #[tokio::test]
    async fn each_line_has_its_name_before_it_and_a_long_one_is_cut() {
        let page = Page::default();
        let lines = Lines::to(page.clone(), io::sink(), 6, false).unwrap();
        let long = "x".repeat(3 * LINE_BYTES_MAX);
        let said = format!("one\n\n{long}\nlast without a newline");
        lines.voice(0, "a[b]").repeat(said.as_bytes()).await;
        lines.written();
        let cut = "x".repeat(LINE_BYTES_MAX);
        let expected = format!("a[b]   | one\na[b]   | \na[b]   | {cut}\na[b]   | last without a newline\n");
        assert_eq!(page.text(), expected);
    }

    #[test]
    fn what_is_told_has_no_name_and_goes_to_a_place_of_its_own() {
        let (said, told) = (Page::default(), Page::default());
        let lines = Lines::to(said.clone(), told.clone(), 1, false).unwrap();
        lines.voice(0, "a").say("hello");
        lines.tell("Accordion is up\n".into());
        lines.written();
        assert_eq!((said.text().as_str(), told.text().as_str()), ("a | hello\n", "Accordion is up\n"));
    }

    #[test]
    fn a_terminal_that_takes_nothing_holds_nobody_up() {
        let (stuck, _reader) = io::pipe().map(|(reader, writer)| (writer, reader)).unwrap();
        let lines = Lines::to(stuck.try_clone().unwrap(), stuck, 1, false).unwrap();
        // More than the pipe and the lines that may wait can hold.
        for _ in 0..2 * WAITING_MAX {
            lines.tell("x".repeat(1 << 10));
            lines.voice(0, "a").say("hello");
        }
        assert!(!lines.writer.is_finished());
    }

    #[test]
    fn on_a_terminal_neighbours_differ_in_colour() {
        let lines = Lines::to(io::sink(), io::sink(), 1, true).unwrap();
        assert_eq!(lines.voice(0, "a").prefix, "\x1b[36ma |\x1b[0m ");
        assert_eq!(lines.voice(1, "b").prefix, "\x1b[33mb |\x1b[0m ");
        lines.written();
    }
}
