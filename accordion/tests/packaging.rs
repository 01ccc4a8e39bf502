//! What `packaging` gives to systemd: that systemd understands it and what it exposes. Nothing is started.
#![allow(clippy::unwrap_used)] // in a test an unwrap is the assertion

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cluster::daemon::{EXIT_CONFIG, EXIT_FENCED};
use tempfile::TempDir;

/// The most that `systemd-analyze security` may say of a unit, in tenths; a unit that does nothing has 96.
const EXPOSURE_MAX: &str = "25";

const SERVICES: [&str; 3] = ["service-manager@.service", "load-manager@.service", "task-processor.service"];
const TARGET: &str = "accordion.target";

#[test]
fn systemd_finds_nothing_to_complain_of_in_the_units() {
    let (_place, units) = units();
    let Some(output) = analyze(&["verify", "--man=no"], &units) else { return };
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    // It also looks at the machine's own units on which these depend.
    let is_ours = |line: &&str| units.iter().any(|unit| line.contains(stem(unit)));
    let complaints: Vec<&str> = said.lines().filter(is_ours).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
fn no_daemon_is_exposed_more_than_it_must_be() {
    let (_place, units) = units();
    for service in units.iter().filter(|unit| !unit.ends_with(TARGET)) {
        let threshold = format!("--threshold={EXPOSURE_MAX}");
        let arguments = ["security", "--offline=true", "--no-pager", &threshold];
        let Some(output) = analyze(&arguments, std::slice::from_ref(service)) else { return };
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{}{}", said, String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn what_no_restart_mends_is_not_started_again() {
    for service in SERVICES {
        let unit = fs::read_to_string(packaging().join("systemd").join(service)).unwrap();
        let line = format!("\nRestartPreventExitStatus=2 {EXIT_FENCED} {EXIT_CONFIG}\n");
        assert!(unit.contains(&line), "{service}");
    }
}

#[test]
fn systemctl_reload_asks_the_daemon_and_fails_when_that_does_not_take_the_file() {
    for service in SERVICES {
        let unit = fs::read_to_string(packaging().join("systemd").join(service)).unwrap();
        let reloads: Vec<&str> = unit.lines().filter(|line| line.starts_with("ExecReload=")).collect();
        let line = "ExecReload=/usr/bin/accordion reload --wait --config /etc/accordion/cluster.toml %N";
        assert_eq!(reloads, [line], "{service}");
    }
    // Nobody answers here, which is no success.
    let place = tempfile::tempdir().unwrap();
    let (run, file) = (place.path().join("run"), packaging().join("cluster.toml"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_accordion"));
    command.args(["reload", "--wait", "service-manager@demo", "--config"]).arg(file);
    let output = command.arg("--runtime-dir").arg(run).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

#[test]
fn the_configuration_of_the_package_is_good() {
    let file = packaging().join("cluster.toml");
    let output = Command::new(env!("CARGO_BIN_EXE_accordion")).arg("check").arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The units with a program that is there: the daemons' own are where the package puts them.
fn units() -> (TempDir, Vec<PathBuf>) {
    let place = tempfile::tempdir().unwrap();
    let unit = |name: &&str| {
        let text = fs::read_to_string(packaging().join("systemd").join(name)).unwrap();
        let program = format!("ExecStart={} ", env!("CARGO_BIN_EXE_accordion"));
        let daemon = name.split(['@', '.']).next().unwrap();
        let text = text.replace(&format!("ExecStart=/usr/lib/accordion/{daemon} "), &program);
        let text = text.replace("/usr/bin/accordion ", &format!("{} ", env!("CARGO_BIN_EXE_accordion")));
        let path = place.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let units = SERVICES.iter().chain([&TARGET]).map(unit).collect();
    (place, units)
}

fn stem(unit: &Path) -> &str {
    unit.file_name().unwrap().to_str().unwrap().split(['@', '.']).next().unwrap()
}

fn analyze(arguments: &[&str], units: &[PathBuf]) -> Option<Output> {
    let output = Command::new("systemd-analyze").args(arguments).args(units).output().ok();
    if output.is_none() {
        eprintln!("systemd-analyze is not installed: {} was not asked for", arguments[0]);
    }
    output
}

fn packaging() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging")
}
