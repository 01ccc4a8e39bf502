//! A note on disk that a copy of a service runs, so that the daemon's next life knows of what is left of
//! it: a file that is locked until the copy's guard has ended, whatever became of the daemon.
//!
//! The file is named by the guard's mark, which every process of the copy inherits, and holds where the
//! copy listens. What the next life makes of it is in `leftover`.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use tracing::warn;

/// Nobody else's business, as all that a daemon keeps.
const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Digits of a mark.
const MARK_DIGITS: usize = 16;

/// One note. Dropped it stays on disk, as it does when the daemon is killed.
#[derive(Debug)]
pub(super) struct Note {
    mark: String,
    path: PathBuf,
    lock: File,
}

/// A new mark for a guard.
pub(super) fn new_mark() -> String {
    format!("{:0width$x}", fastrand::u64(..), width = MARK_DIGITS)
}

impl Note {
    /// Leaves a note in the directory, which is made where it is missing, and locks it.
    pub(super) fn leave(directory: &Path, address: SocketAddr) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(directory)?;
        let mark = new_mark();
        let path = directory.join(&mark);
        let mut lock = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&path)?;
        // Locked before it says anything; nobody else knows of it.
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        lock.write_all(address.to_string().as_bytes())?;
        Ok(Self { mark, path, lock })
    }

    /// Every note in the directory, which need not exist.
    pub(super) fn all(directory: &Path) -> io::Result<Vec<Self>> {
        let entries = match fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut notes = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            let Some(mark) = name.to_str().filter(|name| is_mark(name)) else { continue };
            let path = directory.join(mark);
            // To write, for over NFS only such a file can be locked.
            let lock = OpenOptions::new().read(true).write(true).open(&path)?;
            notes.push(Self { mark: mark.to_owned(), path, lock });
        }
        Ok(notes)
    }

    /// What every process of the copy has in its environment.
    pub(super) fn mark(&self) -> &str {
        &self.mark
    }

    /// What the guard is to inherit: with it goes the lock.
    pub(super) fn lock(&self) -> &File {
        &self.lock
    }

    /// Where the copy listens, as far as that was written.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        fs::read_to_string(&self.path).ok()?.parse().ok()
    }

    /// Whether the guard, or its daemon, still lives.
    pub(super) fn is_locked(&self) -> bool {
        // A file system that cannot lock has nothing to say; the processes' own marks then decide.
        flock(&self.lock, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK)
    }

    /// Nothing of the copy is left.
    pub(super) fn erase(self) {
        if let Err(error) = fs::remove_file(&self.path) {
            warn!(note = %self.path.display(), %error, "the note of a service that has ended could not be removed");
        }
    }
}

fn is_mark(name: &str) -> bool {
    name.len() == MARK_DIGITS && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_locked_while_its_file_is_open_anywhere_and_says_where_the_copy_listens() {
        let directory = tempfile::tempdir().unwrap();
        let notes = directory.path().join("notes");
        assert!(Note::all(&notes).unwrap().is_empty());
        let address = "127.0.0.1:20007".parse().unwrap();
        let note = Note::leave(&notes, address).unwrap();
        let guard = note.lock().try_clone().unwrap();
        drop(note);

        fs::write(notes.join("README"), "none of ours").unwrap();
        let [found] = <[Note; 1]>::try_from(Note::all(&notes).unwrap()).unwrap();
        assert!(found.is_locked());
        drop(guard);
        assert!(!found.is_locked());
        assert_eq!(found.address(), Some(address));
        found.erase();
        assert!(Note::all(&notes).unwrap().is_empty());
    }

    #[test]
    fn a_note_that_was_not_finished_says_no_address() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(new_mark()), "").unwrap();
        let [found] = <[Note; 1]>::try_from(Note::all(directory.path()).unwrap()).unwrap();
        assert_eq!((found.is_locked(), found.address()), (false, None));
    }
}
