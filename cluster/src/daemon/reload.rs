//! cluster.toml read again while a daemon runs: asked for with SIGHUP, checked whole, and put in force by
//! the daemon as far as it can. What it can, and what it makes of it, is the daemon's. systemd is told when
//! that begins and when it is done.

mod outcome;

use std::future::pending;
use std::io;
use std::mem;
use std::path::{Path, PathBuf};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use tracing::error;

use super::Notify;
use crate::config::{self, Cluster, Faults};
use crate::tls;

pub use outcome::Outcome;

/// Where good files come from while the daemon runs.
#[derive(Debug)]
pub struct Reload {
    read: mpsc::Receiver<Cluster>,
    notify: Notify,
    /// The daemon has one that it has not asked for the next after.
    is_being_applied: bool,
    _listening: Option<AbortOnDropHandle<()>>,
}

impl Reload {
    /// Each SIGHUP has the file at `path` read again, and first the certificates, if there are any. Several
    /// while one is being applied are one: what is read then is the newest. A file with a fault changes
    /// nothing; every fault is logged.
    ///
    /// # Errors
    /// The signal cannot be listened to.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn on_hangups(path: &Path, certificates: tls::Files) -> io::Result<Self> {
        let hangups = signal(SignalKind::hangup())?;
        // One at a time: the next is read when the daemon has taken this one.
        let (told, read) = mpsc::channel(1);
        let listening = tokio::spawn(read_on_hangups(path.to_owned(), certificates, hangups, told));
        Ok(Self::of(read, Some(AbortOnDropHandle::new(listening))))
    }

    /// What is sent here takes the place of the file.
    pub fn manual() -> (mpsc::Sender<Cluster>, Self) {
        let (told, read) = mpsc::channel(1);
        (told, Self::of(read, None))
    }

    fn of(read: mpsc::Receiver<Cluster>, listening: Option<AbortOnDropHandle<()>>) -> Self {
        Self { read, notify: Notify::new(), is_being_applied: false, _listening: listening }
    }

    /// The next good file. Who asks for it has applied the one before. May be given up and asked again: none
    /// is lost.
    pub async fn next(&mut self) -> Cluster {
        if mem::take(&mut self.is_being_applied) {
            self.notify.reloaded();
        }
        match self.read.recv().await {
            Some(cluster) => {
                self.is_being_applied = true;
                cluster
            }
            // Nobody asks any more.
            None => pending().await,
        }
    }
}

async fn read_on_hangups(
    path: PathBuf,
    certificates: tls::Files,
    mut hangups: Signal,
    told: mpsc::Sender<Cluster>,
) {
    let mut notify = Notify::new();
    while hangups.recv().await.is_some() {
        notify.reloading();
        // Whatever becomes of the file: a certificate that is about to expire must not wait for it.
        let certificates = certificates.clone();
        if let Err(failed) = tokio::task::spawn_blocking(move || certificates.reload()).await {
            error!("reading the certificate failed, the one in force stays: {failed}");
        }
        // Before the file is read, not after it: whatever is written after this is read by the next signal.
        let Ok(place) = told.reserve().await else { return };
        let file = path.clone();
        match tokio::task::spawn_blocking(move || config::read(&file)).await {
            Ok(Ok(cluster)) => place.send(cluster),
            Ok(Err(faults)) => {
                refuse(&path, &faults);
                notify.reloaded();
            }
            Err(failed) => {
                error!("reading {} failed, the one in force stays: {failed}", path.display());
                notify.reloaded();
            }
        }
    }
}

fn refuse(path: &Path, faults: &Faults) {
    for fault in faults {
        error!("{fault}");
    }
    error!(faults = faults.iter().count(), "{} is not taken, the one in force stays", path.display());
}
