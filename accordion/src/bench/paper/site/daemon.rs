//! One process on a machine of the rack.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::rack::Place;
use crate::up::tether;

/// From SIGTERM to SIGKILL: a daemon stops its copies first.
const STOP_LIMIT: Duration = Duration::from_secs(15);

/// As much of what it said as tells why it ended.
const LAST_LINES: usize = 5;

/// A killed process is gone within this.
const KILL_LIMIT: Duration = Duration::from_secs(5);

/// It is killed when this process ends, however that comes; what it started itself ends by its guards.
#[derive(Debug)]
pub(super) struct Daemon {
    child: Child,
    /// What it says is in this file.
    log: PathBuf,
    words: String,
    /// Those of a higher one end first.
    pub(super) rank: u8,
}

impl Daemon {
    /// Starts it. By the thread that runs the whole benchmark: the kernel ties its life to that.
    pub(super) fn start(
        program: &Path,
        place: &Place,
        rank: u8,
        words: &[String],
        log: PathBuf,
    ) -> anyhow::Result<Self> {
        let said = File::create(&log).with_context(|| format!("cannot open {}", log.display()))?;
        let mut command = Command::new(program);
        command.args(tether::arguments(None));
        command.args(place.exec_words()).args(words);
        command.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said);
        command.process_group(0).kill_on_drop(true);
        let words = words.join(" ");
        let child = command.spawn().with_context(|| format!("cannot start {words}"))?;
        Ok(Self { child, log, words, rank })
    }

    /// Its last words, if it has ended by itself.
    pub(super) fn last_words(&mut self) -> Option<String> {
        let Ok(Some(status)) = self.child.try_wait() else { return None };
        let said = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = said.lines().rev().take(LAST_LINES).collect();
        let lines: Vec<&str> = lines.into_iter().rev().collect();
        Some(format!("{} ended, {status}: {}", self.words, lines.join("; ")))
    }

    /// Asks it to end, and kills it when it does not.
    pub(super) async fn end(mut self) {
        if let Some(pid) = self.child.id().and_then(|pid| Pid::from_raw(pid as i32)) {
            // One that ended by itself is what is wanted.
            let _ = kill_process(pid, Signal::TERM);
        }
        if timeout(STOP_LIMIT, self.child.wait()).await.is_err() {
            let _ = self.child.start_kill();
            let _ = timeout(KILL_LIMIT, self.child.wait()).await;
        }
    }
}
