//! All processes below one, as /proc shows them, and signals to all of them. Those whose guard is
//! gone are found in `orphans`.
//!
//! A guard is the subreaper of its tree, so a process whose parent is gone hangs below the guard
//! itself, and every process of the service has a chain of parents that leads there.

use std::collections::{HashMap, HashSet};
use std::fs;

use rustix::process::{Pid, Signal, kill_process};

/// Scans in a row that may each find new processes. A tree that still grows after that is taken
/// up again by the guard's next round.
const SCANS_MAX: usize = 100;

/// What /proc/PID/stat says of one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) pid: i32,
    pub(super) parent: i32,
    pub(super) session: i32,
    /// It has ended and was not collected yet.
    pub(super) is_zombie: bool,
}

/// Sends the signal, once each, to every process below `root`, also to those that are started
/// while it does so.
pub(crate) fn signal_below(root: Pid, signal: Signal) {
    signal_all(signal, || below(root.as_raw_pid(), &processes()));
}

/// The same for every process that is found, until no new one is.
pub(super) fn signal_all(signal: Signal, mut find: impl FnMut() -> Vec<i32>) {
    let mut signalled = HashSet::new();
    for _ in 0..SCANS_MAX {
        let fresh: Vec<i32> = find().into_iter().filter(|pid| signalled.insert(*pid)).collect();
        if fresh.is_empty() {
            break;
        }
        for pid in fresh.into_iter().filter_map(Pid::from_raw) {
            // The only likely error says that it has just ended.
            let _ = kill_process(pid, signal);
        }
    }
}

/// Every process whose chain of parents leads to `root`.
pub(super) fn below(root: i32, processes: &[Stat]) -> Vec<i32> {
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for stat in processes {
        children.entry(stat.parent).or_default().push(stat.pid);
    }
    let mut found = Vec::new();
    let mut parents = vec![root];
    while let Some(parent) = parents.pop() {
        // Removed, so that a scan which saw a number twice cannot lead in a circle.
        let next = children.remove(&parent).unwrap_or_default();
        parents.extend(&next);
        found.extend(next);
    }
    found
}

/// Every process there is; one that ends meanwhile is left out.
pub(super) fn processes() -> Vec<Stat> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| {
            let pid: i32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            parse(pid, &fs::read(format!("/proc/{pid}/stat")).ok()?)
        })
        .collect()
}

/// The fields of proc_pid_stat(5): number, name in parentheses, state, parent, group, session. The
/// name may hold anything, parentheses as well.
fn parse(pid: i32, stat: &[u8]) -> Option<Stat> {
    let name_end = stat.iter().rposition(|&byte| byte == b')')?;
    let rest = str::from_utf8(&stat[name_end + 1..]).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let is_zombie = matches!(fields.next()?, "Z" | "X");
    let parent = fields.next()?.parse().ok()?;
    let session = fields.nth(1)?.parse().ok()?;
    Some(Stat { pid, parent, session, is_zombie })
}

#[cfg(test)]
mod tests {
    use super::{Stat, below, parse, processes};

    #[test]
    fn a_name_with_parentheses_and_spaces_does_not_mislead() {
        let stat = parse(42, b"42 (a) S 1 (b) S 7 40 39 0 -1 4194560 100").unwrap();
        assert_eq!(stat, Stat { pid: 42, parent: 7, session: 39, is_zombie: false });
        assert!(parse(42, b"42 (a) Z 7 40 39 0").unwrap().is_zombie);
        assert_eq!(parse(42, b"42 (a"), None);
    }

    #[test]
    fn children_and_their_children_are_below_and_others_are_not() {
        let stat = |pid, parent| Stat { pid, parent, session: 0, is_zombie: false };
        let mut found =
            below(10, &[stat(10, 1), stat(11, 10), stat(12, 11), stat(13, 10), stat(20, 1), stat(21, 20)]);
        found.sort_unstable();
        assert_eq!(found, [11, 12, 13]);
    }

    #[test]
    fn this_process_is_found() {
        let own = i32::try_from(std::process::id()).unwrap();
        assert!(processes().iter().any(|stat| stat.pid == own));
    }
}
