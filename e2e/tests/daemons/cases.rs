//! The paper's four cases (section 3.2), driven through both policies on real processes: (1) the
//! front end serves alone, (2) it is High and borrows the first node, (3) the load grows on and it
//! borrows another, (4) the load falls and a node is given back.

use std::time::Duration;

use e2e::load::{Load, Request};
use e2e::site::{Plan, Site};

use crate::PROGRAM;

const STEP: Duration = Duration::from_secs(60);

#[test]
fn adaptive_goes_through_all_four_cases() {
    four_cases("adaptive");
}

#[test]
fn classic_goes_through_all_four_cases() {
    four_cases("classic");
}

fn four_cases(policy: &str) {
    let mut plan = Plan::default();
    plan.scaling += &format!("policy = \"{policy}\"\n");
    let mut site = Site::up(PROGRAM, &plan);
    let load = Load::new(site.address(), Request::get(1024, 40, 20), 24);

    // (1) Below High, the front end serves alone: K = 8, so 4 in flight are Medium.
    load.set(4);
    let answered = load.answered();
    e2e::wait_for("two seconds of load have passed", STEP, || {
        (load.answered() > answered + 200).then_some(())
    });
    assert!(site.nodes_in("ready").is_empty(), "{policy} borrowed without need");
    assert!(site.decisions().iter().all(|decision| decision["action"] == "hold"), "{:?}", site.decisions());

    // (2) The local copy is High: the first node is borrowed. (One in the queue makes it a surge.)
    load.set(8);
    site.wait_for_node("c1", STEP);

    // (3) The load grows on until the children are High too: another is borrowed.
    load.set(22);
    site.wait_at_least(2, STEP);

    // (4) The load falls: one after the other is given back.
    load.set(1);
    site.wait_ready(0, STEP);
    load.finish().assert_nothing_lost();
    assert!(site.down().success());
}
