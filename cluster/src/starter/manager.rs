//! The calls of systemd, by its own commands.

use std::process::{Command, Output, Stdio};

use super::unit::JOB_MODE;

/// Whom to ask to start a unit, and what it is called.
const START: [&str; 5] = [
    "call",
    "org.freedesktop.systemd1",
    "/org/freedesktop/systemd1",
    "org.freedesktop.systemd1.Manager",
    "StartTransientUnit",
];

/// What systemctl(1) ends with where there is no such unit.
const NOT_LOADED: i32 = 5;

/// Has the unit started that these arguments describe; that it runs is seen elsewhere.
pub(super) fn start(arguments: &[String]) -> Result<(), String> {
    // Behind the dashes nothing is an option, whatever the command of a service looks like.
    let mut busctl = Command::new("busctl");
    busctl.arg("--quiet").arg("--").args(START).args(arguments);
    let output = run(&mut busctl)?;
    if output.status.success() { Ok(()) } else { Err(said("systemd refused the unit", &output)) }
}

/// Ends the unit, with what is left to it of the grace that it has (`unit::STOP_TIMEOUT_MICROS`), and returns when
/// none of its processes is left. One that is not there has ended.
pub(super) fn stop(unit: &str) -> Result<(), String> {
    let mode = format!("--job-mode={JOB_MODE}");
    let output = run(Command::new("systemctl").args(["stop", &mode, "--", unit]))?;
    if output.status.success() || output.status.code() == Some(NOT_LOADED) {
        return Ok(());
    }
    Err(said(&format!("{unit} could not be ended"), &output))
}

fn run(command: &mut Command) -> Result<Output, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).output().map_err(|error| format!("{program} cannot be run: {error}"))
}

fn said(what: &str, output: &Output) -> String {
    let words = String::from_utf8_lossy(&output.stderr);
    format!("{what}: {}", words.trim())
}
