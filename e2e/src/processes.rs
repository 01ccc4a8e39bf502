//! What runs of a cluster: found in /proc by the words of its command lines, killed and stopped.

use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

/// A running process.
#[derive(Debug, Clone)]
pub struct Process {
    /// Its id.
    pub pid: i32,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// Every process whose command line has an argument that contains `mark`.
pub fn with_mark(mark: &str) -> Vec<Process> {
    let entries = std::fs::read_dir("/proc").expect("/proc is there");
    let numbers = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers
        .filter_map(read)
        .filter(|process| process.arguments.iter().any(|word| word.contains(mark)))
        .collect()
}

/// The daemon of `site` whose arguments contain all of `words`.
pub fn find(mark: &str, words: &[&str]) -> Option<Process> {
    with_mark(mark).into_iter().find(|process| {
        let has = |word: &&str| process.arguments.iter().any(|argument| argument == word);
        words.iter().all(has)
    })
}

/// Sends a signal; a process that is gone already is none to be told.
pub fn signal(pid: i32, signal: Signal) {
    let pid = Pid::from_raw(pid).expect("a pid is above 0");
    kill_process(pid, signal).ok();
}

fn read(pid: i32) -> Option<Process> {
    let folder = format!("/proc/{pid}");
    let line = std::fs::read(Path::new(&folder).join("cmdline")).ok()?;
    let stat = std::fs::read_to_string(Path::new(&folder).join("stat")).ok()?;
    // One that is dead but not yet waited for runs no more.
    let state = stat.rsplit(')').next()?.trim_start().chars().next()?;
    if matches!(state, 'Z' | 'X') {
        return None;
    }
    let arguments = line.split(|&byte| byte == 0).map(|word| String::from_utf8_lossy(word).into_owned());
    Some(Process { pid, arguments: arguments.filter(|word| !word.is_empty()).collect() })
}
