//! A load that rises at once (design sections 4 and 5): nodes are ordered several at a time and start side
//! by side, and a drain that is under way is taken back before a further node is ordered.

use std::time::Duration;

use e2e::arrivals::Arrivals;
use e2e::site::{Plan, Site};
use e2e::wait_for;
use serde_json::Value;

use crate::PROGRAM;

const STEP: Duration = Duration::from_secs(30);

/// Far more than the local copy takes, and more than three nodes' worth.
const SURGE_PER_SECOND: u32 = 80;
const SURGE_MS: u32 = 200;

/// One begins each second; three nodes that take them in turn have each one that is no older than three.
const LONG_MS: u32 = 6_000;

fn with_action<'a>(decisions: &'a [Value], action: &str) -> Vec<&'a Value> {
    decisions.iter().filter(|entry| entry["action"] == action).collect()
}

/// Nodes that were ordered within a second of the first: by one decision, or by as many as there were looks at a queue
/// that grew.
fn ordered_at_once(decisions: &[Value]) -> u64 {
    let of = |entry: &Value, key: &str| entry[key].as_u64().unwrap();
    let added = with_action(decisions, "add");
    let first = added.iter().map(|entry| of(entry, "unix_ms")).min().unwrap();
    let soon = added.iter().filter(|entry| of(entry, "unix_ms") < first + 1_000);
    soon.map(|entry| of(entry, "count")).sum()
}

#[test]
fn several_nodes_are_ordered_at_once_and_start_side_by_side() {
    // At once at the front end, after a while on a node: several that start are seen to.
    let script = "[ $1 = FRONT-END ] || sleep 2; exec $0 demo-service --port $2 --address $1 --workers 8";
    let command = ["sh", "-c", script, "{accordion}", "{address}", "{port}"].map(str::to_owned).to_vec();
    let mut site = Site::new(PROGRAM, &Plan { nodes: 4, command, ..Plan::default() });
    site.rewrite("FRONT-END", &site.ip(0).to_string());
    site.start();
    site.wait_until_up();
    let load = Arrivals::start(site.address(), SURGE_PER_SECOND, SURGE_MS);
    wait_for("several start at a time", STEP, || (site.nodes_in("starting").len() > 2).then_some(()));
    site.wait_ready(4, STEP);
    let decisions = site.decisions();
    assert!(ordered_at_once(&decisions) > 1, "{decisions:#?}");
    load.finish().print("a surge").assert_no_safe_lost();
    assert!(site.down().success());
}

#[test]
fn a_drain_is_taken_back_before_a_further_node_is_ordered() {
    let plan = Plan {
        // One is always free, and could be ordered in the place of the one that drains.
        nodes: 4,
        service: "max = 3\ndispatch = \"round-robin\"".to_owned(),
        scaling: "fast_window = \"1s\"\nslow_window = \"2s\"\ndown_window = \"3s\"\ndown_after_up = \"1s\"\n\
                  node_age_min = \"1s\"\ndrain_period = \"1m\"\n"
            .to_owned(),
        ..Plan::default()
    };
    let mut site = Site::up(PROGRAM, &plan);
    let long = Arrivals::start(site.address(), 1, LONG_MS);
    let surge = Arrivals::start(site.address(), SURGE_PER_SECOND, SURGE_MS);
    let ready = site.wait_ready(3, STEP);
    surge.wait_on(STEP);
    let first = surge.finish();
    let drained = wait_for("a drain waits for long requests", STEP, || site.nodes_in("draining").pop());
    let lease = site.node(&drained)["lease_id"].clone();
    let ordered = with_action(&site.decisions(), "add").len();
    let surge = Arrivals::start(site.address(), SURGE_PER_SECOND, SURGE_MS);
    wait_for("it serves again", STEP, || (site.node(&drained)["state"] == "ready").then_some(()));
    assert_eq!(site.node(&drained)["lease_id"], lease, "it was started anew");
    surge.wait_on(STEP);
    assert_eq!(site.nodes_in("ready"), ready);
    let decisions = site.decisions();
    let taken_back = with_action(&decisions, "undrain");
    assert_eq!(taken_back.len(), 1, "{decisions:#?}");
    assert_eq!(taken_back[0]["nodes"], serde_json::json!([drained]));
    assert_eq!(with_action(&decisions, "add").len(), ordered, "{decisions:#?}");
    let tally = first.with(surge.finish()).with(long.finish()).print("a drain taken back");
    tally.assert_no_safe_lost();
    assert_eq!(tally.unsafe_.lost(), 0, "{:#?}", tally.unsafe_.losses);
    assert!(site.down().success());
}
