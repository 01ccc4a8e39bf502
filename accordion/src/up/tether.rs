//! The step between `accordion up` and a daemon of its: the new process ties its life to that of
//! `up`, then becomes the daemon.
//!
//! Only the process itself can ask the kernel for that, and only `up` wants it, so it is neither in
//! the daemons nor in how they are started elsewhere.

use std::env;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{self, Command, ExitCode};

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

use crate::rack::{self, Place};

/// The hidden command that is this step.
const COMMAND: &str = "tethered";

/// What a process of this program is told that is to be a daemon in that place, before what the daemon is told.
pub(crate) fn arguments(place: Option<&Place>) -> Vec<OsString> {
    let mut words = vec![COMMAND.to_owned()];
    if let Some(Place { rack, machine, .. }) = place {
        words.extend(["--rack".to_owned(), rack.clone(), "--machine".to_owned(), machine.clone()]);
    }
    words.extend([process::id().to_string(), "--".to_owned()]);
    words.into_iter().map(OsString::from).collect()
}

/// What `up` tells the step.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The rack that the daemon's machine is of
    #[arg(long, requires = "machine")]
    rack: Option<String>,

    /// The machine that the daemon is on
    #[arg(long, requires = "rack")]
    machine: Option<String>,

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
    if let (Some(rack), Some(machine)) = (&args.rack, &args.machine)
        && let Err(error) = rack::enter(&Place::of(rack, machine))
    {
        return error;
    }
    match env::current_exe() {
        // systemd, should it have started `up`, is not to take a daemon's word for that of `up`.
        Ok(program) => Command::new(program).args(&args.arguments).env_remove("NOTIFY_SOCKET").exec(),
        Err(error) => error,
    }
}
