//! The step between `accordion up` and a daemon of its: the new process ties its life to that of
//! `up`, then becomes the daemon.
//!
//! Only the process itself can ask the kernel for that, and only `up` wants it, so it is neither in
//! the daemons nor in how they are started elsewhere.

use std::env;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

/// The hidden command that is this step.
pub(super) const COMMAND: &str = "tethered";

/// What `up` tells the step.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Process id of `accordion up`
    #[arg(value_name = "PID")]
    to: i32,

    /// What the daemon is told
    #[arg(last = true, required = true)]
    arguments: Vec<OsString>,
}

/// Returns only when it could not become the daemon.
pub(crate) fn main(args: &Args) -> ExitCode {
    let error = become_daemon(args);
    eprintln!("cannot become the daemon: {error}");
    ExitCode::FAILURE
}

fn become_daemon(args: &Args) -> io::Error {
    // SIGKILL, because only an `up` that was killed leaves its daemons behind, and then there is
    // nobody to bring them down in order. Their guards end the services as the daemons' pipes close.
    if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
        return error.into();
    }
    if getppid() != Pid::from_raw(args.to) {
        return io::Error::other("`accordion up` is gone");
    }
    match env::current_exe() {
        // systemd, should it have started `up`, is not to take a daemon's word for that of `up`.
        Ok(program) => Command::new(program).args(&args.arguments).env_remove("NOTIFY_SOCKET").exec(),
        Err(error) => error,
    }
}
