//! What an operator does to a running cluster: a node is drained for maintenance and given back.

use std::time::Duration;

use e2e::load::{Load, Request};
use e2e::site::{Plan, Site};
use e2e::wait_for;

use crate::PROGRAM;

const STEP: Duration = Duration::from_secs(60);

#[test]
fn a_drained_node_ends_its_requests_and_is_borrowed_by_nobody_until_undrained() {
    let mut site = Site::up(PROGRAM, &Plan::default());
    let load = Load::new(site.address(), Request::get(1024, 40, 1), 11);
    load.set(8);
    site.wait_for_node("c1", STEP);
    assert!(site.run("drain", &["c1"]).status.success());
    wait_for("c1 is drained", STEP, || (site.node("c1")["state"] == "drained by operator").then_some(()));
    // Another one takes its place, and c1 stays out even under more load, also after its restart.
    load.set(11);
    site.wait_at_least(1, STEP);
    let old = site.kill(&["task-processor", "--node", "c1"]);
    wait_for("a new task-processor runs at c1", STEP, || {
        site.daemon(&["task-processor", "--node", "c1"]).filter(|new| new.pid != old)
    });
    wait_for("c1 is back, and still drained", STEP, || {
        (site.node("c1")["state"] == "drained by operator").then_some(())
    });
    assert!(site.copies_at(1).is_empty());
    assert!(site.run("undrain", &["c1"]).status.success());
    wait_for("c1 may be borrowed again", STEP, || {
        let state = site.node("c1")["state"].clone();
        ["free", "starting", "ready"].iter().any(|word| state == *word).then_some(())
    });
    load.finish().assert_nothing_lost();
    assert!(site.down().success());
}

#[test]
fn a_task_processor_told_to_end_is_drained_first() {
    let mut site = Site::up(PROGRAM, &Plan::default());
    let load = Load::new(site.address(), Request::get(1024, 40, 1), 11);
    load.set(11);
    let ready = site.wait_at_least(2, STEP);
    let leaving = ready.first().unwrap().clone();
    let process = site.daemon(&["task-processor", "--node", &leaving]).unwrap();
    e2e::processes::signal(process.pid, rustix::process::Signal::TERM);
    wait_for("it has ended", STEP, || {
        let now = site.daemon(&["task-processor", "--node", &leaving]);
        now.is_none_or(|now| now.pid != process.pid).then_some(())
    });
    load.finish().assert_nothing_lost();
    assert!(site.down().success());
}
