//! The lease protocol in a made-up world: the holders of the front ends against the books of the nodes.
//! Only the pure modules run, `load_manager::holder` and `task_processor::lease`; processes, network,
//! clocks and the daemons' shells are in `leases/`.
//!
//! `leases/day.rs`: three services on twenty nodes, with faults drawn from a seed. Held after every event:
//! no more leases and processes at a node than it has slots, those of a killed daemon included (I1); who is
//! out of date acts on nothing, and an epoch is on disk before it is given (I2); a process ends in time
//! after the last contact with its holder (I3); what is guaranteed is not reclaimed (I4); an awake holder
//! has taken a lease off its list before its node lets it go for want of a renewal, and its service-manager
//! has that list (I5); within 180 s of the last fault every service has the share that it is due, and each
//! lease is one that its holder knows (I6).
//!
//! `settling.rs`: twenty services on two hundred nodes, without a fault, settle on their shares and
//! then stay still.
//!
//! `SEEDS=100000 cargo test -p e2e --test leases` plays as many days, `SEED=4711` that one alone, with its
//! last events. `SETTLE_SEEDS=20` lets the services settle for as many seeds, and keeps the times in
//! `e2e/runs/`.

#![allow(clippy::unwrap_used, reason = "an unwrap here is the assertion")]

mod day;
mod faults;
mod freed;
mod front;
mod manager;
mod network;
mod node;
mod pool;
mod settling;
mod standing;
mod wire;
mod world;

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use settling::{Case, Settled};
use world::Trace;

/// Days in the test suite.
const SEEDS: u64 = 1000;

/// Seeds for which the services settle there.
const SETTLE_SEEDS: u64 = 2;

fn number(name: &str) -> Option<u64> {
    Some(std::env::var(name).ok()?.parse().expect("a whole number"))
}

/// Does it for each number below `count`, side by side.
fn each(count: u64, act: impl Fn(u64) + Sync) {
    let (next, threads) = (AtomicU64::new(0), std::thread::available_parallelism().map_or(1, usize::from));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return;
                    }
                    act(number);
                }
            });
        }
    });
}

/// Plays a day; where it fails, once more with its last events told.
fn play(seed: u64) -> u64 {
    match catch_unwind(|| day::play(seed, None)) {
        Ok(events) => events,
        Err(_) => tell(seed),
    }
}

fn tell(seed: u64) -> u64 {
    let trace = Trace::default();
    let played = catch_unwind(AssertUnwindSafe(|| day::play(seed, Some(trace.clone()))));
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
    each(number("SEEDS").unwrap_or(SEEDS), |seed| {
        play(seed);
    });
}

#[test]
fn the_same_seed_is_the_same_day() {
    assert_eq!(play(7), play(7));
}

#[test]
fn twenty_services_on_two_hundred_nodes_settle_on_their_shares_and_then_stay_still() {
    let asked = number("SETTLE_SEEDS");
    let cases: Vec<Case> = (0..asked.unwrap_or(SETTLE_SEEDS)).flat_map(Case::all).collect();
    let settled = Mutex::new(Vec::new());
    each(cases.len() as u64, |number| {
        let came = cases[number as usize].play();
        eprintln!("{}: {} s, {} moves, {} nodes held", came.case, came.seconds, came.moves, came.held);
        settled.lock().expect("nobody panics with it").push(came);
    });
    if asked.is_some() {
        let mut settled = settled.into_inner().expect("nobody panicked with it");
        settled.sort_by_key(|came| came.case);
        let title = "Twenty services that settle on two hundred simulated nodes";
        e2e::runs::keep_of(
            "SETTLE_SEEDS=N cargo test -p e2e --test leases settle",
            "shares",
            title,
            &table(&settled),
        );
    }
}

/// The times, a line for each way to begin and to want.
fn table(settled: &[Settled]) -> String {
    let mut text = String::from(
        "| seed | from | wants | settled after | moves | nodes held |\n|---|---|---|---|---|---|\n",
    );
    for Settled { case, seconds, moves, held } in settled {
        let Case { seed, begin, wants } = case;
        writeln!(text, "| {seed} | {begin} | {wants} | {seconds} s | {moves} | {held} |")
            .expect("a string takes it");
    }
    text
}
