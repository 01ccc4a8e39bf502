//! How a guard starts the service's main process.

use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd;
use std::process::{Command, Stdio};

use rustix::process::Pid;

use super::{FILE_LIMIT_VARIABLE, LOCK_VARIABLE};
use crate::process::STARTER_VARIABLE;
use crate::starter::door::VARIABLE as FILES_VARIABLE;
use crate::sys;

/// What systemd says to the daemon and what the daemon says to us, and none of it to the service.
const VARIABLES_OF_DAEMON: [&str; 15] = [
    FILE_LIMIT_VARIABLE,
    LOCK_VARIABLE,
    FILES_VARIABLE,
    STARTER_VARIABLE,
    "ACCORDION_PREDECESSOR",
    "CREDENTIALS_DIRECTORY",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "LISTEN_PID",
    "LISTEN_PIDFDID",
    "NOTIFY_SOCKET",
    "RUNTIME_DIRECTORY",
    "STATE_DIRECTORY",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
];

/// Starts `command` in a session of its own, its output going to our stderr. It is killed when we
/// are.
pub(super) fn start(command: &[OsString]) -> io::Result<Pid> {
    let (program, arguments) =
        command.split_first().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
    let output = || io::stderr().as_fd().try_clone_to_owned().map(Stdio::from);
    let mut service = Command::new(program);
    service.args(arguments).stdin(Stdio::null()).stdout(output()?).stderr(output()?);
    for variable in VARIABLES_OF_DAEMON {
        service.env_remove(variable);
    }
    sys::start_in_own_session(&mut service);
    // Dropping the handle neither ends nor waits: `Watch` collects every child by itself.
    let child = service.spawn()?;
    Ok(Pid::from_child(&child))
}
