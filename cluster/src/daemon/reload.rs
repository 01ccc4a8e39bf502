//! cluster.toml read again while a daemon runs: asked for with SIGHUP, checked whole, and put in force by
//! the daemon as far as it can. What it can, and what it makes of it, is the daemon's.

mod outcome;

use std::future::pending;
use std::io;
use std::path::{Path, PathBuf};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use tracing::error;

use crate::config::{self, Cluster, Faults};

pub use outcome::Outcome;

/// Where good files come from while the daemon runs.
#[derive(Debug)]
pub struct Reload {
    read: mpsc::Receiver<Cluster>,
    _listening: Option<AbortOnDropHandle<()>>,
}

impl Reload {
    /// Each SIGHUP has the file at `path` read again. Several while one is being applied are one: what is
    /// read then is the newest. A file with a fault changes nothing; every fault is logged.
    ///
    /// # Errors
    /// The signal cannot be listened to.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn on_hangups(path: &Path) -> io::Result<Self> {
        let hangups = signal(SignalKind::hangup())?;
        // One at a time: the next is read when the daemon has taken this one.
        let (told, read) = mpsc::channel(1);
        let listening = tokio::spawn(read_on_hangups(path.to_owned(), hangups, told));
        Ok(Self { read, _listening: Some(AbortOnDropHandle::new(listening)) })
    }

    /// What is sent here takes the place of the file.
    pub fn manual() -> (mpsc::Sender<Cluster>, Self) {
        let (told, read) = mpsc::channel(1);
        (told, Self { read, _listening: None })
    }

    /// The next good file. May be given up and asked again: none is lost.
    pub async fn next(&mut self) -> Cluster {
        match self.read.recv().await {
            Some(cluster) => cluster,
            // Nobody asks any more.
            None => pending().await,
        }
    }
}

async fn read_on_hangups(path: PathBuf, mut hangups: Signal, told: mpsc::Sender<Cluster>) {
    while hangups.recv().await.is_some() {
        // Before the file is read, not after it: whatever is written after this is read by the next signal.
        let Ok(place) = told.reserve().await else { return };
        let file = path.clone();
        match tokio::task::spawn_blocking(move || config::read(&file)).await {
            Ok(Ok(cluster)) => place.send(cluster),
            Ok(Err(faults)) => refuse(&path, &faults),
            Err(failed) => error!("reading {} failed, the one in force stays: {failed}", path.display()),
        }
    }
}

fn refuse(path: &Path, faults: &Faults) {
    for fault in faults {
        error!("{fault}");
    }
    error!(faults = faults.iter().count(), "{} is not taken, the one in force stays", path.display());
}
