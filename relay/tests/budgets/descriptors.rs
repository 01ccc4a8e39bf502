//! Room for a connection to each of many upstreams: most shells leave a process 1,024 descriptors, of the
//! many more that the system would allow.

use std::fs;
use std::process::{self, Command};

/// What everybody else has, more than enough.
const OTHERS: usize = 512;

/// Raises this process's limit, and so that of its children, where there is no room for both ends of so many
/// connections.
pub(crate) fn make_room_for(connections: usize) {
    let wanted = 2 * connections + OTHERS;
    let limits = fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let soft = line.split_whitespace().next().unwrap();
    if soft == "unlimited" || soft.parse::<usize>().unwrap() >= wanted {
        return;
    }
    let raised = Command::new("prlimit")
        .arg(format!("--pid={}", process::id()))
        .arg(format!("--nofile={wanted}:"))
        .output()
        .expect("prlimit is missing: apt-get install util-linux");
    let words = String::from_utf8_lossy(&raised.stderr);
    assert!(
        raised.status.success(),
        "{wanted} descriptors are needed, and `ulimit -Hn` allows less: {words}"
    );
}
