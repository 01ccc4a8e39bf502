//! `accordion bench paper`, as far as it goes in seconds: the rack, the daemons on it, the figures that are kept, and
//! that nothing is left whatever ends it. Says so and returns where there can be no rack.
#![allow(clippy::unwrap_used)] // in a test an unwrap is the assertion

#[path = "program/running.rs"]
#[expect(dead_code, reason = "what a program says is looked at by other tests")]
mod running;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use rustix::process::Signal;

use running::{Running, until};

fn bench(name: &str, out: &Path) -> Command {
    let mut bench = Command::new(env!("CARGO_BIN_EXE_accordion"));
    bench.args(["bench", "paper", "--quick", "--only", "phases", "--name", name, "--out"]).arg(out);
    bench
}

/// Its namespaces, its files and its groups.
fn left_of(name: &str) -> Vec<String> {
    let listed = |directory: &str| -> Vec<String> {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    };
    let mut all = listed("/run/netns");
    all.extend(listed("/run/accordion-rack").into_iter().filter(|file| !file.ends_with(".lock")));
    all.retain(|one| one.contains(name));
    let groups = ["/sys/fs/cgroup", "/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"];
    let groups = groups.map(|root| Path::new(root).join("accordion-rack").join(name));
    all.extend(groups.iter().filter(|group| group.exists()).map(|group| group.display().to_string()));
    all
}

/// `None`, and why, where there can be none.
fn measured(output: &Output) -> Option<String> {
    let said = String::from_utf8_lossy(&output.stderr);
    let cannot =
        ["cannot be shaped", "no cgroup hierarchy", "Operation not permitted", "Read-only file system"];
    if output.status.code() == Some(69) || cannot.iter().any(|words| said.contains(words)) {
        eprintln!("skipped, as there can be no rack here: {said}");
        return None;
    }
    assert_eq!(output.status.code(), Some(0), "{said}");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn a_part_of_it_is_measured_and_kept_and_nothing_stays_behind() {
    let name = format!("t{}", std::process::id());
    let out = tempfile::tempdir().unwrap();
    let Some(said) = measured(&bench(&name, out.path()).output().unwrap()) else { return };
    assert!(said.contains("kept in"), "{said}");
    let report = fs::read_to_string(out.path().join("paper.md")).unwrap();
    assert!(report.contains("task-processor"), "{report}");
    for file in ["report.html", "figure-13.svg", "figure-13.png", "conf/phases.toml"] {
        assert!(out.path().join(file).exists(), "{file}");
    }
    // What was not measured is not told.
    assert!(!out.path().join("paper.csv").exists());
    assert_eq!(left_of(&name), Vec::<String>::new());

    // And the same when it is interrupted while everybody runs.
    let mut running = Running::spawn(&mut bench(&name, out.path()));
    until("the nodes are there", || left_of(&name).iter().any(|one| one.ends_with(".c3")).then_some(()));
    until("the daemons run", || {
        let pids = Command::new("ip")
            .args(["netns", "pids", &format!("accordion-rack.{name}.c3")])
            .output()
            .unwrap();
        (!pids.stdout.is_empty()).then_some(())
    });
    running.signal(Signal::INT);
    assert_eq!(running.ended().code(), Some(130));
    assert_eq!(left_of(&name), Vec::<String>::new());
}

#[test]
fn who_is_not_root_or_lacks_the_tools_is_told_in_one_sentence() {
    let out = std::env::temp_dir().join(format!("bench-paper-out-{}", std::process::id()));
    let output = bench("t", &out).env("PATH", "/nonexistent").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(69), "{said}");
    assert!(said.contains("takes root") || said.contains("not found: "), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(!out.exists());
}
