//! The accordion opens and closes: nodes are borrowed under load and given back, and no request of
//! a constant stream is lost on the way.

use std::time::Duration;

use e2e::load::{Load, Mix, Request};
use e2e::site::{Plan, Site};
use e2e::wait_for;

use crate::PROGRAM;

/// Long enough for a busy machine; a step that works takes a few seconds.
const STEP: Duration = Duration::from_secs(60);

#[test]
fn a_front_end_alone_is_a_working_site() {
    let mut site = Site::up(PROGRAM, &Plan { nodes: 0, ..Plan::default() });
    let answer = site.get("/bytes/1000").unwrap();
    assert_eq!((answer.status, answer.body.len()), (200, 1000));
    assert_eq!(answer.header("x-accordion-served-by"), Some("local"));
    assert!(site.down().success());
}

#[test]
fn nodes_are_borrowed_under_load_and_given_back_without_a_request_lost() {
    // In turn, so that also the node which is drained next has requests in flight.
    let plan = Plan { service: "dispatch = \"round-robin\"".to_owned(), ..Plan::default() };
    let mut site = Site::up(PROGRAM, &plan);
    let loads = Mix::new(site.address(), 8);
    for _breath in 0..3 {
        loads.set(5);
        site.wait_at_least(2, STEP);
        loads.set(8);
        site.wait_ready(3, STEP);
        loads.set(0);
        loads.posting.set(2);
        site.wait_ready(0, STEP);
        wait_for("all nodes are free again", STEP, || (site.nodes_in("free").len() == 3).then_some(()));
    }
    for index in 1..=3 {
        assert!(site.copies_at(index).is_empty(), "a copy still runs at c{index}");
    }
    loads.assert_nothing_lost();
    assert!(site.down().success());
}

#[test]
fn the_local_copy_serves_first_then_the_nodes() {
    let mut site = Site::up(PROGRAM, &Plan::default());
    assert_eq!(site.get("/bytes/1").unwrap().header("x-accordion-served-by"), Some("local"));
    let load = Load::new(site.address(), Request::get(100, 40, 10), 10);
    load.set(10);
    site.wait_for_node("c1", STEP);
    // Children with room take all: the local copy only helps out.
    load.set(4);
    let served_by = wait_for("a child serves", STEP, || {
        site.get("/bytes/1")
            .unwrap()
            .header("x-accordion-served-by")
            .filter(|name| *name != "local")
            .map(str::to_owned)
    });
    assert!(["c1", "c2", "c3"].contains(&served_by.as_str()));
    load.finish().assert_nothing_lost();
    assert!(site.down().success());
}

#[test]
fn every_decision_has_its_reason() {
    let mut site = Site::up(PROGRAM, &Plan::default());
    let load = Load::new(site.address(), Request::get(100, 40, 10), 12);
    load.set(12);
    site.wait_at_least(1, STEP);
    load.finish().assert_nothing_lost();
    site.wait_ready(0, STEP);
    let decisions = site.decisions();
    let actions: Vec<_> = decisions.iter().filter_map(|decision| decision["action"].as_str()).collect();
    assert!(actions.contains(&"add") && actions.contains(&"drain"), "{actions:?}");
    for decision in &decisions {
        assert!(decision["sentence"].as_str().is_some_and(|sentence| !sentence.is_empty()), "{decision}");
    }
    let words = String::from_utf8(site.run("why", &[]).stdout).unwrap();
    assert!(words.contains("add") && words.contains("drain"), "{words}");
    let table = String::from_utf8(site.run("status", &[]).stdout).unwrap();
    for word in ["local", "c1", "c2", "c3", "last decision"] {
        assert!(table.contains(word), "{word} is missing in\n{table}");
    }
    assert!(site.down().success());
}
