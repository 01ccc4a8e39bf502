//! The file of decisions: one line of JSON each. Written by a thread of its own, so that a slow disk
//! does not hold up the renewals of leases; begun anew when it is full, the one before kept beside it.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use proto::load_manager::Decision;

/// The file is begun anew at this size.
const FILE_BYTES_MAX: u64 = 8 << 20;

/// Lines that may wait for the disk: minutes of decisions.
const WAITING_MAX: usize = 1024;

/// How long the last lines may take at the end.
const FINISH_TIMEOUT: Duration = Duration::from_secs(2);

/// Between two looks whether they are written.
const FINISH_PERIOD: Duration = Duration::from_millis(5);

/// Takes lines for the thread that writes them.
pub(super) struct Writer {
    sender: SyncSender<Vec<u8>>,
    thread: JoinHandle<()>,
    lost: u64,
}

/// The file in the thread.
struct Page {
    path: PathBuf,
    file: File,
    bytes: u64,
}

impl Writer {
    /// `None`, and said, when the file cannot be written.
    pub(super) fn start(path: &Path) -> Option<Self> {
        let (sender, lines) = sync_channel(WAITING_MAX);
        let write =
            |page: Page| thread::Builder::new().name("journal".into()).spawn(|| page.write_all(lines));
        match Page::open(path).and_then(write) {
            Ok(thread) => Some(Self { sender, thread, lost: 0 }),
            Err(fault) => {
                in_memory_only(path, &fault);
                None
            }
        }
    }

    /// Leaves the line out, and says so once, when the disk takes none.
    pub(super) fn write(&mut self, decision: &Decision) {
        let Ok(mut line) = serde_json::to_vec(decision) else { return };
        line.push(b'\n');
        // A thread that has ended has said why.
        if let Err(TrySendError::Full(_)) = self.sender.try_send(line) {
            if self.lost == 0 {
                tracing::warn!("the disk takes no decisions: they are kept in memory only for now");
            }
            self.lost += 1;
        }
    }

    /// Waits until all is written, unless the disk takes nothing.
    pub(super) fn finish(self) {
        drop(self.sender);
        let end = Instant::now() + FINISH_TIMEOUT;
        while !self.thread.is_finished() && Instant::now() < end {
            thread::sleep(FINISH_PERIOD);
        }
        if self.thread.is_finished() {
            // It ends by itself, with nothing to tell.
            let _ = self.thread.join();
        }
        if self.lost > 0 {
            tracing::warn!(lost = self.lost, "decisions are missing in the file");
        }
    }
}

impl Page {
    /// A line that a crash has cut is ended, so that the next one stands by itself.
    fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
        let mut page = Self { path: path.to_owned(), bytes: file.metadata()?.len(), file };
        let mut last = *b"\n";
        if let Some(end) = page.bytes.checked_sub(1) {
            page.file.read_exact_at(&mut last, end)?;
        }
        if last != *b"\n" {
            page.write(b"\n")?;
        }
        Ok(page)
    }

    fn write_all(mut self, lines: Receiver<Vec<u8>>) {
        for line in lines {
            if let Err(fault) = self.write(&line) {
                in_memory_only(&self.path, &fault);
                return;
            }
        }
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        self.file.write_all(line)?;
        self.bytes += line.len() as u64;
        if self.bytes > FILE_BYTES_MAX {
            std::fs::rename(&self.path, before(&self.path))?;
            *self = Self::open(&self.path)?;
        }
        Ok(())
    }
}

/// The entries of the file and of the one before it, oldest first. A line that is none is passed over.
pub(super) fn read(path: &Path) -> impl Iterator<Item = Decision> {
    let files = [before(path), path.to_owned()].into_iter().filter_map(|path| File::open(path).ok());
    // A line need not be text: a crash may leave anything.
    let lines = files.flat_map(|file| BufReader::new(file).split(b'\n').map_while(Result::ok));
    lines.filter_map(|line| serde_json::from_slice(&line).ok())
}

fn before(path: &Path) -> PathBuf {
    path.with_extension("jsonl.1")
}

fn in_memory_only(path: &Path, fault: &io::Error) {
    tracing::warn!(file = %path.display(), "decisions are kept in memory only: {fault}");
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::Journal;
    use super::super::tests::{decision, place};
    use super::*;

    fn append(path: &Path, bytes: &[u8]) {
        OpenOptions::new().append(true).open(path).unwrap().write_all(bytes).unwrap();
    }

    fn actions(path: &Path) -> Vec<String> {
        read(path).map(|decision| decision.action).collect()
    }

    #[test]
    fn behind_a_torn_line_nothing_is_lost() {
        let (_directory, path) = place();
        let mut journal = Journal::open(&path);
        journal.record(decision(1, "add", "high", 9.0));
        journal.record(decision(2, "hold", "steady", 4.0));
        drop(journal);
        append(&path, b"{\"unix_ms\": 12");
        Journal::open(&path).record(decision(3, "drain", "low", 1.0));
        assert_eq!(actions(&path), ["add", "hold", "drain"]);
    }

    #[test]
    fn behind_a_line_that_is_no_text_nothing_is_lost() {
        let (_directory, path) = place();
        Journal::open(&path).record(decision(1, "add", "high", 9.0));
        append(&path, b"\xff\xfe\0\n");
        Journal::open(&path).record(decision(2, "drain", "low", 1.0));
        assert_eq!(actions(&path), ["add", "drain"]);
    }

    #[test]
    fn a_full_file_is_begun_anew_and_the_one_before_is_still_read() {
        let (_directory, path) = place();
        let mut page = Page::open(&path).unwrap();
        let line = |action| serde_json::to_vec(&decision(1, action, "high", 9.0)).unwrap();
        page.write(&[line("add"), b"\n".to_vec()].concat()).unwrap();
        page.bytes = FILE_BYTES_MAX;
        page.write(&[line("undrain"), b"\n".to_vec()].concat()).unwrap();
        page.write(&[line("drain"), b"\n".to_vec()].concat()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 1);
        assert_eq!(actions(&path), ["add", "undrain", "drain"]);
        let entries = Journal::open(&path).newest(10);
        assert_eq!(entries.len(), 3);
    }

    #[test]
    fn a_disk_that_takes_nothing_holds_nobody_up() {
        let (sender, lines) = sync_channel(1);
        let mut writer = Writer { sender, thread: thread::spawn(|| {}), lost: 0 };
        for _ in 0..3 {
            writer.write(&decision(1, "add", "high", 9.0));
        }
        assert_eq!(writer.lost, 2);
        drop(lines);
        writer.finish();
    }

    #[test]
    fn without_a_file_the_decisions_are_kept_in_memory() {
        let mut journal = Journal::open(Path::new("/proc/nowhere/why.jsonl"));
        journal.record(decision(1, "add", "high", 9.0));
        assert_eq!(journal.newest(10).len(), 1);
    }
}
