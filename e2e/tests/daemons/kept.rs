//! Nodes that are kept whatever the load (design section 5): those of a schedule's floor, and those that
//! stand by, started and ready, for a surge.

use std::time::Duration;

use e2e::arrivals::Arrivals;
use e2e::site::{Plan, Site};
use e2e::wait_for;

use crate::PROGRAM;

const STEP: Duration = Duration::from_secs(30);

/// What the local copy carries alone: one request in flight.
fn light(site: &Site) -> Arrivals {
    Arrivals::start(site.address(), 20, 50)
}

fn is_said(site: &Site, reason: &str) -> bool {
    site.decisions().iter().any(|entry| entry["reason"] == reason)
}

/// Who the front end sends requests to, by its own word.
fn children(site: &Site) -> Vec<String> {
    let status = site.status().unwrap_or_default();
    let listed = status["service_manager"]["Ok"]["children"].as_array().cloned().unwrap_or_default();
    listed.iter().filter_map(|child| child["node"].as_str().map(str::to_owned)).collect()
}

#[test]
fn a_floor_in_force_is_held_under_a_load_that_needs_no_node() {
    let floor = "[[service.demo.floor]]\nfrom = \"00:00\"\nto = \"24:00\"\nnodes = 2";
    let mut site = Site::up(PROGRAM, &Plan { service: floor.to_owned(), ..Plan::default() });
    let load = light(&site);
    let ready = site.wait_ready(2, STEP);
    assert!(is_said(&site, "below-floor"), "{:#?}", site.decisions());
    // The windows are full, and it says why they stay.
    wait_for("the floor keeps them", STEP, || is_said(&site, "low-floor").then_some(()));
    load.wait_on(STEP);
    assert_eq!(site.nodes_in("ready"), ready);
    load.finish().print("a floor").assert_no_safe_lost();
    assert!(site.down().success());
}

#[test]
fn a_node_that_stands_by_gets_no_request_until_a_surge_needs_it() {
    let mut site = Site::up(PROGRAM, &Plan { service: "standby = 1".to_owned(), ..Plan::default() });
    let load = light(&site);
    let standby = wait_for("a node stands by", STEP, || site.nodes_in("standby").pop());
    let lease = site.node(&standby)["lease_id"].clone();
    assert!(!site.copies_at(standby.trim_start_matches('c').parse().unwrap()).is_empty(), "it is started");
    load.wait_on(STEP);
    assert_eq!(children(&site), [""; 0]);
    assert_eq!(site.get("/bytes/10").unwrap().header("x-accordion-served-by"), Some("local"));
    assert_eq!(site.nodes_in("standby"), [standby.as_str()]);

    let surge = Arrivals::start(site.address(), 60, 200);
    wait_for("it serves", STEP, || children(&site).contains(&standby).then_some(()));
    assert_eq!(site.node(&standby)["lease_id"], lease, "it was started anew");
    let decisions = site.decisions();
    let named = |nodes: &serde_json::Value| {
        nodes.as_array().is_some_and(|nodes| nodes.contains(&standby.as_str().into()))
    };
    assert!(decisions.iter().any(|entry| named(&entry["nodes"])), "{decisions:#?}");
    wait_for("a request goes there", STEP, || {
        let answer = site.get("/bytes/10").unwrap();
        (answer.header("x-accordion-served-by") == Some(&standby)).then_some(())
    });
    load.finish().with(surge.finish()).print("a node stood by").assert_no_safe_lost();
    assert!(site.down().success());
}
