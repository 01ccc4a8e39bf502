//! `accordion doctor`: each usual fault is provoked with real processes, and found with its remedy.

use std::fs;
use std::net::TcpListener;
use std::process::Output;
use std::time::{Duration, Instant};

use e2e::site::{Plan, Site};
use e2e::wait_for;
use serde_json::Value;

use super::{PROGRAM, STEP};

/// Its probes take 2 s each, two after another at most; the rest is for a busy machine.
const DOCTOR_LIMIT: Duration = Duration::from_secs(20);

fn one_node() -> Plan {
    Plan { nodes: 1, ..Plan::default() }
}

/// What it says, and its exit status.
fn examined(site: &Site) -> (Vec<String>, i32) {
    let began = Instant::now();
    let Output { status, stdout, stderr } = site.run("doctor", &[]);
    assert!(began.elapsed() < DOCTOR_LIMIT, "it took {:?}", began.elapsed());
    assert_eq!(String::from_utf8(stderr).unwrap(), "", "what it finds is data");
    let lines = String::from_utf8(stdout).unwrap().lines().map(str::to_owned).collect();
    (lines, status.code().unwrap())
}

/// The one line that contains `words`.
fn line(lines: &[String], words: &str) -> String {
    let found: Vec<_> = lines.iter().filter(|line| line.contains(words)).collect();
    assert_eq!(found.len(), 1, "{words:?} in {lines:#?}");
    found[0].clone()
}

#[test]
fn a_sound_cluster_has_nothing_to_mend_until_its_file_is_another_one() {
    let mut site = Site::up(PROGRAM, &one_node());
    wait_for("all is well", STEP, || {
        let (lines, status) = examined(&site);
        (status == 0 && lines.iter().all(|line| !line.starts_with("warn"))).then_some(())
    });
    let report: Value = serde_json::from_slice(&site.run("doctor", &["--json"]).stdout).unwrap();
    assert_eq!((&report["warn"], &report["fail"]), (&0.into(), &0.into()), "{report:#}");
    let findings = report["findings"].as_array().unwrap();
    assert_eq!(report["ok"], findings.len());
    assert!(findings.iter().all(|one| one["verdict"] == "ok" && one["remedy"].is_null()), "{report:#}");
    assert!(findings.iter().any(|one| one["what"] == "node c1"), "{report:#}");

    assert!(site.run("drain", &["c1"]).status.success());
    site.rewrite("capacity = 8", "capacity = 9");
    let (lines, status) = examined(&site);
    assert_eq!(status, 0, "nothing fails: {lines:#?}");
    assert!(line(&lines, "an operator drained it").starts_with("warn  node c1: "));
    for daemon in
        ["service demo: its service-manager", "service demo: its load-manager", "node c1: its task-processor"]
    {
        let found = line(&lines, &format!("{daemon} has read another cluster.toml"));
        assert!(found.starts_with("warn") && found.contains("SIGHUP"), "{found}");
    }
    let told = String::from_utf8(site.run("status", &[]).stdout).unwrap();
    assert!(told.contains("the load-manager of demo has read another cluster.toml than this one"), "{told}");
    // Once they have read it, they have the same.
    site.hang_up();
    wait_for("all have read it", STEP, || {
        examined(&site).0.iter().all(|line| !line.contains("another cluster.toml")).then_some(())
    });
    assert!(site.down().success());
}

#[test]
fn daemons_that_do_not_run_and_ports_of_others_are_told_apart() {
    let site = Site::new(PROGRAM, &Plan { nodes: 2, ..Plan::default() });
    let _clients = TcpListener::bind(site.address()).unwrap();
    // It takes connections, for its backlog does, and says nothing.
    let _mute = TcpListener::bind((site.ip(2), 7400)).unwrap();
    let (lines, status) = examined(&site);
    assert_eq!(status, 1);
    let others = line(&lines, "somebody else listens on");
    assert!(
        others.starts_with("fail  service demo: ") && others.contains("ss -ltnp 'sport = :8080'"),
        "{others}"
    );
    for daemon in ["service-manager", "load-manager"] {
        let silent = line(&lines, &format!("its {daemon} does not answer on "));
        assert!(silent.contains(&format!("systemctl start {daemon}@demo")), "{silent}");
    }
    let closed = line(&lines, "fail  node c1: nobody listens on");
    assert!(closed.contains("task-processor --node c1"), "{closed}");
    let mute = line(&lines, "fail  node c2: ");
    assert!(mute.contains("is no task-processor of ours"), "{mute}");
    assert!(!site.directory().join("run").exists(), "to look makes nothing");
}

#[test]
fn a_program_that_is_not_there_is_told_of_this_machine_and_of_each_node() {
    let command = ["/nowhere/shopd", "{port}"].map(str::to_owned).to_vec();
    let mut site = Site::new(PROGRAM, &Plan { command, ..one_node() });
    site.rewrite("[service.demo]", "[service.demo]\nconnections_max = 1000000");
    site.start();
    let lines = wait_for("the node answers", STEP, || {
        let (lines, status) = examined(&site);
        assert_eq!(status, 1);
        let answers = |words: &str| lines.iter().any(|line| line.contains(words));
        (answers("node c1: cannot run") && answers("its local copy is")).then_some(lines)
    });
    let here = line(&lines, "its program cannot be run here: there is no /nowhere/shopd");
    assert!(
        here.starts_with("fail  service demo: ") && here.contains("install it on this machine"),
        "{here}"
    );
    let there = line(&lines, "node c1: cannot run the program of demo: there is no /nowhere/shopd");
    assert!(there.starts_with("fail") && there.contains("install it there"), "{there}");
    let files = line(&lines, "connections_max = 1000000");
    assert!(files.starts_with("fail  service demo: ") && files.contains("LimitNOFILE="), "{files}");
}

#[test]
fn faults_of_the_file_of_directories_and_of_port_ranges_are_told() {
    let site = Site::new(PROGRAM, &one_node());
    let outgoing = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap();
    let first = outgoing.split_whitespace().next().unwrap();
    site.rewrite("[service.demo]", &format!("[service.demo]\nports = \"{first}-{first}\""));
    // A directory that cannot be made, whoever asks.
    fs::write(site.directory().join("run"), "a file").unwrap();
    let (lines, status) = examined(&site);
    assert_eq!(status, 1);
    assert!(line(&lines, "fail  runtime directory: ").contains("is no directory; run this as"));
    assert!(
        line(&lines, "warn  service demo: its ports").contains("overlap with those of outgoing connections")
    );

    site.rewrite("capacity = 8", "capacity = 0");
    let (lines, status) = examined(&site);
    assert_eq!(status, 1);
    assert_eq!(lines.len(), 2, "only the file, and the sum: {lines:#?}");
    assert!(lines[0].starts_with("fail  cluster.toml: ") && lines[0].contains("capacity"), "{lines:#?}");
}
