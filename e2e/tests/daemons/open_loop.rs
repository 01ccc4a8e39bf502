//! Each daemon killed with -9 under a load that goes on regardless, GETs and POSTs mixed (design
//! section 7). What became of the POSTs, which are never sent twice, is printed.

use std::time::Duration;

use e2e::arrivals::Arrivals;
use e2e::site::{Plan, Site};
use e2e::wait_for;

use crate::PROGRAM;

const STEP: Duration = Duration::from_secs(30);

/// Requests a second, and how long each keeps a place: 8 in flight.
const PER_SECOND: u32 = 40;
const WAIT_MS: u32 = 200;

/// From the signal until the kernel has closed the process's sockets, on a busy machine.
const DYING: Duration = Duration::from_millis(200);

/// Two nodes are kept, so that what the load asks for meanwhile does not matter.
fn plan() -> Plan {
    Plan { service: "min = 2\n".to_owned(), ..Plan::default() }
}

#[test]
fn killed_task_processors_cost_no_safe_request() {
    let mut site = Site::up(PROGRAM, &plan());
    let load = Arrivals::start(site.address(), PER_SECOND, WAIT_MS);
    for _ in 0..3 {
        let victim = site.wait_at_least(2, STEP).remove(0);
        load.wait_on(STEP);
        site.kill(&["task-processor", "--node", &victim]);
        wait_for("it is noticed", STEP, || (site.node(&victim)["state"] != "ready").then_some(()));
        load.wait_on(STEP);
    }
    load.finish().print("task-processors killed").assert_no_safe_lost();
    assert!(site.down().success());
}

#[test]
fn killed_load_managers_cost_no_request_at_all() {
    let mut site = Site::up(PROGRAM, &plan());
    let load = Arrivals::start(site.address(), PER_SECOND, WAIT_MS);
    for _ in 0..3 {
        site.wait_at_least(2, STEP);
        load.wait_on(STEP);
        let old = site.kill(&["load-manager"]);
        wait_for("a new one runs", STEP, || site.daemon(&["load-manager"]).filter(|new| new.pid != old));
        load.wait_on(STEP);
    }
    site.wait_at_least(2, STEP);
    let tally = load.finish().print("load-managers killed");
    tally.assert_no_safe_lost();
    assert_eq!(tally.unsafe_.lost(), 0, "{:#?}", tally.unsafe_.losses);
    assert!(site.down().success());
}

#[test]
fn a_killed_service_manager_costs_only_what_it_had_in_hand() {
    let mut site = Site::up(PROGRAM, &plan());
    let load = Arrivals::start(site.address(), PER_SECOND, WAIT_MS);
    site.wait_at_least(2, STEP);
    load.wait_on(STEP);
    let old = site.kill(&["service-manager"]);
    let killed = load.age() + DYING;
    wait_for("a new one runs", STEP, || site.daemon(&["service-manager"]).filter(|new| new.pid != old));
    load.wait_on(STEP);
    site.wait_at_least(2, STEP);
    let tally = load.finish().print("service-manager killed");
    // Its clients' connections end with it, and nobody but they could send again what was on them.
    for loss in tally.safe.losses.iter().chain(&tally.unsafe_.losses) {
        assert!(loss.sent < killed && loss.ended < killed, "after it was killed at {killed:?}: {loss:?}");
    }
    assert!(tally.safe.answered > 20);
    assert!(site.down().success());
}
