//! A changed command under a load that goes on regardless: every copy is replaced and no request is lost; one
//! that does not start leaves those that run in service, and says so.

use std::time::Duration;

use e2e::arrivals::Arrivals;
use e2e::processes::Process;
use e2e::site::{Plan, Site};
use e2e::wait_for;
use serde_json::Value;

use crate::PROGRAM;

const STEP: Duration = Duration::from_secs(60);

/// Requests a second, and how long each keeps a place: 8 in flight, for which two nodes are wanted.
const PER_SECOND: u32 = 40;
const WAIT_MS: u32 = 200;

const NODES: u32 = 3;

/// Puts the text in the place of cluster.toml in one step, and has the daemons read it.
fn edit(site: &Site, text: &str) {
    let new = site.directory().join("cluster.toml.new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(new, site.config()).unwrap();
    site.hang_up();
}

/// The copies at the front end and on the nodes, without their guards.
fn copies(site: &Site) -> Vec<Process> {
    let is_copy = |process: &Process| process.arguments.get(1).is_some_and(|word| word == "demo-service");
    (0..=NODES).flat_map(|index| site.copies_at(index)).filter(is_copy).collect()
}

/// Whether each runs with so many workers.
fn all_run(copies: &[Process], workers: &str) -> bool {
    copies.iter().all(|copy| copy.arguments.last().is_some_and(|last| last == workers))
}

fn rollout(site: &Site) -> Value {
    site.status().unwrap_or_default()["load_manager"]["Ok"]["rollout"].clone()
}

fn local(site: &Site) -> Value {
    site.status().unwrap_or_default()["service_manager"]["Ok"]["local"].clone()
}

/// Every copy, that at the front end too, is of that command, and the load-manager knows it.
fn wait_until_all_run(site: &Site, workers: &str, nodes: usize) {
    wait_for("every copy is of the changed command", STEP, || {
        let copies = copies(site);
        let is_done = copies.len() == nodes + 1 && all_run(&copies, workers) && rollout(site).is_null();
        is_done.then_some(())
    });
    assert_eq!(local(site)["rollout"], "");
}

#[test]
fn a_changed_command_replaces_every_copy_and_one_that_does_not_start_replaces_none() {
    let plan = Plan { nodes: NODES, service: "min = 2".to_owned(), ..Plan::default() };
    let mut site = Site::up(PROGRAM, &plan);
    let first = std::fs::read_to_string(site.config()).unwrap();
    let with = |workers: &str| {
        let edited = first.replace("\"--workers\", \"8\"", &format!("\"--workers\", \"{workers}\""));
        assert!(edited.contains(&format!("\"{workers}\"")), "{edited}");
        edited
    };
    site.wait_ready(2, STEP);
    let load = Arrivals::start(site.address(), PER_SECOND, WAIT_MS);
    load.wait_on(STEP);
    assert!(all_run(&copies(&site), "8"), "{:?}", copies(&site));

    // One node is free: it takes the place of the first, and that one's that of the next.
    edit(&site, &with("9"));
    wait_until_all_run(&site, "9", 2);
    // None is free: each is started again in place, while the two others carry the load.
    let all = with("10").replace("min = 2", "min = 3");
    edit(&site, &all);
    wait_until_all_run(&site, "10", 3);
    load.wait_on(STEP);

    // What does not start is tried once on a node and once at the front end.
    edit(&site, &all.replace("\"10\"", "\"none\""));
    let stopped = wait_for("the rollout has stopped", STEP, || {
        Some(rollout(&site)).filter(|rollout| rollout["state"] == "stopped")
    });
    let sentence = stopped["sentence"].as_str().unwrap();
    assert!(
        sentence.starts_with("rollout stopped: c") && sentence.contains("exited with status 2"),
        "{sentence}"
    );
    let told = wait_for("the local copy is told of", STEP, || {
        let told = local(&site)["rollout"].as_str().unwrap_or_default().to_owned();
        told.contains("did not get ready").then_some(told)
    });
    assert!(told.ends_with("the one before it serves on: put the command right and reload"), "{told}");
    load.wait_on(STEP);
    let left = copies(&site);
    assert!(left.len() >= 3 && all_run(&left, "10"), "{left:?}");
    let table = String::from_utf8(site.run("status", &[]).stdout).unwrap();
    assert!(table.contains(sentence) && table.contains(&told), "{table}");
    let steps = site.decisions().into_iter().filter(|decision| decision["reason"] == "rollout");
    assert!(steps.count() >= 6, "each step is in the journal");

    // Put right, it goes on where it was.
    edit(&site, &all.replace("\"10\"", "\"11\""));
    wait_until_all_run(&site, "11", 3);
    let tally = load.finish().print("a command rolled out");
    tally.assert_no_safe_lost();
    assert_eq!(tally.unsafe_.lost(), 0, "{:#?}", tally.unsafe_.losses);
    assert!(site.down().success());
}
