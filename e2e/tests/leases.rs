//! The lease protocol in a made-up world: the holders of three front ends against the books of twenty
//! nodes, with faults drawn from a seed. Only the pure modules run, `load_manager::holder` and
//! `task_processor::lease`; processes, network, clocks and the daemons' shells are in `leases/`.
//!
//! Held after every event: no more leases and processes at a node than it has slots, and no slot granted
//! while a process of its last lease lives (I1); who is out of date acts on nothing, and an epoch is on
//! disk before it is given (I2); a process ends in time after the last contact with its holder (I3); what
//! is guaranteed is not reclaimed (I4); an awake holder has taken a lease off its list before its node lets
//! it go for want of a renewal (I5); within 180 s of the last fault every service has its min, and each
//! lease is one that its holder knows (I6).
//!
//! `SEEDS=100000 cargo test -p e2e --test leases` plays as many days, `SEED=4711` that one alone, with its
//! last events.

#[path = "leases/dice.rs"]
mod dice;
#[path = "leases/faults.rs"]
mod faults;
#[path = "leases/manager.rs"]
mod manager;
#[path = "leases/network.rs"]
mod network;
#[path = "leases/node.rs"]
mod node;
#[path = "leases/pool.rs"]
mod pool;
#[path = "leases/wire.rs"]
mod wire;
#[path = "leases/world.rs"]
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use world::{Trace, World};

/// Days in the test suite.
const SEEDS: u64 = 1000;

fn number(name: &str) -> Option<u64> {
    Some(std::env::var(name).ok()?.parse().expect("a whole number"))
}

/// Plays a day; where it fails, once more with its last events told.
fn play(seed: u64) -> u64 {
    match catch_unwind(|| World::new(seed, None).play()) {
        Ok(events) => events,
        Err(_) => tell(seed),
    }
}

fn tell(seed: u64) -> u64 {
    let trace = Trace::default();
    let played = catch_unwind(AssertUnwindSafe(|| World::new(seed, Some(trace.clone())).play()));
    played.unwrap_or_else(|_| {
        for event in trace.borrow().iter() {
            eprintln!("{event}");
        }
        panic!("seed {seed} fails; its last events are above");
    })
}

#[test]
fn no_day_breaks_a_rule_of_the_leases() {
    if let Some(seed) = number("SEED") {
        tell(seed);
        return;
    }
    let seeds = number("SEEDS").unwrap_or(SEEDS);
    let (next, threads) = (AtomicU64::new(0), std::thread::available_parallelism().map_or(1, usize::from));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        return;
                    }
                    play(seed);
                }
            });
        }
    });
}

#[test]
fn the_same_seed_is_the_same_day() {
    assert_eq!(play(7), play(7));
}
