//! The guard of a service: a process of its own between a daemon and the service, which ends all
//! that the service ever started once the daemon is gone, however that happened.
//!
//! It is the running program itself, started with a marker as its first argument: by the daemon, or, where that
//! is a unit of systemd with a `starter`, by systemd and as the service's own user. The daemon's side of it is
//! `process`; what the two say to each other is in `wire`.

mod orders;
mod orphans;
mod service;
mod tree;
mod watch;
pub(crate) mod wire;

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::OnceLock;

use rustix::io::Errno;
use rustix::process::{Signal, getpid, set_child_subreaper, setsid};

use crate::daemon::{restore_soft_limit, soft_limit_before};
use crate::starter::door;
use crate::sys;

pub(crate) use orphans::Orphans;
pub(crate) use tree::signal_below;

/// The first argument of a program that is to be a guard. The service's name follows, for those
/// who read `ps`, then the service's command.
const MARKER: &str = "guard--";

/// The soft limit of open files that the service is to have: the daemon raised its own.
pub(crate) const FILE_LIMIT_VARIABLE: &str = "ACCORDION_SERVICE_NOFILE";

/// A word of its own for each guard, which every process below it inherits: so what a killed guard
/// left behind is known from what else there is.
pub(crate) const MARK_VARIABLE: &str = "ACCORDION_GUARD";

/// The number of an open file that the guard inherits and keeps until it ends, without looking at it: a
/// lock goes with it.
pub(crate) const LOCK_VARIABLE: &str = "ACCORDION_GUARD_LOCK";

/// What `ps` calls a guard; at most 15 bytes.
pub(crate) const PROCESS_NAME: &str = "accordion-guard";

/// What ends a daemon must not end its guard, which has yet to end the service.
const IGNORED: [Signal; 4] = [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT];

/// The program that is started as a guard; not set: the running one.
static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Becomes the guard, and never returns, when the program was started as one. Every program is
/// freed here of a SIGCHLD that whoever started it ignored: that is inherited, and then neither a
/// guard nor a daemon would hear of a child's end.
///
/// It MUST be the first call in `main`: the guard is a process without threads, without a runtime
/// and without open files of its own.
pub fn enter_if_asked() {
    sys::hear_of_children();
    let mut arguments = env::args_os().skip(1);
    if arguments.next().is_none_or(|first| first != MARKER) {
        return;
    }
    let command: Vec<OsString> = arguments.skip(1).collect();
    let status = match enter(&command) {
        Ok(()) => 0,
        Err(error) => {
            tree::signal_below(getpid(), Signal::KILL);
            // Last, for it may fail: whoever read it may be gone.
            let _ = writeln!(io::stderr(), "the guard failed: {error}");
            1
        }
    };
    process::exit(status)
}

/// Guards are started from `program`, which also is what `{accordion}` in a command stands for,
/// and not from the running program. For test programs, whose `main` is not ours and cannot call
/// `enter_if_asked`; the first call in a process wins.
pub fn use_program(program: PathBuf) {
    let _ = PROGRAM.set(program);
}

/// The path of the program that is also the guard.
///
/// # Errors
/// The system does not say which program is running.
pub(crate) fn program() -> io::Result<PathBuf> {
    match PROGRAM.get() {
        Some(program) => Ok(program.clone()),
        None => env::current_exe().map(where_it_was),
    }
}

/// An upgrade replaces the file of the running program, and the system names it with a mark then:
/// the path without the mark is where its successor is.
fn where_it_was(program: PathBuf) -> PathBuf {
    const MARK: &[u8] = b" (deleted)";
    match program.as_os_str().as_bytes().strip_suffix(MARK) {
        Some(path) if !program.exists() => PathBuf::from(OsStr::from_bytes(path)),
        Some(_) | None => program,
    }
}

/// The command that starts a guard over `command`, the service's. Its stdin, stdout and stderr
/// must be pipes: see `wire`. `lock` is open in the guard until it ends, and in no other program.
pub(crate) fn command(service: &str, command: &[String], lock: Option<File>) -> Command {
    // This name leads to the running program even after its file was replaced.
    let program = PROGRAM.get().cloned().unwrap_or_else(|| PathBuf::from("/proc/self/exe"));
    let mut guard = Command::new(program);
    guard.arg0(PROCESS_NAME).args(arguments(service)).args(command);
    if let Some(limit) = soft_limit_before() {
        guard.env(FILE_LIMIT_VARIABLE, limit.to_string());
    }
    if let Some(lock) = lock {
        guard.env(LOCK_VARIABLE, lock.as_raw_fd().to_string());
        sys::leave_open(&mut guard, lock);
    }
    guard
}

/// What makes the program a guard over that service, before the service's command.
pub(crate) fn arguments(service: &str) -> Vec<String> {
    vec![MARKER.to_owned(), service.to_owned()]
}

fn enter(command: &[OsString]) -> io::Result<()> {
    sys::close_inherited_files(env::var(LOCK_VARIABLE).ok().and_then(|number| number.parse().ok()));
    if let Some(path) = env::var_os(door::VARIABLE) {
        door::come_for_files(Path::new(&path))?;
    }
    sys::ignore_signals(&IGNORED);
    if let Some(limit) = env::var(FILE_LIMIT_VARIABLE).ok().and_then(|limit| limit.parse().ok()) {
        restore_soft_limit(limit);
    }
    // The terminal's Ctrl-C is for the daemon. What systemd starts leads a session already, and is refused another.
    // Nobody asks which one it is in: where that began outside of this PID namespace, it has no number here.
    if let Err(error) = setsid()
        && error != Errno::PERM
    {
        return Err(error.into());
    }
    set_child_subreaper(Some(getpid()))?;
    // Only what `ps` shows; where it cannot be said nothing is lost.
    let _ = std::fs::write("/proc/self/comm", PROCESS_NAME);
    match watch::Watch::begin(command)? {
        Some(watch) => watch.run(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_replaced_program_is_where_its_successor_is() {
        let gone = PathBuf::from("/nonexistent/accordion (deleted)");
        assert_eq!(where_it_was(gone), PathBuf::from("/nonexistent/accordion"));
        let here = env::current_exe().unwrap();
        assert_eq!(where_it_was(here.clone()), here);
    }
}
