//! A guard whose session began outside of its PID namespace, as that of a daemon in a container may have. Says so and
//! returns where there can be no such namespace.
#![allow(clippy::unwrap_used)] // in a test an unwrap is the assertion

#[path = "process/processes.rs"]
mod processes;

use std::process::{Command, Output, Stdio};

/// In namespaces of its own, with the session of this test.
fn inside(words: &[&str]) -> Output {
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]).args(words);
    let mut child =
        unshare.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Its end would be that of the daemon.
    let _stdin = child.stdin.take();
    child.wait_with_output().unwrap()
}

#[test]
fn a_service_runs_where_the_session_has_no_number() {
    if !inside(&["true"]).status.success() {
        eprintln!("skipped, as there can be no such namespace here");
        return;
    }
    let guarded = processes::guarded();
    let output = inside(&[guarded.to_str().unwrap(), "guard--", "shop", "sh", "-c", "exit 7"]);
    let (reports, said) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
    let reports: Vec<&str> = reports.lines().collect();
    let [pid, "exited 7", "gone"] = reports.as_slice() else { panic!("{reports:?}: {said}") };
    assert!(pid.starts_with("pid "), "{pid}");
    assert!(output.status.success(), "{said}");
}
