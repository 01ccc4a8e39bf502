//! Under which conditions a run was made, as sentences for its report.

use std::env::consts::ARCH;
use std::fs;

use super::experiment::Experiment;
use super::goals::Found;
use super::plan::{FLAT_SHARE, MIX_RATE, MIX_REQUESTS, NODES, Part, Plan, Top};
use super::{Args, TOOLS};
use crate::bench::tools;

/// One after the other; `ended_by` is why a run did not come to its end.
pub(super) fn of(args: &Args, plan: &Plan, found: &Found, ended_by: Option<&str>) -> Vec<String> {
    let mut all = Vec::new();
    if let Some(words) = ended_by {
        all.push(format!("This is a part of a run: {words}."));
    }
    if plan.is_quick {
        all.push(
            "A quick run shows that it works; how fast it is, one short round does not tell.".to_owned(),
        );
    }
    all.extend(machine());
    all.push(rack(args, plan));
    all.extend(work(args));
    all.extend(clients(plan));
    if plan.has(Part::Elastic) {
        all.push(
            "Left to itself, Accordion has capacity = 1 and damps in proportion to the climb (down_window 30 s of \
             120 s by default, where it takes ten minutes): conf/elastic.toml. One who knows the load goes by the same \
             rule: no node while the local copy is below `high`, then as many as keep the nodes at `target`."
                .to_owned(),
        );
    }
    if found.top.local > 0 {
        let Top { local, by_nodes } = found.top;
        all.push(format!(
            "The better of nginx and HAProxy serves up to {local}/s of 1 KB without an error before the local copy, and up \
             to {by_nodes}/s before {NODES} nodes, each time it is asked: looked for in steps of a quarter."
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

fn machine() -> Vec<String> {
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    let cpus = cpus();
    let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
    let kernel = read("/proc/sys/kernel/osrelease");
    let model = read("/proc/cpuinfo");
    let model = model
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map(|(_, name)| name);
    let model = model.unwrap_or(ARCH);
    vec![format!(
        "Accordion {}, {build} build, on {cpus} CPUs ({model}), Linux {}.",
        env!("CARGO_PKG_VERSION"),
        kernel.trim()
    )]
}

fn rack(args: &Args, plan: &Plan) -> String {
    let client =
        args.client_cpu.map_or_else(|| "what the others leave".to_owned(), |share| share.to_string());
    let (front, node, cpus) = (args.front_cpu.cores(), args.node_cpu.cores(), cpus());
    let busy = front + f64::from(NODES) * node;
    let mut sentence = format!(
        "The rack: a front end worth {front} of a core, nodes worth {node} each, clients with {client}; links of {} each, \
         not delayed. CPU is capped by quotas in periods of 1 to 5 ms, and a machine of a core or less is on one CPU. \
         Busy, the front end and {NODES} nodes take {busy} of the {cpus} cores",
        args.link
    );
    if plan.has(Part::Mix) {
        let mix = front + f64::from(plan.nodes_max()) * node;
        sentence +=
            &format!(", and with {} nodes, which the mix never keeps busy, {mix} would", plan.nodes_max());
    }
    sentence + "; httperf, which spins while it waits, takes what is left."
}

fn work(args: &Args) -> Vec<String> {
    let ms = |cores: f64| 2.5 / cores;
    vec![
        format!(
            "The service is `accordion demo-service`, the same for all. A request with work burns 2.5 ms of a core: \
             {:.2} ms of a node, {:.2} ms of the front end.",
            ms(args.node_cpu.cores()),
            ms(args.front_cpu.cores())
        ),
        "nginx, HAProxy and Accordion write X-Forwarded-For and no log, with one worker each, to the copy with the \
         fewest requests in flight; each request has a connection of its own to them. nginx writes no temporary files. \
         Accordion goes by a relay on each node, but where it says \"direct\". \"Thread per connection\" is a relay as in \
         the paper's figure 5, in Rust. All of them run throughout, most of them idle; of several nodes each has the same \
         ones, but for the mix, where Accordion has any so many of the ten."
            .to_owned(),
    ]
}

fn clients(plan: &Plan) -> Vec<String> {
    let plural = |rounds: usize| if rounds == 1 { "1 round".to_owned() } else { format!("{rounds} rounds") };
    vec![
        format!(
            "{} of {} s ({} s at rising rates of 1 KB; {} of the mix), everybody in turn in each; figures are medians \
             of the rounds. At 1 request/s that is {} requests a round, where the paper had 100 in all.",
            plural(plan.rounds),
            plan.seconds,
            plan.seconds_of(Experiment::Rate),
            plural(plan.rounds_of(Experiment::Mix)),
            plan.seconds
        ),
        "httperf's reply times are means from the begin of the connection to its end, answers with an error among them, in \
         tenths of a millisecond; the open-loop client's are from when the request was due to the last byte of a good \
         answer, and each is due at some moment of its gap, so that it is not in step with the quotas. httperf \
         can have about 1,000 connections open; those beyond count as failed."
            .to_owned(),
        format!("A measurement of the mix sends {MIX_REQUESTS} requests at {MIX_RATE}/s."),
    ]
}

pub(super) fn cpus() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
