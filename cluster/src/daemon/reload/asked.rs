//! One question to a daemon to go by a file, and the answer to it.

use tokio::sync::oneshot;

use super::{Outcome, Reloader};
use crate::config::{self, Cluster};

/// A good file, and who waits to hear what came of it.
#[derive(Debug)]
pub struct Asked {
    /// What it says.
    pub cluster: Cluster,
    /// Where it is kept what came of it; none: it is only asked what would.
    taker: Option<Reloader>,
    answer: oneshot::Sender<Report>,
}

/// What came of a file, each a sentence, or would have come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The daemon goes by these now.
    pub applied: Vec<String>,
    /// It will when it is started anew.
    pub needs_restart: Vec<String>,
    /// Why the file was not taken, and nothing changed; empty: it was.
    pub faults: Vec<String>,
}

impl Asked {
    pub(super) fn new(cluster: Cluster, taker: Option<Reloader>, answer: oneshot::Sender<Report>) -> Self {
        Self { cluster, taker, answer }
    }

    /// Whether nothing is to be changed.
    pub fn is_rehearsal(&self) -> bool {
        self.taker.is_none()
    }

    /// The daemon has done what it could, or knows what it could do; it is logged by the name of `daemon`.
    pub fn done(self, outcome: &Outcome, daemon: &str) {
        let words = |changes: &[_]| changes.iter().map(ToString::to_string).collect::<Vec<String>>();
        let report = Report {
            applied: words(&outcome.applied),
            needs_restart: words(&outcome.needs_restart),
            faults: Vec::new(),
        };
        if let Some(reloader) = self.taker {
            outcome.log(daemon);
            config::take(&self.cluster);
            reloader.last.send_modify(|last| {
                last.taken_at = std::time::SystemTime::now();
                last.faults.clear();
                last.needs_restart.clone_from(&report.needs_restart);
            });
        }
        // Whoever asked may have gone.
        let _ = self.answer.send(report);
    }

    /// Something that the file asks for cannot be had, and nothing was changed.
    pub fn refuse(self, faults: Vec<String>) {
        let report = match &self.taker {
            Some(reloader) => reloader.refuse(faults),
            None => Report::refused(faults),
        };
        let _ = self.answer.send(report);
    }
}

impl Report {
    pub(super) fn refused(faults: Vec<String>) -> Self {
        Self { faults, ..Self::default() }
    }

    pub(super) fn ended() -> Self {
        Self::refused(vec!["the daemon is going down".to_owned()])
    }
}
