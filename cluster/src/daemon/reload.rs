//! cluster.toml read again while a daemon runs: asked for with SIGHUP or over its control socket, checked
//! whole, and put in force by the daemon as far as it can. What it can, and what it makes of it, is the
//! daemon's; what came of it last is kept here for people and for Prometheus. systemd is told when it begins
//! and when it is done.

mod asked;
mod outcome;

use std::future::pending;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::task::AbortOnDropHandle;
use tracing::error;

use super::Notify;
use crate::config::{self, Cluster, Faults};
use crate::tls;

pub use asked::{Asked, Report};
pub use outcome::Outcome;

/// Where good files come from while the daemon runs.
#[derive(Debug)]
pub struct Reload {
    asked: mpsc::Receiver<Asked>,
    reloader: Reloader,
    _listening: Option<AbortOnDropHandle<()>>,
}

/// Has the daemon read its file again.
#[derive(Debug, Clone)]
pub struct Reloader {
    path: PathBuf,
    certificates: tls::Files,
    asks: mpsc::Sender<Asked>,
    last: watch::Sender<Last>,
}

/// What came of the file when it was read last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Last {
    /// When a file was taken last; that of the start is one.
    pub taken_at: SystemTime,
    /// Why the newest was not taken; empty: it was.
    pub faults: Vec<String>,
    /// What of the newest waits for a restart.
    pub needs_restart: Vec<String>,
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
        let (reloader, mut reload) = Self::of(path, certificates);
        let listening = tokio::spawn(read_on_hangups(reloader, hangups));
        reload._listening = Some(AbortOnDropHandle::new(listening));
        Ok(reload)
    }

    /// What is `put` takes the place of the file.
    pub fn manual() -> (Reloader, Self) {
        Self::of(Path::new(""), tls::Files::default())
    }

    fn of(path: &Path, certificates: tls::Files) -> (Reloader, Self) {
        // One at a time: the next is read when the daemon has taken this one.
        let (asks, asked) = mpsc::channel(1);
        let last = Last { taken_at: SystemTime::now(), faults: Vec::new(), needs_restart: Vec::new() };
        let reloader = Reloader { path: path.to_owned(), certificates, asks, last: watch::Sender::new(last) };
        (reloader.clone(), Self { asked, reloader, _listening: None })
    }

    /// For whoever else may ask.
    pub fn reloader(&self) -> Reloader {
        self.reloader.clone()
    }

    /// The next good file. May be given up and asked again: none is lost.
    pub async fn next(&mut self) -> Asked {
        match self.asked.recv().await {
            Some(asked) => asked,
            // Nobody asks any more.
            None => pending().await,
        }
    }
}

impl Reloader {
    /// Has the file read and followed as far as it can be. Answers when that is done; it is done whether or
    /// not somebody waits for the answer.
    pub async fn reload(&self) -> Report {
        let reloader = self.clone();
        let reloading = tokio::spawn(async move {
            let mut notify = Notify::new();
            notify.reloading();
            let report = reloader.reload_once().await;
            notify.reloaded();
            report
        });
        reloading.await.unwrap_or_else(|_| Report::ended())
    }

    async fn reload_once(&self) -> Report {
        // Whatever becomes of the file: a certificate that is about to expire must not wait for it.
        let certificates = self.read_certificates().await;
        // Before the file is read, not after it: whatever is written after this is read by the next one.
        let Ok(place) = self.asks.reserve().await else { return Report::ended() };
        let path = self.path.clone();
        let read = tokio::task::spawn_blocking(move || {
            config::parse(&path.display().to_string(), &config::text(&path)?)
        });
        let read = match read.await {
            Ok(read) => read.map_err(|faults| words(&faults)),
            Err(failed) => Err(vec![format!("reading it failed: {failed}")]),
        };
        let cluster = match (certificates.is_empty(), read) {
            (true, Ok(cluster)) => cluster,
            (_, read) => {
                return self
                    .refuse(certificates.into_iter().chain(read.err().into_iter().flatten()).collect());
            }
        };
        let (answer, answered) = oneshot::channel();
        place.send(Asked::new(cluster, Some(self.clone()), answer));
        answered.await.unwrap_or_else(|_| Report::ended())
    }

    /// Their faults.
    async fn read_certificates(&self) -> Vec<String> {
        let certificates = self.certificates.clone();
        match tokio::task::spawn_blocking(move || certificates.reload()).await {
            Ok(faults) => faults,
            Err(failed) => vec![format!("reading the certificates failed: {failed}")],
        }
    }

    /// What would come of a file with this text, of that name; nothing is changed.
    pub async fn rehearse(&self, name: &str, text: &str) -> Report {
        match config::parse(name, text) {
            Ok(cluster) => self.send(cluster, None).await,
            Err(faults) => Report::refused(words(&faults)),
        }
    }

    /// Has this followed in the place of the file.
    pub async fn put(&self, cluster: Cluster) -> Report {
        self.send(cluster, Some(self.clone())).await
    }

    /// What came of it last.
    pub fn last(&self) -> Last {
        self.last.borrow().clone()
    }

    async fn send(&self, cluster: Cluster, taker: Option<Self>) -> Report {
        let (answer, answered) = oneshot::channel();
        if self.asks.send(Asked::new(cluster, taker, answer)).await.is_err() {
            return Report::ended();
        }
        answered.await.unwrap_or_else(|_| Report::ended())
    }

    fn refuse(&self, faults: Vec<String>) -> Report {
        for fault in &faults {
            error!("{fault}");
        }
        error!(faults = faults.len(), "{} is not taken, the one in force stays", self.path.display());
        self.last.send_modify(|last| last.faults.clone_from(&faults));
        Report::refused(faults)
    }
}

impl Last {
    /// One sentence, where the newest file is not what the daemon goes by whole.
    pub fn words(&self) -> String {
        match (self.faults.as_slice(), self.needs_restart.as_slice()) {
            ([], []) => String::new(),
            ([], waiting) => format!("restart it for: {}", waiting.join("; ")),
            (faults, _) => format!("the newest cluster.toml was not taken: {}", faults.join("; ")),
        }
    }
}

async fn read_on_hangups(reloader: Reloader, mut hangups: Signal) {
    while hangups.recv().await.is_some() {
        // It has logged what came of it.
        let _ = reloader.reload().await;
    }
}

fn words(faults: &Faults) -> Vec<String> {
    faults.iter().map(ToString::to_string).collect()
}
