//! A process on a machine of the rack: in its network and under its share of the CPU.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::cpu;
use super::share::Groups;

/// Where a process goes to be on a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) rack: String,
    pub(crate) machine: String,
    pub(super) namespace: String,
}

impl Place {
    /// Where the machine of that rack is.
    pub(crate) fn of(rack: &str, machine: &str) -> Self {
        let namespace = format!("accordion-rack.{rack}.{machine}");
        Self { rack: rack.to_owned(), machine: machine.to_owned(), namespace }
    }

    /// What this program is told that is to become a command there, before the command.
    pub(crate) fn exec_words(&self) -> [&str; 6] {
        ["rack", "exec", "--name", &self.rack, &self.machine, "--"]
    }
}

/// Moves this thread, and what it starts from now on, to the machine.
///
/// # Errors
/// There is none of that name, or the system refuses.
pub(crate) fn enter(place: &Place) -> io::Result<()> {
    enter_network(place)?;
    let groups = Groups::of(&place.rack).map_err(io::Error::other)?;
    let group = groups.of_machine(&place.machine);
    // The kernel takes 0 for whoever writes.
    if group.is_dir() {
        fs::write(group.join("cgroup.procs"), "0")?;
    }
    cpu::keep_to(place)
}

/// The same without its share of the CPU.
pub(super) fn enter_network(place: &Place) -> io::Result<()> {
    let file = PathBuf::from("/run/netns").join(&place.namespace);
    let namespace = File::open(&file).map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            let Place { machine, rack, .. } = place;
            io::Error::new(ErrorKind::NotFound, format!("no rack called {rack:?} has a machine {machine:?}"))
        }
        _ => error,
    })?;
    Ok(move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?)
}

/// Becomes the command on the machine; returns only when it could not.
pub(super) fn exec(place: &Place, command: &[OsString]) -> io::Error {
    if let Err(error) = enter(place) {
        return error;
    }
    let (program, arguments) = command.split_first().expect("clap takes no command of nothing");
    let error = Command::new(program).args(arguments).exec();
    io::Error::new(error.kind(), format!("cannot run {}: {error}", program.display()))
}
