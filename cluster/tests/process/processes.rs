//! What a test sees of real processes.
#![allow(dead_code, unreachable_pub)] // each test program uses a part of it

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// For a condition: the five seconds that design section 7 promises.
const DEADLINE: Duration = Duration::from_secs(5);

/// The program that can be the guard; a test program cannot, as its `main` is not ours. Cargo
/// builds it with the tests.
pub fn guarded() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.ancestors().nth(2).unwrap().join("examples/guarded");
    assert!(program.exists(), "{} is missing: cargo build -p cluster --examples", program.display());
    program
}

/// The process and all below it, in the order of their numbers.
pub fn tree(root: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, stat(pid)?.1)))
        .collect();
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| pid));
        next += 1;
    }
    found.sort_unstable();
    found
}

/// Whether it runs; a process that ended and was not collected yet does not.
pub fn is_running(pid: u32) -> bool {
    stat(pid).is_some_and(|(state, _)| state != 'Z')
}

/// Its parent, while it is there or was not collected yet.
pub fn parent(pid: u32) -> Option<u32> {
    stat(pid).map(|(_, parent)| parent)
}

/// Waits until it is so, for five seconds at most.
pub async fn settle(what: &str, condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < DEADLINE, "within 5 s: {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// Its session, 0 for one that began outside of our PID namespace: getsid(2) gives that as well, which
/// is no `Pid`.
pub fn session(pid: u32) -> u32 {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields = text.rsplit_once(')').unwrap().1;
    fields.split_whitespace().nth(3).unwrap().parse().unwrap()
}

/// State and parent.
fn stat(pid: u32) -> Option<(char, u32)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}
