//! Several services on one pool, as in the paper's figure 1: each has a front end of its own, and what one
//! gives back another one borrows.

use std::time::Duration;

use e2e::client;
use e2e::load::Load;
use e2e::site::{Plan, Services, Site};
use e2e::wait_for;

use crate::PROGRAM;
const NAMED: &str = env!("CARGO_BIN_EXE_e2e-named");

const STEP: Duration = Duration::from_secs(60);

/// Far above what the local copy takes, and below what it takes with one node and a queue.
const BUSY: usize = 20;

/// Services that each answer with their own name, and hold at most `max` of the nodes.
fn named(services: u32, max: u32) -> Plan {
    let command = [NAMED, "{address}", "{port}", "{service}", "40"];
    Plan {
        command: command.map(str::to_owned).to_vec(),
        service: format!("max = {max}\ndispatch = \"round-robin\""),
        services: Services::Written(services),
        ..Plan::default()
    }
}

/// A load on each service which takes no answer but its own.
fn loads(site: &Site, services: u32) -> Vec<Load> {
    let names = Services::Written(services).names();
    let load = |(index, name): (u32, &String)| Load::expecting(site.address_of(index), "/", name, BUSY);
    (0..).zip(&names).map(load).collect()
}

/// Waits until each service holds so many nodes, ready, as its load-manager and the nodes themselves say.
fn wait_held(site: &Site, what: &str, counts: &[usize]) {
    let names = Services::Written(counts.len() as u32).names();
    wait_for(what, STEP, || {
        let holders = site.holders();
        let is_so = |(name, count): (&String, &usize)| {
            let held = holders.values().flatten().filter(|holder| *holder == name).count();
            held == *count && site.nodes_of(name, "ready").len() == *count
        };
        names.iter().zip(counts).all(is_so).then_some(())
    });
}

#[test]
fn three_services_borrow_what_is_free_and_then_what_another_one_gives_back() {
    let mut site = Site::up(PROGRAM, &named(3, 2));
    let loads = loads(&site, 3);
    wait_held(&site, "nobody holds a node", &[0, 0, 0]);
    loads[0].set(BUSY);
    wait_held(&site, "a has what it may", &[2, 0, 0]);
    loads[1].set(BUSY);
    wait_held(&site, "b has what is free", &[2, 1, 0]);
    loads[0].set(0);
    wait_held(&site, "b has one that a gave back", &[0, 2, 0]);
    loads[2].set(BUSY);
    wait_held(&site, "c has the other one", &[0, 2, 1]);
    loads[1].set(0);
    loads[2].set(0);
    wait_held(&site, "all went back", &[0, 0, 0]);
    for load in loads {
        load.finish().assert_nothing_lost();
    }
    assert!(site.down().success());
}

#[test]
fn a_service_that_holds_everything_gives_its_share_to_one_that_has_nothing() {
    let mut site = Site::up(PROGRAM, &Plan { nodes: 2, ..named(2, 2) });
    let loads = loads(&site, 2);
    loads[0].set(BUSY);
    wait_held(&site, "a has the whole pool", &[2, 0]);
    // Neither load ends: by its own one a would keep both.
    loads[1].set(BUSY);
    wait_held(&site, "each has its share", &[1, 1]);
    let reasons: Vec<_> = site.decisions_of("demo-a").iter().map(|entry| entry["reason"].clone()).collect();
    assert!(reasons.iter().any(|reason| reason == "over-share"), "{reasons:?}");
    for load in loads {
        load.finish().assert_nothing_lost();
    }
    assert!(site.down().success());
}

#[test]
fn a_node_with_two_slots_runs_two_services_at_once_and_each_request_reaches_its_own() {
    let mut site = Site::up(PROGRAM, &Plan { nodes: 1, node: "slots = 2".to_owned(), ..named(2, 1) });
    let loads = loads(&site, 2);
    for load in &loads {
        load.set(BUSY);
    }
    wait_held(&site, "both are on the node", &[1, 1]);
    assert_eq!(site.holders()["c1"], ["demo-a", "demo-b"]);
    // Some of each go by the node, and these too come from the right copy.
    for (index, name) in (0..).zip(["demo-a", "demo-b"]) {
        wait_for(&format!("c1 serves {name}"), STEP, || {
            let answer = client::get(site.address_of(index), "/", STEP).unwrap();
            assert_eq!((answer.status, str::from_utf8(&answer.body).unwrap()), (200, name));
            (answer.header("x-accordion-served-by") == Some("c1")).then_some(())
        });
    }
    let table = String::from_utf8(site.run("status", &[]).stdout).unwrap();
    for index in 0..2 {
        let head =
            format!("{}  http://{}  up ", ["demo-a", "demo-b"][index as usize], site.address_of(index));
        assert!(table.contains(&head), "{head:?} is missing in\n{table}");
    }
    let row = table.lines().find(|line| line.contains("2/2")).expect("the row of the pool");
    assert!(row.contains("demo-a (") && row.contains("demo-b ("), "{row}");
    assert!(table.contains("pool  2 of 2 slots held"), "{table}");
    for load in loads {
        load.finish().assert_nothing_lost();
    }
    assert!(site.down().success());
}

#[test]
fn up_makes_three_services_of_one_in_a_file_that_every_command_takes() {
    let mut site = Site::up(PROGRAM, &Plan { services: Services::Made(3), ..Plan::default() });
    wait_for("it says that it is up", STEP, || site.log().contains("Accordion is up").then_some(()));
    let (told, file) = (site.log(), site.config().display().to_string());
    for (index, name) in (0..).zip(["demo-a", "demo-b", "demo-c"]) {
        let address = site.address_of(index);
        assert!(told.contains(&format!("service {name:12} http://{address}/")), "{told}");
        assert_eq!(client::get(address, "/bytes/10", STEP).unwrap().body.len(), 10);
        assert!(site.run("why", &[name]).status.success());
    }
    assert!(told.contains(&format!("status --watch --config {file} ")), "{told}");
    // No daemon has another file than the commands.
    for words in [["task-processor", "c1"], ["service-manager", "demo-b"], ["load-manager", "demo-c"]] {
        assert!(site.daemon(&[&words[..], &[&file]].concat()).is_some(), "{words:?}");
    }
    assert!(site.down().success());
}
