//! What a daemon leaves behind when it is killed: its guards, which become our children and end the
//! services they guard. Here leave is taken of them, and at the end they are killed when they take
//! too long.

use std::collections::HashSet;
use std::fs;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, wait, waitpid};
use tokio::time::{Instant, sleep};

/// Between two looks for orphans that have ended, while the daemons run: a dead one costs next to nothing.
const LEAVE_PERIOD: Duration = Duration::from_secs(1);

/// Between two looks at the end.
const PERIOD: Duration = Duration::from_millis(20);

/// How long killed ones may take to be gone.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);

/// The daemons' own processes, of which their keepers take leave.
#[derive(Debug, Clone, Default)]
pub(super) struct Daemons(Arc<Mutex<HashSet<Pid>>>);

impl Daemons {
    /// Must be called before anything is awaited after the daemon's start.
    pub(super) fn add(&self, pid: Option<Pid>) {
        self.change(|pids| pids.extend(pid));
    }

    pub(super) fn remove(&self, pid: Option<Pid>) {
        self.change(|pids| pids.retain(|one| Some(*one) != pid));
    }

    fn change<T>(&self, change: impl FnOnce(&mut HashSet<Pid>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Takes leave of orphans that have ended, again and again. On the thread that starts the daemons.
pub(super) async fn take_leave(daemons: Daemons) {
    loop {
        sleep(LEAVE_PERIOD).await;
        let orphans = children().into_iter().filter(|pid| !daemons.change(|pids| pids.contains(pid)));
        for pid in orphans {
            // It runs still, then.
            let _ = waitpid(Some(pid), WaitOptions::NOHANG);
        }
    }
}

/// Waits until this process has no child any more, kills what is left after `grace`, and answers how
/// many could not be ended. Nobody else may wait for a child meanwhile.
pub(super) async fn end(grace: Duration) -> usize {
    let (grace_end, end) = (Instant::now() + grace, Instant::now() + grace + KILL_TIMEOUT);
    loop {
        if !reap() {
            return 0;
        }
        let now = Instant::now();
        if now >= end {
            return children().len().max(1);
        }
        if now >= grace_end {
            // Again and again: the children of what is killed become ours.
            for pid in children() {
                // Gone already, then.
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        sleep(PERIOD).await;
    }
}

/// Takes leave of the children that have ended; whether there are others.
fn reap() -> bool {
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some(_)) => {}
            Ok(None) => return true,
            // No child at all.
            Err(_) => return false,
        }
    }
}

fn children() -> Vec<Pid> {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(pid).collect::<Vec<_>>()).collect()
}

fn pid(text: &str) -> Option<Pid> {
    text.parse().ok().and_then(Pid::from_raw)
}
