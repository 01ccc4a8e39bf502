//! Links cut one way and both ways, and a node's machine gone (design sections 6 and 7): each machine
//! is a network namespace. Nothing tells the front end of it, so that its own clock must: under a load
//! that goes on regardless no safe request is lost.

use std::time::{Duration, Instant};

use e2e::arrivals::Arrivals;
use e2e::rack::{Cut, Rack};
use e2e::site::Plan;
use e2e::wait_for;

use crate::PROGRAM;

const STEP: Duration = Duration::from_secs(30);

/// Requests a second, and how long each keeps a place: 8 in flight.
const PER_SECOND: u32 = 40;
const WAIT_MS: u32 = 200;

/// A third of the defaults, so that a test takes seconds.
const LEASE: &str = "ttl = \"3s\"\nrenew = \"500ms\"\njeopardy = \"1s\"\norphan_grace = \"2s\"\n";

/// To tell of it takes `status` a moment.
const JEOPARDY: Duration = Duration::from_secs(1);

/// 0.8 of the ttl, and that moment.
const GIVEN_UP: Duration = Duration::from_secs(4);

/// A rack with two nodes lent; the address, the victim and its number.
fn rack() -> Option<(Rack, Arrivals, String, u32)> {
    let plan = Plan { lease: LEASE.to_owned(), service: "min = 2\n".to_owned(), ..Plan::default() };
    let rack = Rack::up(PROGRAM, plan)?;
    let load = Arrivals::start(rack.site.address(), PER_SECOND, WAIT_MS);
    let victim = rack.site.wait_at_least(2, STEP).remove(0);
    load.wait_on(STEP);
    let number = victim.trim_start_matches('c').parse().unwrap();
    Some((rack, load, victim, number))
}

/// The front end takes note of a node that says nothing any more, gives it up, and has another one.
fn is_replaced(rack: &Rack, victim: &str, since: Instant) {
    wait_for("its silence is noticed", STEP, || (rack.site.node(victim)["state"] != "ready").then_some(()));
    assert!(since.elapsed() < 2 * JEOPARDY, "noticed after {:?}", since.elapsed());
    wait_for("its lease is given up", STEP, || {
        let state = rack.site.node(victim)["state"].clone();
        (state != "ready" && state != "jeopardy").then_some(())
    });
    assert!(since.elapsed() < GIVEN_UP, "given up after {:?}", since.elapsed());
    let others = rack.site.wait_at_least(2, STEP);
    assert!(!others.iter().any(|other| other == victim), "{others:?}");
}

fn cut_and_mended(cut: Cut) {
    let Some((rack, load, victim, number)) = rack() else { return };
    let since = Instant::now();
    rack.cut(number, cut);
    is_replaced(&rack, &victim, since);
    wait_for("nothing of its service is left", STEP, || rack.site.copies_at(number).is_empty().then_some(()));
    load.wait_on(STEP);
    rack.mend(number, cut);
    wait_for("it is of use again", STEP, || {
        let state = rack.site.node(&victim)["state"].clone();
        ["free", "ready"].iter().any(|word| state == *word).then_some(())
    });
    load.wait_on(STEP);
    ended_well(load, &format!("link cut, {cut:?}"));
}

/// What was sent to the node and not answered was repeated as soon as it was given up, not when TCP
/// did so or the link was whole again.
fn ended_well(load: Arrivals, what: &str) {
    let tally = load.finish().print(what);
    tally.assert_no_safe_lost();
    assert!(tally.safe.slowest < GIVEN_UP, "a GET took {:?}", tally.safe.slowest);
}

#[test]
fn a_link_cut_both_ways_costs_no_safe_request_and_its_node_frees_itself() {
    cut_and_mended(Cut::Both);
}

#[test]
fn a_node_that_nothing_reaches_costs_no_safe_request_and_frees_itself() {
    cut_and_mended(Cut::ToNode);
}

#[test]
fn a_node_that_reaches_nobody_costs_no_safe_request_and_frees_itself() {
    cut_and_mended(Cut::ToFront);
}

#[test]
fn a_machine_that_is_gone_at_once_costs_no_safe_request_and_is_replaced() {
    let Some((rack, load, victim, number)) = rack() else { return };
    let since = Instant::now();
    rack.take_away(number);
    is_replaced(&rack, &victim, since);
    load.wait_on(STEP);
    ended_well(load, "machine gone");
}
