//! What an earlier life of a daemon left running when it was killed: the copies whose notes are still
//! there, and the wait for the end of each.
//!
//! A copy's guard ends it within 4 s of the daemon's death and frees the note's lock with its own end.
//! Where the guard was killed as well, or hangs, this ends what it left: every process with its mark.

use std::io;
use std::path::Path;

use tokio::time::{Instant, sleep};
use tracing::{error, warn};

use super::guarded::{GUARD_PATIENCE, KILL_ROUND, KILL_ROUND_MAX};
use super::note::Note;
use super::port::{self, Port};
use crate::backoff::Backoff;
use crate::guard::Orphans;

/// A copy that an earlier life of this daemon started and that has not ended.
#[derive(Debug)]
pub struct Leftover {
    note: Note,
    orphans: Orphans,
    /// No other copy gets its port, whether or not it listens there yet.
    _port: Option<Port>,
}

/// The copies that are noted in the directory and have not ended; of those that have, the notes are
/// removed. A directory that is not there has none.
///
/// # Errors
/// The directory or a note cannot be read.
pub fn leftovers(directory: &Path) -> io::Result<Vec<Leftover>> {
    let notes = Note::all(directory).map_err(|error| {
        let text = format!(
            "cannot read in {} which services still run: {error}; make it readable for this user",
            directory.display()
        );
        io::Error::new(error.kind(), text)
    })?;
    Ok(notes.into_iter().filter_map(Leftover::of).collect())
}

impl Leftover {
    fn of(note: Note) -> Option<Self> {
        let mut orphans = Orphans::anywhere(note.mark());
        if !note.is_locked() && orphans.kill().is_empty() {
            note.erase();
            return None;
        }
        let port = note.address().map(port::hold);
        Some(Self { note, orphans, _port: port })
    }

    /// Answers when no process of it is left. Without a bound: until then it is not gone.
    pub async fn ended(mut self) {
        let patience_until = Instant::now() + GUARD_PATIENCE;
        let mut is_hanging = false;
        while self.note.is_locked() && !is_hanging {
            sleep(KILL_ROUND).await;
            is_hanging = Instant::now() >= patience_until;
        }
        if is_hanging {
            warn!("a guard of the daemon's previous life did not end its service in time and is killed");
        }
        let mut rounds = Backoff::new(KILL_ROUND, KILL_ROUND_MAX);
        let mut is_told = false;
        loop {
            let left = self.orphans.kill();
            if left.is_empty() && !self.note.is_locked() {
                return self.note.erase();
            }
            let pause = rounds.next();
            if pause == KILL_ROUND_MAX && !is_told {
                is_told = true;
                error!(processes = ?left, "processes of the daemon's previous life cannot be ended");
            }
            sleep(pause).await;
        }
    }
}
