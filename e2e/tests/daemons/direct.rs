//! Whole clusters with path = "direct": requests go straight to the copies on the nodes, and the
//! task-processors are there for control only.

use std::net::SocketAddr;
use std::time::Duration;

use e2e::client::{self, Answer};
use e2e::load::{Load, Mix, Request};
use e2e::processes;
use e2e::site::{Plan, Site};
use e2e::wait_for;
use rustix::process::Signal;
use serde_json::Value;

use crate::PROGRAM;

const MIRROR: &str = env!("CARGO_BIN_EXE_e2e-mirror");

const STEP: Duration = Duration::from_secs(60);

/// How long one answer may take.
const LIMIT: Duration = Duration::from_secs(20);

/// These lines and the path for `[service.demo]`.
fn direct(lines: &str) -> Plan {
    Plan { service: format!("path = \"direct\"\n{lines}"), ..Plan::default() }
}

/// As it is with copies that show what they are sent, and that are not ready where a file says so.
fn mirrored(lines: &str, folder: &tempfile::TempDir) -> Plan {
    let folder = folder.path().to_str().unwrap();
    let command = [MIRROR, "{address}", "{port}", folder].map(str::to_owned).to_vec();
    Plan { command, ..direct(lines) }
}

/// The first answer of a node's.
fn by_a_node(site: &Site) -> (Answer, String) {
    wait_for("a node serves", STEP, || {
        let answer = site.get("/bytes/10").ok()?;
        let name = answer.header("x-accordion-served-by")?.to_owned();
        (name != "local").then_some((answer, name))
    })
}

fn index_of(node: &str) -> u32 {
    node.trim_start_matches('c').parse().unwrap()
}

/// The child as the service-manager sees it, once it is on the list.
fn child(site: &Site, node: &str) -> Option<Value> {
    let status = site.status()?;
    let children = status["service_manager"]["Ok"]["children"].as_array()?;
    children.iter().find(|child| child["node"] == node).cloned()
}

#[test]
fn nodes_are_borrowed_and_given_back_without_a_request_lost() {
    let mut site = Site::up(PROGRAM, &direct("dispatch = \"round-robin\""));
    let loads = Mix::new(site.address(), 8);
    for _breath in 0..3 {
        loads.set(5);
        site.wait_at_least(2, STEP);
        loads.set(8);
        for node in site.wait_ready(3, STEP) {
            wait_for("the node serves", STEP, || {
                child(&site, &node)?["served"].as_u64().filter(|served| *served > 0)
            });
        }
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
fn a_request_goes_straight_to_the_copy_without_a_token_and_past_the_task_processor() {
    let folder = tempfile::tempdir().unwrap();
    let mut site = Site::up(PROGRAM, &mirrored("min = 1\n", &folder));
    let (answer, node) = by_a_node(&site);
    let seen = String::from_utf8(answer.body).unwrap().to_ascii_lowercase();
    assert!(seen.starts_with("get /bytes/10 http/1.1\r\n") && seen.contains("x-forwarded-for"), "{seen}");
    assert!(!seen.contains("x-accordion"), "{seen}");

    // Where the front end sends it, and who counts it.
    let address: SocketAddr = child(&site, &node).unwrap()["address"].as_str().unwrap().parse().unwrap();
    assert_eq!(address.ip(), site.ip(index_of(&node)));
    assert!((20000..=29999).contains(&address.port()), "{address}");
    assert!(child(&site, &node).unwrap()["served"].as_u64().unwrap() > 0);
    let shown = site.node(&node);
    assert_eq!((&shown["address"], &shown["in_flight"]), (&address.to_string().into(), &Value::Null));

    // The task-processor takes no request for it, and one that does nothing holds none up.
    let data = SocketAddr::new(address.ip(), 7401);
    let refused = client::get(data, "/", LIMIT).unwrap();
    assert_eq!((refused.status, refused.header("x-accordion-reason")), (403, Some("bad-token")));
    let process = site.daemon(&["task-processor", "--node", &node]).unwrap();
    processes::signal(process.pid, Signal::STOP);
    let (answer, still) = by_a_node(&site);
    processes::signal(process.pid, Signal::CONT);
    assert_eq!((answer.status, still), (200, node));
    assert!(site.down().success());
}

#[test]
fn a_copy_that_does_not_answer_its_probe_gets_no_request_until_it_does() {
    let folder = tempfile::tempdir().unwrap();
    let mut site = Site::up(PROGRAM, &mirrored("min = 1\n", &folder));
    let (_, node) = by_a_node(&site);
    let file = folder.path().join(site.ip(index_of(&node)).to_string());
    std::fs::write(&file, "").unwrap();
    wait_for("its front end knows", STEP, || (child(&site, &node)?["state"] == "not ready").then_some(()));
    assert_eq!(site.node(&node)["state"], "not ready");
    for _ in 0..20 {
        let answer = site.get("/").unwrap();
        assert_eq!(answer.status, 200);
        assert_ne!(answer.header("x-accordion-served-by"), Some(node.as_str()));
    }
    std::fs::remove_file(&file).unwrap();
    wait_for("it is the first to be sent requests again", STEP, || {
        (by_a_node(&site).1 == node).then_some(())
    });
    assert!(site.down().success());
}

#[test]
fn a_killed_copy_costs_no_get_and_is_replaced() {
    kill_one_after_the_other(|site, node| {
        let copies = site.copies_at(index_of(node));
        // Not its guard, on whose command line the same words stand.
        let is_service =
            |copy: &&processes::Process| copy.arguments.get(1).is_some_and(|word| word == "demo-service");
        processes::signal(copies.iter().find(is_service).unwrap().pid, Signal::KILL);
    });
}

#[test]
fn a_killed_task_processor_costs_no_get_and_is_replaced() {
    kill_one_after_the_other(|site, node| {
        site.kill(&["task-processor", "--node", node]);
    });
}

fn kill_one_after_the_other(kill: impl Fn(&Site, &str)) {
    let mut site = Site::up(PROGRAM, &direct(""));
    let closing = Load::new(site.address(), Request::get(1024, 40, 1), 6);
    let kept = Load::new(site.address(), Request::get(1024, 40, 100), 5);
    closing.set(6);
    kept.set(5);
    for _ in 0..3 {
        let ready = site.wait_at_least(2, STEP);
        let victim = ready.first().unwrap().clone();
        let copies = site.copies_at(index_of(&victim));
        assert!(!copies.is_empty(), "a copy runs at {victim}");
        kill(&site, &victim);
        wait_for("the load-manager has noticed", STEP, || {
            (site.node(&victim)["state"] != "ready").then_some(())
        });
        wait_for("no process of its service is left", STEP, || {
            let still = site.copies_at(index_of(&victim));
            copies.iter().all(|copy| still.iter().all(|now| now.pid != copy.pid)).then_some(())
        });
        // One node at a time: a request that has lost two in a row was repeated once and is told so.
        let answered = closing.answered() + kept.answered();
        wait_for("what ran then has been answered", STEP, || {
            (closing.answered() + kept.answered() > answered + 50).then_some(())
        });
    }
    closing.finish().assert_nothing_lost();
    kept.finish().assert_nothing_lost();
    assert!(site.down().success());
}

#[test]
fn a_restarted_load_manager_takes_up_what_goes_straight_to_the_copies() {
    let mut site = Site::up(PROGRAM, &direct("min = 1\n"));
    let (_, node) = by_a_node(&site);
    let lease =
        |site: &Site| (site.node(&node)["lease_id"].clone(), child(site, &node).unwrap()["address"].clone());
    let before = lease(&site);
    let load = Load::new(site.address(), Request::get(1024, 40, 1), 4);
    load.set(4);
    let old = site.kill(&["load-manager"]);
    wait_for("a new load-manager runs", STEP, || site.daemon(&["load-manager"]).filter(|new| new.pid != old));
    wait_for("it has taken the lease up", STEP, || (site.node(&node)["state"] == "ready").then_some(()));
    assert_eq!(lease(&site), before);
    load.finish().assert_nothing_lost();
    assert!(site.down().success());
}
