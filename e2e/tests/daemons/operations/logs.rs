//! How a daemon's events are written: text, JSON, and what happens where the journal was promised and is
//! not there.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Stdio};

use e2e::site::{Plan, Site};
use e2e::wait_for;
use serde_json::Value;

use super::{PROGRAM, STEP};

/// A daemon, killed when dropped.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// What a node says until it listens, on stderr; it says nothing on stdout.
fn said(arguments: &[&str], is_journal: bool) -> String {
    let site = Site::new(PROGRAM, &Plan { nodes: 1, ..Plan::default() });
    let (out, err) = (site.directory().join("out"), site.directory().join("err"));
    let file = File::create(&err).unwrap();
    let mut command = site.command("task-processor");
    command.args(["--node", "c1"]).args(arguments).env_remove("JOURNAL_STREAM").env_remove("RUST_LOG");
    if is_journal {
        let metadata = file.metadata().unwrap();
        command.env("JOURNAL_STREAM", format!("{}:{}", metadata.dev(), metadata.ino()));
    }
    let command = command.stdin(Stdio::null()).stdout(File::create(&out).unwrap()).stderr(file);
    let _daemon = Daemon(command.spawn().unwrap());
    let said = wait_for("the node listens", STEP, || {
        Some(fs::read_to_string(&err).unwrap()).filter(|said| said.contains("node listens"))
    });
    assert_eq!(fs::read_to_string(out).unwrap(), "");
    said
}

#[test]
fn events_are_lines_for_people_or_objects_for_machines() {
    let text = said(&[], false);
    let line = text.lines().find(|line| line.contains("node listens")).unwrap();
    assert!(line.contains(" INFO task_processor: node listens node=\"c1\""), "{line}");
    assert!(!text.contains('\x1b'), "no colours into a file: {text:?}");

    let json = said(&["--log-format", "json"], false);
    let events: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let listens = events.iter().find(|event| event["message"] == "node listens").unwrap();
    assert_eq!((&listens["node"], &listens["level"]), (&"c1".into(), &"INFO".into()));
}

#[test]
fn without_a_journal_that_listens_events_are_lines_all_the_same() {
    // Where this machine has a journal, these go there.
    if fs::exists("/run/systemd/journal/socket").unwrap() {
        return;
    }
    assert!(said(&[], true).contains("node listens node=\"c1\""));
    let asked = said(&["--log-format", "journal"], false);
    assert!(asked.contains("no journal takes entries here") && asked.contains("node=\"c1\""), "{asked}");
}
