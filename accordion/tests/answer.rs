//! What commands do where their stdout is a full disk, or a reader that has gone away.
#![allow(clippy::unwrap_used)] // in a test an unwrap is the assertion

use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use cluster::config::sample;

/// Those that need no daemon.
const COMMANDS: [&[&str]; 7] = [
    &["check"],
    &["check", "--json"],
    &["what-if", "--load", "step", "--json"],
    &["completions", "bash"],
    &["doctor"],
    &["doctor", "--json"],
    &["ca", "init"],
];

fn place() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("cluster.toml"), sample(2, "")).unwrap();
    place
}

fn output(place: &Path, arguments: &[&str], stdout: impl Into<Stdio>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_accordion"));
    command.args(arguments).current_dir(place).env_remove("ACCORDION_CONFIG");
    command.stdout(stdout).output().unwrap()
}

fn said(output: &Output) -> &str {
    str::from_utf8(&output.stderr).unwrap()
}

#[test]
fn a_full_disk_is_told_and_no_success() {
    for arguments in COMMANDS {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = output(place().path(), arguments, full);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", said(&output));
        assert!(
            said(&output).contains("accordion: cannot write to stdout: No space left on device"),
            "{arguments:?}: {}",
            said(&output)
        );
    }
}

#[test]
fn a_reader_that_has_gone_away_is_no_fault() {
    for arguments in COMMANDS {
        let (gone, stdout) = UnixStream::pair().unwrap();
        drop(gone);
        let output = output(place().path(), arguments, OwnedFd::from(stdout));
        // The doctor has something to find here.
        if arguments[0] != "doctor" {
            assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        }
        assert!(!said(&output).contains("stdout"), "{arguments:?}: {}", said(&output));
    }
}
