//! What an earlier life of a daemon left running when it was killed: the copies whose notes are still
//! there, and the wait for the end of each.
//!
//! A copy's guard ends it within 4 s of the daemon's death and frees the note's lock with its own end.
//! Where the guard was killed as well, or hangs, this ends what it left: every process with its mark. A copy
//! that was a unit of systemd's is ended with its unit, by the starter.

use std::io;
use std::path::Path;

use tokio::time::{Instant, sleep};
use tracing::{error, warn};

use super::guarded::{GUARD_PATIENCE, KILL_ROUND, KILL_ROUND_MAX};
use super::note::Note;
use super::port::{self, Port};
use super::unit::{self, Unit};
use crate::backoff::Backoff;
use crate::guard::Orphans;

/// A copy that an earlier life of this daemon started and that has not ended.
#[derive(Debug)]
pub struct Leftover {
    note: Note,
    remains: Remains,
    /// No other copy gets its port, whether or not it listens there yet.
    _port: Option<Port>,
}

/// What is left of it.
#[derive(Debug)]
enum Remains {
    /// A guard that was our child, and the processes with its mark.
    Orphans(Orphans),
    /// A unit. Without a starter nobody can be asked, and systemd ends it by itself.
    Unit(Option<Unit>),
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
        let remains = match note.unit_of() {
            Some(service) => {
                let unit = |starter| Unit::of_earlier(starter, service.clone(), note.mark());
                Remains::Unit(unit::starter().map(unit))
            }
            None => {
                let mut orphans = Orphans::anywhere(&note.mark().to_string());
                if !note.is_locked() && orphans.kill().is_empty() {
                    note.erase();
                    return None;
                }
                Remains::Orphans(orphans)
            }
        };
        let port = note.address().map(port::hold);
        Some(Self { note, remains, _port: port })
    }

    /// Answers when no process of it is left. Without a bound: until then it is not gone.
    pub async fn ended(mut self) {
        match &mut self.remains {
            Remains::Orphans(orphans) => orphans_ended(&self.note, orphans).await,
            Remains::Unit(Some(unit)) => unit.end().await,
            Remains::Unit(None) => sleep(GUARD_PATIENCE).await,
        }
        self.note.erase();
    }
}

async fn orphans_ended(note: &Note, orphans: &mut Orphans) {
    let patience_until = Instant::now() + GUARD_PATIENCE;
    let mut is_hanging = false;
    while note.is_locked() && !is_hanging {
        sleep(KILL_ROUND).await;
        is_hanging = Instant::now() >= patience_until;
    }
    if is_hanging {
        warn!("a guard of the daemon's previous life did not end its service in time and is killed");
    }
    let mut rounds = Backoff::new(KILL_ROUND, KILL_ROUND_MAX);
    let mut is_told = false;
    loop {
        let left = orphans.kill();
        if left.is_empty() && !note.is_locked() {
            return;
        }
        let pause = rounds.next();
        if pause == KILL_ROUND_MAX && !is_told {
            is_told = true;
            error!(processes = ?left, "processes of the daemon's previous life cannot be ended");
        }
        sleep(pause).await;
    }
}
