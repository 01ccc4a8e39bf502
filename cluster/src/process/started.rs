//! The start of a guard over a copy of a service: as a unit of its own where there is a starter, and else as our child.
//! What becomes of it is in `guarded`.

use std::net::SocketAddr;
use std::path::Path;

use rustix::process::{getpid, set_child_subreaper};
use tokio::process::Command;

use super::holder::Holder;
use super::note::Note;
use super::pipes::Pipes;
use super::unit::{self, Unit};
use super::{Spec, StartFault};
use crate::guard;
use crate::starter::mark::Mark;
use crate::starter::wire::Start;

/// A guard that was just started.
pub(super) struct Started {
    pub(super) holder: Holder,
    /// The guard.
    pub(super) pid: u32,
    pub(super) pipes: Pipes,
}

impl Started {
    /// Starts one over the service at that address. A guard that is our child keeps the lock of the note.
    pub(super) async fn new(
        spec: &Spec,
        address: SocketAddr,
        mark: Mark,
        note: Option<&Note>,
    ) -> Result<Self, StartFault> {
        match unit::starter() {
            Some(starter) => start_unit(starter, spec, address, mark).await,
            None => start_child(spec, address, mark, note),
        }
    }
}

/// A guard as a unit of its own.
async fn start_unit(
    starter: &Path,
    spec: &Spec,
    address: SocketAddr,
    mark: Mark,
) -> Result<Started, StartFault> {
    let failed = |fault| StartFault::Starter { service: spec.service.clone(), fault };
    let (pipes, files) = Pipes::new().map_err(|error| failed(format!("no pipes to its guard: {error}")))?;
    let start = Start { service: spec.service.clone(), mark, address };
    let (unit, pid) = Unit::start(starter, start, files).await.map_err(failed)?;
    Ok(Started { holder: Holder::Systemd(unit), pid, pipes })
}

/// A guard that is our child.
fn start_child(
    spec: &Spec,
    address: SocketAddr,
    mark: Mark,
    note: Option<&Note>,
) -> Result<Started, StartFault> {
    let start = || {
        // What a killed guard leaves behind becomes ours, so that it is found and collected.
        set_child_subreaper(Some(getpid()))?;
        let lock = note.map(|note| note.lock().try_clone()).transpose()?;
        let (pipes, [stdin, stdout, stderr]) = Pipes::new()?;
        let command = spec.command_for(address)?;
        let mut command = Command::from(guard::command(&spec.service, &command, lock));
        command.env(guard::MARK_VARIABLE, mark.to_string());
        let guard = command.stdin(stdin).stdout(stdout).stderr(stderr).spawn()?;
        let pid = guard.id().expect("a process that nobody has waited for has its number");
        Ok(Started { holder: Holder::Us(guard), pid, pipes })
    };
    start().map_err(|error| StartFault::Guard { service: spec.service.clone(), error })
}
