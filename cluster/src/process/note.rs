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

use crate::starter::mark::Mark;

/// Nobody else's business, as all that a daemon keeps.
const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// One note. Dropped it stays on disk, as it does when the daemon is killed.
#[derive(Debug)]
pub(super) struct Note {
    mark: Mark,
    path: PathBuf,
    lock: File,
}

impl Note {
    /// Leaves a note in the directory, which is made where it is missing, and locks it. Of a copy that is a unit
    /// of systemd's it says the service.
    pub(super) fn leave(directory: &Path, address: SocketAddr, unit_of: Option<&str>) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(directory)?;
        let mark = Mark::new();
        let path = directory.join(mark.to_string());
        let mut lock = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&path)?;
        // Locked before it says anything; nobody else knows of it.
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        let text = [Some(address.to_string().as_str()), unit_of]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join("\n");
        lock.write_all(text.as_bytes())?;
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
            let Some(mark) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
            let path = directory.join(&name);
            // To write, for over NFS only such a file can be locked.
            let lock = OpenOptions::new().read(true).write(true).open(&path)?;
            notes.push(Self { mark, path, lock });
        }
        Ok(notes)
    }

    /// What every process of the copy has in its environment.
    pub(super) fn mark(&self) -> Mark {
        self.mark
    }

    /// What the guard is to inherit: with it goes the lock.
    pub(super) fn lock(&self) -> &File {
        &self.lock
    }

    /// Where the copy listens, as far as that was written.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.line(0)?.parse().ok()
    }

    /// Of which service it is, where it is a unit of systemd's.
    pub(super) fn unit_of(&self) -> Option<String> {
        self.line(1)
    }

    fn line(&self, number: usize) -> Option<String> {
        fs::read_to_string(&self.path).ok()?.lines().nth(number).map(str::to_owned)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_locked_while_its_file_is_open_anywhere_and_says_where_the_copy_listens() {
        let directory = tempfile::tempdir().unwrap();
        let notes = directory.path().join("notes");
        assert!(Note::all(&notes).unwrap().is_empty());
        let address = "127.0.0.1:20007".parse().unwrap();
        let note = Note::leave(&notes, address, None).unwrap();
        let guard = note.lock().try_clone().unwrap();
        drop(note);

        fs::write(notes.join("README"), "none of ours").unwrap();
        let [found] = <[Note; 1]>::try_from(Note::all(&notes).unwrap()).unwrap();
        assert!(found.is_locked());
        drop(guard);
        assert!(!found.is_locked());
        assert_eq!((found.address(), found.unit_of()), (Some(address), None));
        found.erase();
        assert!(Note::all(&notes).unwrap().is_empty());
    }

    #[test]
    fn a_note_of_a_unit_says_of_which_service_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let address = "127.0.0.1:20007".parse().unwrap();
        let note = Note::leave(directory.path(), address, Some("shop")).unwrap();
        assert_eq!((note.address(), note.unit_of().as_deref()), (Some(address), Some("shop")));
    }

    #[test]
    fn a_note_that_was_not_finished_says_no_address() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(Mark::new().to_string()), "").unwrap();
        let [found] = <[Note; 1]>::try_from(Note::all(directory.path()).unwrap()).unwrap();
        assert_eq!((found.is_locked(), found.address()), (false, None));
    }
}
