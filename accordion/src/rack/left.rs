//! What a rack left behind that was killed: its processes, its namespaces, its groups. And how one that runs is
//! told from that.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::network;
use super::share::Groups;

/// How long killed processes may take to be gone.
pub(super) const GONE_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Held by a rack that runs.
#[derive(Debug)]
pub(super) struct Claim(#[allow(dead_code, reason = "the lock is what it is held for")] File);

impl Claim {
    /// Of the rack of that name.
    ///
    /// # Errors
    /// It runs.
    pub(super) fn take(rack: &str) -> anyhow::Result<Self> {
        let directory = directory();
        fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
        let path = directory.join(format!("{rack}.lock"));
        let file = File::create(&path).with_context(|| format!("cannot open {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => {
                bail!("a rack called {rack:?} is up: end it, or say --name for another one")
            }
            Err(TryLockError::Error(error)) => Err(error).context(format!("cannot lock {}", path.display())),
        }
    }
}

/// Takes away everything that is left of the rack of that name, unless it is up.
pub(super) fn clear(rack: &str) -> anyhow::Result<()> {
    let _claim = Claim::take(rack)?;
    sweep(rack)
}

/// The same for whoever has the claim.
pub(super) fn sweep(rack: &str) -> anyhow::Result<()> {
    let namespaces = network::namespaces(rack)?;
    let groups = Groups::of(rack)?;
    let own = rustix::process::getpid().as_raw_pid();
    let running = || -> Vec<i32> {
        let inside = namespaces.iter().flat_map(|namespace| network::processes(namespace));
        inside.chain(groups.processes()).filter(|pid| *pid != own).collect()
    };
    let deadline = Instant::now() + GONE_TIMEOUT;
    loop {
        let left = running();
        if left.is_empty() {
            break;
        }
        if Instant::now() > deadline {
            bail!("{} processes could not be ended", left.len());
        }
        for pid in left.into_iter().filter_map(Pid::from_raw) {
            // One that ended by itself is what is wanted.
            let _ = kill_process(pid, Signal::KILL);
        }
        std::thread::sleep(LOOK_EVERY);
    }
    for namespace in namespaces {
        network::ip(&["netns", "delete", &namespace])?;
    }
    groups.remove().context("a cgroup is left")?;
    match fs::remove_dir_all(files(rack)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).context("its files are left"),
        _ => Ok(()),
    }
}

/// Of the claims, and of the files of each rack in one of its name.
fn directory() -> PathBuf {
    PathBuf::from("/run/accordion-rack")
}

/// Where the files of that rack are, for as long as it is up.
pub(super) fn files(rack: &str) -> PathBuf {
    directory().join(rack)
}
