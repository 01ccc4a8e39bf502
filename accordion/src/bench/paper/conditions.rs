//! Under which conditions a run was made, as sentences for its report. Pure but for the versions of programs.

use super::experiment::Experiment;
use super::goals::Found;
use super::plan::{FLAT_SHARE, MIX_RATE, MIX_REQUESTS, Plan};
use super::{Args, TOOLS};
use crate::bench::tools;

/// One after the other.
pub(super) fn of(args: &Args, plan: &Plan, found: &Found, cpus: usize) -> Vec<String> {
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    let client =
        args.client_cpu.map_or_else(|| "what the others leave".to_owned(), |share| share.to_string());
    let mut all = vec![
        format!("Accordion {}, {build} build, on {cpus} CPUs ({}).", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH),
        format!(
            "The rack: a front end worth {}, nodes worth {} each, clients with {client}; links of {} each, not \
             delayed. CPU is capped by quotas in periods of 1 to 5 ms.",
            args.front_cpu, args.node_cpu, args.link
        ),
        "httperf spins while it waits and takes what CPU there is; the machines of the rack are worth less than what \
         this machine has beside it. It can have about 1,000 connections open; those beyond \
         count as failed."
            .to_owned(),
        "The service is `accordion demo-service`, the same for all. A request with work burns 2.5 ms of a core: 10 ms of \
         a node worth 0.25, 6.25 ms of a front end worth 0.4."
            .to_owned(),
        "nginx, HAProxy and Accordion write X-Forwarded-For and no log, with one worker each, to the copy with the \
         fewest requests in flight; each request has a connection of its own to them. \"Thread per connection\" is a \
         relay as in the paper's figure 5, in Rust."
            .to_owned(),
        format!(
            "{} rounds of {} s ({} s at rising rates of 1 KB; {} rounds of the mix), everybody in turn in each; figures \
             are medians of the rounds. Reply times are from the begin of the connection to the last byte; those of \
             httperf are its means, in tenths of a millisecond.",
            plan.rounds,
            plan.seconds,
            plan.seconds_of(Experiment::Rate),
            plan.rounds_of(Experiment::Mix),
        ),
        format!("A measurement of the mix sends {MIX_REQUESTS} requests at {MIX_RATE}/s."),
    ];
    if found.top_rate > 0 {
        all.push(format!(
            "The service alone on the front end serves up to {}/s of 1 KB without an error.",
            found.top_rate
        ));
    }
    if found.capacity > 0.0 {
        all.push(format!(
            "A node alone serves {:.0} requests/s with work; {:.0} % of it is where reply times are to be flat yet.",
            found.capacity,
            FLAT_SHARE * 100.0
        ));
    }
    all.extend(tools::versions(&TOOLS));
    all
}
