//! Who holds the guard of a copy, and so can end what the guard did not: we, whose child it is, or systemd.

use rustix::process::{Pid, Signal};
use tokio::process::Child;
use tokio::time::{sleep, timeout};
use tracing::{error, warn};

use super::guarded::{GUARD_PATIENCE, KILL_ROUND, KILL_ROUND_MAX};
use super::unit::Unit;
use crate::backoff::Backoff;
use crate::guard;

/// The guard's holder.
#[derive(Debug)]
pub(super) enum Holder {
    /// It is our child.
    Us(Child),
    /// It is the main process of a unit, with which everything below it ends.
    Systemd(Unit),
}

impl Holder {
    /// Whether a guard that said that all is over ends as well. It ends next.
    pub(super) async fn sees_guard_end(&mut self) -> bool {
        match self {
            Self::Us(guard) => timeout(GUARD_PATIENCE, guard.wait()).await.is_ok(),
            Self::Systemd(_) => true,
        }
    }

    /// Ends the guard, should it still be there, and all of the service that has this mark or is in the session
    /// of its main process. Returns when nothing is left.
    pub(super) async fn end(&mut self, service: &str, mark: &str, main: Option<Pid>) {
        match self {
            Self::Us(guard) => end_child(guard, service, mark, main).await,
            Self::Systemd(unit) => unit.end().await,
        }
    }
}

/// Kills the guard after what is below it, and then what it left behind.
async fn end_child(child: &mut Child, service: &str, mark: &str, main: Option<Pid>) {
    if let Some(guard) = child.id().and_then(|pid| Pid::from_raw(pid.cast_signed())) {
        guard::signal_below(guard, Signal::KILL);
    }
    if let Err(error) = child.kill().await {
        warn!(service, %error, "the guard could not be killed");
    }
    let mut is_told = false;
    let mut rounds = Backoff::new(KILL_ROUND, KILL_ROUND_MAX);
    let mut orphans = guard::Orphans::new(mark, main);
    // Without a bound: while one of them is left, the service is not gone.
    loop {
        let left = orphans.kill();
        if left.is_empty() {
            return;
        }
        let pause = rounds.next();
        if pause == KILL_ROUND_MAX && !is_told {
            is_told = true;
            error!(service, processes = ?left, "processes of the service cannot be ended");
        }
        sleep(pause).await;
    }
}
