//! `accordion check` and the command line: what is said, and the exit status.
#![allow(clippy::unwrap_used)] // in a test an unwrap is the assertion

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use cluster::config::sample;

#[test]
fn a_good_file_is_one_line_and_status_0() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("cluster.toml"), sample(2, "")).unwrap();
    for arguments in [&["check"][..], &["check", "cluster.toml"]] {
        let output = accordion(place.path(), arguments);
        assert_eq!(text(&output.stdout), "cluster.toml: good: 2 nodes, 1 service\n");
        assert_eq!(text(&output.stderr), "");
        assert_eq!(output.status.code(), Some(0));
    }
}

#[test]
fn every_fault_is_told_with_its_place_and_status_78() {
    let place = tempfile::tempdir().unwrap();
    let bad = sample(2, "").replace("front_end", "frontend").replace("capacity = 8", "capacity = 0");
    fs::write(place.path().join("bad.toml"), bad).unwrap();
    let output = accordion(place.path(), &["check", "bad.toml"]);
    let faults = text(&output.stderr);
    assert!(faults.lines().any(|line| line.starts_with("bad.toml:10:1: ")), "{faults}");
    assert!(faults.lines().any(|line| line.starts_with("bad.toml:13:12: ")), "{faults}");
    assert_eq!(text(&output.stdout), "");
    assert_eq!(output.status.code(), Some(78));
}

#[test]
fn as_json_a_good_file_and_its_faults_are_data() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("good.toml"), sample(2, "")).unwrap();
    fs::write(place.path().join("bad.toml"), sample(2, "").replace("capacity = 8", "capacity = 0")).unwrap();
    let checked = |name| {
        let output = accordion(place.path(), &["check", name, "--json"]);
        assert_eq!(text(&output.stderr), "");
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        (report, output.status.code().unwrap())
    };
    let (good, status) = checked("good.toml");
    assert_eq!(status, 0);
    let shown = (&good["good"], &good["nodes"], &good["services"], &good["faults"]);
    assert_eq!(shown, (&true.into(), &2.into(), &1.into(), &serde_json::json!([])));
    assert_eq!(good["config_digest"].as_str().unwrap().len(), 16);
    let (bad, status) = checked("bad.toml");
    assert_eq!(status, 78);
    let fault = &bad["faults"][0];
    assert_eq!((&bad["good"], &fault["line"], &fault["column"]), (&false.into(), &13.into(), &12.into()));
    assert!(fault["text"].as_str().unwrap().contains("capacity"), "{bad}");
    // What is documented is all there is.
    let documented = include_str!("../../docs/json.md");
    for field in good.as_object().unwrap().keys().chain(fault.as_object().unwrap().keys()) {
        assert!(documented.contains(&format!("`{field}`")), "{field} is not in docs/json.md");
    }
}

#[test]
fn a_file_that_is_not_there_is_a_fault_of_the_configuration() {
    let place = tempfile::tempdir().unwrap();
    let output = accordion(place.path(), &["check", "nowhere.toml"]);
    assert!(text(&output.stderr).starts_with("nowhere.toml:1:1: cannot be read"), "{}", text(&output.stderr));
    assert_eq!(output.status.code(), Some(78));
}

#[test]
fn a_wrong_command_line_is_status_2_and_help_names_the_commands() {
    let place = tempfile::tempdir().unwrap();
    assert_eq!(accordion(place.path(), &["chek"]).status.code(), Some(2));
    assert_eq!(accordion(place.path(), &["demo-service"]).status.code(), Some(2));
    let help = accordion(place.path(), &["--help"]);
    assert_eq!(help.status.code(), Some(0));
    for command in
        ["up", "check", "doctor", "demo-service", "service-manager", "load-manager", "task-processor"]
    {
        assert!(text(&help.stdout).contains(&format!("\n  {command} ")), "{command} is not in the help");
    }
    assert!(!text(&help.stdout).contains("tethered"));
    let version = accordion(place.path(), &["--version"]);
    assert_eq!(text(&version.stdout), format!("accordion {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn who_asks_a_cluster_that_does_not_run_leaves_nothing_behind() {
    // Directories of the one who asks would keep the daemons out, which may be another user's.
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("cluster.toml"), sample(1, "")).unwrap();
    for arguments in [&["status"][..], &["why"], &["doctor"]] {
        let output = accordion(place.path(), &[arguments, &["--runtime-dir", "run"]].concat());
        assert_eq!(output.status.code(), Some(1), "{output:?}");
    }
    let left: Vec<_> = fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["cluster.toml"]);
}

#[test]
fn the_file_for_several_machines_in_the_documentation_is_good() {
    let page = include_str!("../../docs/second-machine.md");
    let file = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    // Without certificates, which are told apart.
    let file = file.replace("[tls]\n", "").replace("[cluster]\n", "[cluster]\ninsecure = true\n");
    let cluster = cluster::config::parse("second-machine.md", &file).unwrap();
    assert_eq!((cluster.nodes.len(), cluster.services.len()), (2, 1));
}

fn accordion(place: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_accordion"))
        .args(arguments)
        .current_dir(place)
        .env_remove("ACCORDION_CONFIG")
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap()
}
