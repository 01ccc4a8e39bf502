//! `accordion calibrate`: what it finds of the demo service, and what is said where there is nothing to find.
#![allow(clippy::unwrap_used)] // in a test an unwrap is the assertion

#[path = "program/running.rs"]
mod running;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output};

use cluster::config::sample;
use rustix::process::Signal;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde_json::Value;

use running::Running;

/// The demo service with four workers.
const DEMO: &str = "[\"{accordion}\", \"demo-service\", \"--port\", \"{port}\", \"--address\", \"{address}\", \
                    \"--workers\", \"4\"]";

/// A cluster.toml whose service has this command.
fn place(command: &str, lines: &str) -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    let text = sample(2, lines).replace("[\"shopd\", \"{port}\"]", command);
    fs::write(place.path().join("cluster.toml"), text).unwrap();
    place
}

fn command(place: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_accordion"));
    command.arg("calibrate").args(arguments).current_dir(place).env_remove("ACCORDION_CONFIG");
    command
}

fn output(place: &Path, arguments: &[&str]) -> Output {
    command(place, arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap()
}

/// Whether anybody listens there.
fn is_served(address: &str) -> bool {
    TcpStream::connect(address).is_ok()
}

#[test]
fn four_workers_that_wait_have_a_capacity_of_four() {
    let place = place(DEMO, "");
    let output = output(
        place.path(),
        &[
            "--path",
            "/?wait=20ms",
            "--path",
            "/bytes/100?wait=20ms",
            "--step-time",
            "200ms",
            "--rounds",
            "2",
            "--json",
        ],
    );
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let capacity = found["capacity"]["value"].as_f64().unwrap();
    assert!((3.0..=5.0).contains(&capacity), "{found:#}");
    // 4 x 50 a second at most; the machine of a test may be busy, and the steps are short.
    let top = found["top_per_second"].as_f64().unwrap();
    assert!((100.0..=230.0).contains(&top), "{found:#}");
    let share = |name: &str| found[name]["value"].as_f64().unwrap();
    assert!(share("low") < share("high") / 2.0 && share("target") < share("high"), "{found:#}");
    assert_eq!(
        (&found["ended_by"], &found["whole"], &found["capacity"]["now"]),
        (&"no-gain".into(), &true.into(), &8.0.into())
    );
    // What is documented is all there is.
    let documented = include_str!("../../docs/json.md");
    let fields = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    for field in [fields(&found), fields(&found["steps"][0]), fields(&found["high"])].concat() {
        assert!(documented.contains(&format!("`{field}`")), "{field} is not in docs/json.md");
    }
    // The copy is gone.
    let (_, rest) = said.split_once("a copy of its own at ").unwrap();
    let (address, _) = rest.split_once(',').unwrap();
    assert!(!is_served(address), "{address}");
}

#[test]
fn a_copy_that_runs_already_is_loaded_and_left_as_it_is() {
    let place = place(DEMO, "");
    let demo = Running::start(&["demo-service", "--port", "0", "--workers", "2"]);
    let line = demo.line_with("listening on http://");
    let address = line.split("http://").nth(1).unwrap().split(',').next().unwrap();
    let arguments = [
        "shop",
        "--at",
        address,
        "--path",
        "/?wait=10ms",
        "--step-time",
        "100ms",
        "--rounds",
        "1",
        "--svg",
        "curve.svg",
        "--max",
        "4",
    ];
    let output = output(place.path(), &arguments);
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains(&format!("loading the copy that runs at {address}")));
    for part in [
        "IN FLIGHT",
        "knee",
        "[service.shop]",
        "\ncapacity = ",
        "[service.shop.scaling]",
        "\nhigh = ",
        "\nlow = ",
    ] {
        assert!(shown.contains(part), "{part:?} in {shown}");
    }
    assert!(!shown.contains("all its copies are loaded"), "{shown}");
    let chart = fs::read_to_string(place.path().join("curve.svg")).unwrap();
    assert!(chart.starts_with("<svg") && chart.contains(">shop: what one copy handles<"), "{chart}");
    // Its lines are good for the file.
    let lines = shown.split_once("[service.shop]\n").unwrap().1.split("\nnote: ").next().unwrap();
    let file = sample(2, &lines.replace("capacity", "local_capacity"));
    cluster::config::parse("cluster.toml", &file).unwrap();
    // It is the same one, and serves on.
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: demo\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains(&format!("process {} on", demo.pid())), "{answer}");
}

#[test]
fn what_bends_the_figures_is_told() {
    // One CPU for this thread, and so for all that it starts.
    let mut one = CpuSet::new();
    let allowed = sched_getaffinity(None).unwrap();
    one.set((0..CpuSet::MAX_CPU).find(|cpu| allowed.is_set(*cpu)).unwrap());
    sched_setaffinity(None, &one).unwrap();
    let demo = Running::start(&["demo-service", "--port", "0"]);
    let line = demo.line_with("listening on http://");
    let address = line.split("http://").nth(1).unwrap().split(',').next().unwrap();
    let place = place(DEMO, "limits.tasks = 200\n");
    let file = place.path().join("cluster.toml");
    fs::write(&file, fs::read_to_string(&file).unwrap().replace("127.0.0.1:8080", address)).unwrap();
    let remarks = |more: &[&str]| {
        let quick = ["--max", "1", "--rounds", "1", "--step-time", "50ms", "--json"];
        let output = output(place.path(), &[&quick, more].concat());
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        found["remarks"].to_string()
    };
    let (own, front_end) = (remarks(&[]), remarks(&["--at", address]));
    for found in [&own, &front_end] {
        assert!(found.contains("the client and the service share one CPU"), "{found}");
    }
    assert!(
        own.contains("user and limits of cluster.toml do not apply") && !own.contains("listens"),
        "{own}"
    );
    assert!(
        front_end.contains("is where the front end of shop listens") && !front_end.contains("limits"),
        "{front_end}"
    );
}

#[test]
fn an_interrupt_ends_the_copy_and_tells_what_is_known() {
    let place = place(DEMO, "");
    let mut program = Running::spawn(&mut command(
        place.path(),
        &["--path", "/?wait=5ms", "--step-time", "50ms", "--rounds", "20"],
    ));
    let line = program.line_with("loading a copy of its own at ");
    let address = line.split(" at ").nth(1).unwrap().split(',').next().unwrap().to_owned();
    // All steps of the first round are over then.
    program.line_with("round 2 of 20");
    program.signal(Signal::INT);
    let said = program.rest().join("\n");
    assert!(said.contains("\ncapacity = ") && said.contains("it was interrupted"), "{said}");
    assert_eq!(program.ended().code(), Some(130));
    assert!(!is_served(&address));
}

#[test]
fn a_command_that_does_not_start_is_told_in_one_sentence() {
    let place = place("[\"/nowhere/shopd\", \"{port}\"]", "");
    let output = output(place.path(), &[]);
    let sentence = "shop: starting a copy\naccordion calibrate: service \"shop\": the program \"/nowhere/shopd\" was not found; check command in \
                    cluster.toml\n";
    assert_eq!((text(&output.stderr), text(&output.stdout)), (sentence, ""));
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_path_that_is_not_there_is_told_and_no_capacity_is() {
    let place = place(DEMO, "");
    let output = output(place.path(), &["--path", "/nowhere", "--step-time", "50ms"]);
    assert!(
        text(&output.stderr).contains("one request at a time already fails: status 404 for GET /nowhere")
    );
    assert!(!text(&output.stdout).contains("capacity"), "{}", text(&output.stdout));
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_copy_that_ends_under_its_load_is_told_with_what_is_known() {
    // Its main process is a shell, which ends once there is a file.
    let script = "{accordion} demo-service --port {port} --address {address} & while [ ! -e end ]; do sleep 0.05; done; exit 3";
    let place = place(&format!("[\"sh\", \"-c\", \"{script}\"]"), "ready = \"/healthz\"\n");
    let arguments = ["--path", "/?wait=5ms", "--step-time", "50ms", "--rounds", "20"];
    let mut program = Running::spawn(&mut command(place.path(), &arguments));
    program.line_with("round 2 of 20");
    fs::write(place.path().join("end"), "").unwrap();
    let said = program.rest().join("\n");
    assert!(
        said.contains("in flight the copy exited with status 3") && said.contains("\ncapacity = "),
        "{said}"
    );
    assert_eq!(program.ended().code(), Some(1));
}

#[test]
fn figures_that_a_full_disk_cuts_are_no_success() {
    let place = place(DEMO, "");
    let quick = ["--max", "1", "--rounds", "1", "--step-time", "50ms", "--json", "--svg", "curve.svg"];
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = command(place.path(), &quick).stdout(full).output().unwrap();
    let said = text(&output.stderr);
    assert!(said.contains("cannot write to stdout: No space left on device"), "{said}");
    assert_eq!(output.status.code(), Some(1));
    // The chart is whole.
    assert!(fs::read_to_string(place.path().join("curve.svg")).unwrap().ends_with("</svg>\n"));
}

#[test]
fn a_wrong_command_line_and_a_wrong_file_have_their_status() {
    let place = place(DEMO, "");
    let wrong = [
        ["--path", "search"],
        ["--path", "/a b"],
        ["--step-time", "1ms"],
        ["--rounds", "0"],
        ["--max", "5000"],
        ["--at", "localhost"],
    ];
    for arguments in wrong {
        let output = output(place.path(), &arguments);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), ""), "{arguments:?}");
    }
    let unknown = output(place.path(), &["blog"]);
    assert_eq!(unknown.status.code(), Some(78));
    assert!(text(&unknown.stderr).contains("no service \"blog\"; it has: shop"));
    fs::write(place.path().join("cluster.toml"), "x = 1").unwrap();
    assert_eq!(output(place.path(), &[]).status.code(), Some(78));
}
