//! `capacity = "auto"`: what a copy handles well is learned from a load that is too much, shown, and decided by.

use std::time::Duration;

use e2e::arrivals::Arrivals;
use e2e::site::{Plan, Site};
use e2e::wait_for;

use crate::PROGRAM;

/// It may come down from 20 by a tenth a second, once a probe has shown why.
const LEARNED: Duration = Duration::from_secs(60);

/// Copies that handle two at a time, of 50 ms each, 40 a second: more than the local copy and the node do together.
const PER_SECOND: u32 = 110;
const WAIT_MS: u32 = 50;

/// Far from where it begins, and soon reached; how near it comes to two is held by the learner's own tests.
const ENOUGH: f64 = 15.0;

#[test]
fn what_a_copy_handles_well_is_learned_under_an_overload_and_decided_by() {
    let mut site = Site::new(PROGRAM, &Plan { nodes: 1, ..Plan::default() });
    site.rewrite("capacity = 8", "capacity = \"auto\"");
    site.rewrite("\"--workers\", \"8\"", "\"--workers\", \"2\"");
    site.start();
    site.wait_until_up();
    let learned = || site.status()?["service_manager"]["Ok"]["learned_capacity"].as_f64();
    assert_eq!(learned(), Some(20.0));
    let load = Arrivals::start(site.address(), PER_SECOND, WAIT_MS);
    let k = wait_for("it is learned", LEARNED, || learned().filter(|k| *k < ENOUGH));
    assert!(k >= 1.0, "{k}");
    let by_it = |decision: &serde_json::Value| {
        decision["figures"]["copy_capacity"].as_f64().is_some_and(|k| (1.0..ENOUGH).contains(&k))
    };
    wait_for("decisions go by it", LEARNED, || site.decisions().iter().any(by_it).then_some(()));
    let shown = String::from_utf8(site.run("status", &[]).stdout).unwrap();
    assert!(shown.contains(" (learned)"), "{shown}");
    drop(load);
    assert!(site.down().success());
}
