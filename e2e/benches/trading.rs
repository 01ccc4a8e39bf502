//! Two services that trade the nodes of one pool back and forth: opposite loads that change sides, and
//! the requests lost over it.
//!
//! `cargo bench -p e2e --bench trading [-- SECONDS]` (default 300). Keeps its summary in
//! `e2e/runs/<date>-<machine>/`.
#![allow(clippy::print_stdout)] // what a person who runs it reads

use std::time::{Duration, Instant};

use e2e::load::Load;
use e2e::runs;
use e2e::site::{Plan, Services, Site};

const PROGRAM: &str = env!("CARGO_BIN_EXE_e2e-accordion");
const NAMED: &str = env!("CARGO_BIN_EXE_e2e-named");

/// Far above what the local copy takes, and what it takes alone.
const BUSY: usize = 24;
const CALM: usize = 1;

/// How long the load stays on one side; nodes change hands within about 15 s.
const SIDE: Duration = Duration::from_secs(20);

fn main() {
    let asked = std::env::args().find_map(|word| word.parse().ok());
    let seconds: u64 = asked.unwrap_or(300);
    let command = [NAMED, "{address}", "{port}", "{service}", "40"];
    let plan = Plan {
        command: command.map(str::to_owned).to_vec(),
        services: Services::Written(2),
        ..Plan::default()
    };
    let mut site = Site::up(PROGRAM, &plan);
    let names = Services::Written(2).names();
    let load = |(index, name): (u32, &String)| Load::expecting(site.address_of(index), "/", name, BUSY);
    let loads: Vec<Load> = (0..).zip(&names).map(load).collect();
    let begin = Instant::now();
    let mut side = 0;
    while begin.elapsed() < Duration::from_secs(seconds) {
        loads[side].set(BUSY);
        loads[1 - side].set(CALM);
        std::thread::sleep(SIDE);
        let held: Vec<_> = names.iter().map(|name| site.nodes_of(name, "ready").len()).collect();
        println!("{:3.0} s: {} is busy; nodes {held:?}", begin.elapsed().as_secs_f64(), names[side]);
        side = 1 - side;
    }
    let outcomes: Vec<_> = loads.into_iter().map(Load::finish).collect();
    let log = site.log();
    assert!(site.down().success());
    let answered: u64 = outcomes.iter().map(|outcome| outcome.answered).sum();
    let lost: u64 = outcomes.iter().map(|outcome| outcome.failed).sum();
    let changes = log.matches("given back").count();
    let summary = format!(
        "{seconds} s, sides changed every {} s: nodes given back {changes} times, {answered} requests answered, {lost} lost.\n",
        SIDE.as_secs()
    );
    println!("\n{summary}");
    println!("kept in {}", runs::keep("trading", "Two services that trade nodes", &summary).display());
    for outcome in outcomes {
        outcome.assert_nothing_lost();
    }
}
