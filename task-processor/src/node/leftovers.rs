//! The services that an earlier life of the daemon left running when it was killed, and the wait for their
//! ends.

use std::io;
use std::path::Path;

use cluster::process::{Leftover, leftovers};
use tokio::task::{JoinError, JoinSet};

use super::journal;

/// Those whose processes are not all gone.
#[derive(Debug)]
pub(super) struct Leftovers {
    ends: JoinSet<()>,
}

impl Leftovers {
    /// Looks for them by the notes in the directory.
    pub(super) fn find(notes: &Path) -> io::Result<Self> {
        let found = leftovers(notes)?;
        if !found.is_empty() {
            journal::left_over(found.len());
        }
        Ok(Self { ends: found.into_iter().map(Leftover::ended).collect() })
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.ends.len()
    }

    /// Waits until one is gone; `None`: there is none.
    pub(super) async fn next_gone(&mut self) -> Option<Result<(), JoinError>> {
        let gone = self.ends.join_next().await?;
        if gone.is_ok() {
            journal::leftover_gone(self.count());
        }
        Some(gone)
    }
}
