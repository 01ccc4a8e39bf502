//! Nodes taken back for another service, under a load on both that goes on regardless (design section 6):
//! with notice, so that no request of the one that loses them is lost, and with a reason that `why` shows.

use std::time::Duration;

use e2e::arrivals::Arrivals;
use e2e::site::{Plan, Services, Site};
use e2e::steady::Steady;
use e2e::wait_for;

use crate::PROGRAM;

const STEP: Duration = Duration::from_secs(30);

/// Longer than a claimant that heard no word of the end of the notice would wait: a second and the ttl.
const SLOW: Duration = Duration::from_secs(6);

/// Short enough for a test; the notice is longer than any request.
const LEASE: &str = "ttl = \"2s\"\nrenew = \"500ms\"\njeopardy = \"1s\"\nreclaim_notice = \"15s\"";

/// Requests that the whole pool and more is wanted for, beside the slow ones.
const BUSY_PER_SECOND: u32 = 40;
const BUSY_MS: u32 = 200;

/// Two services. Neither gives a node back by itself, and none waits for another one's turn.
fn plan(nodes: u32, sharing: &str) -> Plan {
    Plan {
        nodes,
        service: "dispatch = \"round-robin\"".to_owned(),
        lease: LEASE.to_owned(),
        sharing: format!("period = \"1s\"\n{sharing}"),
        services: Services::Written(2),
        ..Plan::default()
    }
}

fn busy(site: &Site, service: u32) -> Arrivals {
    Arrivals::start(site.address_of(service), BUSY_PER_SECOND, BUSY_MS)
}

/// Waits until each service has so many nodes, ready, as its load-manager and the nodes themselves say.
fn wait_held(site: &Site, what: &str, counts: [usize; 2]) {
    wait_for(what, STEP, || is_held(site, counts).then_some(()));
}

fn is_held(site: &Site, counts: [usize; 2]) -> bool {
    let holders = site.holders();
    ["demo-a", "demo-b"].iter().zip(counts).all(|(name, count)| {
        let held = holders.values().flatten().filter(|holder| holder == name).count();
        held == count && site.nodes_of(name, "ready").len() == count
    })
}

/// The entries of `accordion why` with that reason: for a person, and how many.
fn why(site: &Site, service: &str, reason: &str) -> Vec<String> {
    let decisions = site.decisions_of(service);
    let told = String::from_utf8(site.run("why", &[service, "-n", "1000"]).stdout).unwrap();
    let those = decisions.iter().filter(|entry| entry["reason"] == reason);
    let sentences = those.map(|entry| entry["sentence"].as_str().unwrap().to_owned());
    sentences.inspect(|sentence| assert!(told.contains(sentence), "{sentence:?} is not in\n{told}")).collect()
}

#[test]
fn a_service_below_its_min_has_one_node_reclaimed_with_notice_and_nothing_is_lost() {
    let plan =
        Plan { each: vec![String::new(), "min = 1".to_owned()], ..plan(3, "give_back_after = \"1h\"") };
    let mut site = Site::up(PROGRAM, &plan);
    wait_held(&site, "demo-b has its min", [0, 1]);
    let (slow, short) = (Steady::start(site.address(), SLOW), busy(&site, 0));
    let other = Arrivals::start(site.address_of(1), 10, 100);
    wait_held(&site, "demo-a has borrowed the rest", [2, 1]);
    slow.wait_on(STEP);
    let lost = site.nodes_of("demo-b", "ready").remove(0);
    assert!(site.run("drain", &[&lost]).status.success());
    wait_held(&site, "demo-b has its min again", [1, 1]);
    slow.wait_on(STEP);
    assert!(is_held(&site, [1, 1]), "{:?}", site.holders());
    // One was missing: one was taken, however long its requests took.
    assert_eq!(why(&site, "demo-a", "reclaimed"), ["another service is below its min (demo-b)"]);
    assert_eq!(why(&site, "demo-b", "under-min"), ["0 of min 1 are held, and no node is free"]);
    slow.finish().with(short.finish()).print("reclaimed for a min").assert_no_safe_lost();
    other.finish().print("below its min").assert_no_safe_lost();
    assert!(site.down().success());
}

#[test]
fn a_starved_service_has_a_node_reclaimed_and_nothing_is_lost() {
    let sharing = "starved_after = \"2s\"\ngive_back_after = \"1h\"";
    let mut site = Site::up(PROGRAM, &plan(2, sharing));
    let (slow, short) = (Steady::start(site.address(), SLOW), busy(&site, 0));
    wait_held(&site, "demo-a has the whole pool", [2, 0]);
    slow.wait_on(STEP);
    let other = busy(&site, 1);
    wait_held(&site, "each has its share", [1, 1]);
    assert_eq!(why(&site, "demo-a", "reclaimed"), ["another service is short of its share (demo-b)"]);
    let starved = why(&site, "demo-b", "starved");
    assert!(starved.len() == 1 && starved[0].starts_with("0 of a share of 1 are held for "), "{starved:?}");
    slow.finish().with(short.finish()).print("reclaimed for a share").assert_no_safe_lost();
    other.finish().print("starved").assert_no_safe_lost();
    assert!(site.down().success());
}

#[test]
fn what_is_only_observed_is_said_and_moves_nothing() {
    let sharing = "starved_after = \"2s\"\ngive_back_after = \"0s\"\nobserve_only = true";
    let mut site = Site::up(PROGRAM, &plan(2, sharing));
    let short = busy(&site, 0);
    wait_held(&site, "demo-a has the whole pool", [2, 0]);
    let before = site.holders();
    let other = busy(&site, 1);
    wait_for(
        "the one says that it would give back, the other one what it would have reclaimed",
        STEP,
        || {
            let would_reclaim =
                |sentence: &String| sentence.contains("one would be reclaimed (observe_only)");
            let would_give = |sentence: &String| sentence.contains("would be given back");
            let starved = why(&site, "demo-b", "starved").iter().any(would_reclaim);
            (starved && why(&site, "demo-a", "would-give-back").iter().any(would_give)).then_some(())
        },
    );
    other.wait_on(STEP);
    assert_eq!(site.holders(), before);
    assert!(is_held(&site, [2, 0]));
    assert_eq!(why(&site, "demo-a", "reclaimed"), [""; 0]);
    short.finish().print("only observed").assert_no_safe_lost();
    other.finish().print("starved, and only observed").assert_no_safe_lost();
    assert!(site.down().success());
}
