//! What a killed guard left behind. The daemon is a subreaper like its guards, so all of it hangs
//! below the daemon then, beside what else may hang there: other guards, and in a container
//! whatever became a child of process 1. Once the daemon was killed too, it hangs anywhere.
//!
//! Its own are those with the guard's mark in their environment, those in a session where one of
//! these was seen, and everything below them. One thing escapes: a process that overwrote its
//! environment, is in a session of its own, and whose parents had all ended before the guard did.

use std::collections::HashSet;
use std::fs;

use rustix::process::{Pid, Signal, WaitOptions, getpid, waitpid};

use super::MARK_VARIABLE;
use super::tree::{Stat, below, processes, signal_all};

/// Where to look for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Among our children and what is below them.
    BelowUs,
    /// Among all processes, the guard itself too: they were an earlier daemon's.
    Anywhere,
}

/// The processes of one service whose guard is gone.
#[derive(Debug)]
pub(crate) struct Orphans {
    mark: String,
    place: Place,
    sessions: HashSet<i32>,
    /// Those that were found, and are collected once they have ended.
    seen: HashSet<i32>,
}

impl Orphans {
    /// Those with this mark, and those in the session of the main process.
    pub(crate) fn new(mark: &str, main: Option<Pid>) -> Self {
        let sessions = main.into_iter().map(Pid::as_raw_pid).collect();
        Self { mark: marked(mark), place: Place::BelowUs, sessions, seen: HashSet::new() }
    }

    /// Those with this mark, which an earlier life of the daemon gave, wherever they are by now.
    pub(crate) fn anywhere(mark: &str) -> Self {
        let (sessions, seen) = (HashSet::new(), HashSet::new());
        Self { mark: marked(mark), place: Place::Anywhere, sessions, seen }
    }

    /// Kills them all and collects those that have ended; gives those that were alive until now.
    pub(crate) fn kill(&mut self) -> Vec<i32> {
        let mut left = Vec::new();
        signal_all(Signal::KILL, || {
            let found = self.find(&processes());
            left.extend(&found);
            found
        });
        self.collect();
        left.sort_unstable();
        left.dedup();
        left
    }

    fn find(&mut self, processes: &[Stat]) -> Vec<i32> {
        let own = getpid().as_raw_pid();
        // Not by getsid(2): a session that began outside of our PID namespace is 0, which is no Pid.
        let own_session = processes.iter().find(|stat| stat.pid == own).map(|stat| stat.session);
        let place = self.place;
        // What is in our own session was started by us and by no guard.
        let candidates = || {
            let is_there = move |stat: &&Stat| match place {
                Place::BelowUs => stat.parent == own && Some(stat.session) != own_session,
                Place::Anywhere => Some(stat.session) != own_session,
            };
            processes.iter().filter(is_there)
        };
        let marked = candidates().filter(|stat| has_mark(stat.pid, &self.mark));
        self.sessions.extend(marked.map(|stat| stat.session));
        let roots: Vec<i32> =
            candidates().filter(|stat| self.sessions.contains(&stat.session)).map(|stat| stat.pid).collect();
        let all: HashSet<i32> =
            roots.iter().flat_map(|root| below(*root, processes)).chain(roots.iter().copied()).collect();
        self.seen.extend(&all);
        let of_all = processes.iter().filter(|stat| all.contains(&stat.pid));
        of_all.filter(|stat| !stat.is_zombie).map(|stat| stat.pid).collect()
    }

    /// Nobody else collects them: the runtime waits only for the guards that it started.
    fn collect(&mut self) {
        self.seen.retain(|pid| match Pid::from_raw(*pid) {
            Some(pid) => !matches!(waitpid(Some(pid), WaitOptions::NOHANG), Ok(Some(_))),
            None => false,
        });
    }
}

/// The mark as it stands in an environment.
fn marked(mark: &str) -> String {
    format!("{MARK_VARIABLE}={mark}")
}

/// Whether the process was given the mark. One that has just ended, or is another user's, shows none.
fn has_mark(pid: i32, mark: &str) -> bool {
    fs::read(format!("/proc/{pid}/environ"))
        .is_ok_and(|environment| environment.split(|byte| *byte == 0).any(|word| word == mark.as_bytes()))
}
