//! Whole clusters started and broken on one machine: what the scenario tests in `tests/` share.
//!
//! `site` starts a cluster with `accordion up` on addresses of its own, `processes` finds and kills
//! what runs of it, `client` speaks plain HTTP over real sockets, `load` keeps a number of requests
//! in flight and remembers every failure, `arrivals` sends them at a constant rate, come what may, `steady` adds slow
//! ones to them, and `rack` gives each machine a network namespace, so that links can be cut; `link` is a cable
//! that can be cut without any. `dice` is chance from a seed. `runs` keeps
//! what benchmarks found.

pub mod arrivals;
pub mod client;
pub mod dice;
pub mod link;
pub mod load;
pub mod processes;
pub mod rack;
pub mod runs;
pub mod site;
pub mod steady;

use std::time::{Duration, Instant};

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Waits until `look` answers something.
///
/// # Panics
/// When it has not by `limit`: `what` is said.
pub fn wait_for<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "waited {limit:?} in vain until {what}");
        std::thread::sleep(LOOK_EVERY);
    }
}
