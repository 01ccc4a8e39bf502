//! A child that is out by its answers: a person sees it, and the load-manager does not count on it.

use std::time::Duration;

use e2e::site::{Plan, Site};
use e2e::wait_for;
use serde_json::Value;

use crate::PROGRAM;
const FAILING: &str = env!("CARGO_BIN_EXE_e2e-failing");

const STEP: Duration = Duration::from_secs(60);

/// What the front end says of its child c1.
fn c1(status: &Value) -> Option<Value> {
    let children = status["service_manager"]["Ok"]["children"].as_array()?;
    children.iter().find(|child| child["node"] == "c1").cloned()
}

/// What the newest decision was made by: the capacity, and how many children are out.
fn counted(status: &Value) -> (Option<f64>, Option<u64>) {
    let figures = &status["load_manager"]["Ok"]["last"]["figures"];
    (figures["capacity"].as_f64(), figures["out"].as_u64())
}

#[test]
fn a_child_that_is_out_for_its_5xx_is_shown_and_is_no_capacity_until_it_is_in_again() {
    let switches = tempfile::tempdir().unwrap();
    let words = [FAILING, "{address}", "{port}", switches.path().to_str().unwrap()];
    let plan = Plan {
        // One more than is held: it would be seen to come.
        nodes: 4,
        command: words.map(str::to_owned).to_vec(),
        service: "min = 3\ndispatch = \"round-robin\"".to_owned(),
        ..Plan::default()
    };
    let mut site = Site::up(PROGRAM, &plan);
    let held = site.wait_ready(3, STEP);
    wait_for("all three count", STEP, || (counted(&site.status()?) == (Some(24.0), Some(0))).then_some(()));
    let switch = switches.path().join(site.ip(1).to_string());
    std::fs::write(&switch, "").unwrap();
    let child = wait_for("c1 is out", STEP, || {
        // At least five answers of each child in each of three seconds.
        for _ in 0..20 {
            site.get("/").unwrap();
        }
        c1(&site.status()?).filter(|child| child["out"] == true)
    });
    assert_eq!(child["out_reason"], "5xx", "{child}");
    // Within the ten seconds that it is out.
    wait_for("the decider counts on the two others", Duration::from_secs(8), || {
        (counted(&site.status()?) == (Some(16.0), Some(1))).then_some(())
    });
    let table = String::from_utf8(site.run("status", &[]).stdout).unwrap();
    let row = table.lines().find(|line| line.trim_start().starts_with("c1 ")).unwrap();
    assert!(row.contains(" out ") && row.contains(" s: 5xx"), "{table}");
    for _ in 0..20 {
        assert_eq!(site.get("/").unwrap().status, 200, "only those that are in are asked");
    }
    // Its time is over, and it behaves.
    std::fs::remove_file(&switch).unwrap();
    wait_for("it is in and counts again", STEP, || {
        let status = site.status()?;
        let child = c1(&status)?;
        let is_in = child["out"] == false && child["out_reason"] == "";
        (is_in && counted(&status) == (Some(24.0), Some(0))).then_some(())
    });
    assert_eq!(site.nodes_in("ready"), held, "nobody came or went for it");
    assert!(site.down().success());
}
