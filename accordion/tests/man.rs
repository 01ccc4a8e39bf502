//! The manual pages and the completions, as a package gets them.
#![allow(clippy::unwrap_used)] // in a test an unwrap is the assertion

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

#[test]
fn there_is_a_page_for_every_command_each_daemon_and_the_file() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("man");
    let output = accordion(&["man", directory.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    let names: BTreeSet<String> = fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let commands = [
        "accordion",
        "accordion-up",
        "accordion-check",
        "accordion-reload",
        "accordion-status",
        "accordion-why",
        "accordion-what-if",
        "accordion-calibrate",
        "accordion-drain",
        "accordion-undrain",
        "accordion-upgrade",
        "accordion-rack",
        "accordion-rack-up",
        "accordion-rack-exec",
        "accordion-rack-down",
        "accordion-ca",
        "accordion-ca-init",
        "accordion-ca-issue",
        "accordion-ca-issue-node",
        "accordion-ca-issue-front-end",
        "accordion-ca-issue-operator",
        "accordion-doctor",
        "accordion-bench",
        "accordion-bench-paper",
        "accordion-bench-proxy",
        "accordion-demo-service",
        "accordion-completions",
    ];
    let pages = commands.iter().map(|name| format!("{name}.1"));
    let daemons = ["service-manager", "load-manager", "task-processor"].map(|name| format!("{name}.8"));
    let expected: BTreeSet<String> = pages.chain(daemons).chain(["cluster.toml.5".to_owned()]).collect();
    assert_eq!(names, expected);
    let told = |page: &str| fs::read_to_string(directory.join(page)).unwrap();
    // A reference in a page leads somewhere.
    let main = told("accordion.1");
    let is_below = |name: &str| ["-bench-", "-ca-", "-rack-"].iter().any(|of| name.contains(of));
    for page in names.iter().filter(|name| name.starts_with("accordion-") && !is_below(name)) {
        let name = page.strip_suffix(".1").unwrap().replace('-', "\\-");
        assert!(main.contains(&format!("{name}(1)")), "accordion(1) does not name {page}");
    }
    assert!(told("service-manager.8").contains("\\-\\-runtime\\-dir"));
    for page in &names {
        render(&directory.join(page));
    }
}

#[test]
fn completions_for_a_shell_name_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let output = accordion(&["completions", shell]);
        let script = str::from_utf8(&output.stdout).unwrap();
        assert!(output.status.success() && script.contains("what-if"), "{shell}");
    }
    assert_eq!(accordion(&["completions", "tcsh"]).status.code(), Some(2));
}

/// Where man is installed, it has nothing to complain of.
fn render(page: &Path) {
    let man = Command::new("man")
        .args(["--warnings", "-l", "-E", "utf8"])
        .arg(page)
        .env("MANWIDTH", "100")
        .output();
    let Ok(output) = man else {
        eprintln!("man is not installed: {} was not rendered", page.display());
        return;
    };
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaints.is_empty(), "{}: {complaints}", page.display());
}

fn accordion(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_accordion")).args(arguments).output().unwrap()
}
