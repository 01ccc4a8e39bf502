//! What must hold at every moment, whatever the links do: no more copies at a node than it has slots, and
//! no copy whose holder has not reached the node for too long.

use std::time::{Duration, Instant};

use e2e::link::{Manner, Ways};
use e2e::processes::{self, Process};
use e2e::site::Site;

use super::stage::{ENDS_WITHIN, NODES, SERVICES, first_port, name_of};

/// What was seen so far.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// Since when nothing of a front end reaches a node.
    held_since: [[Option<Instant>; NODES]; SERVICES],
    /// The longest from one look to the next: if that is long, the machine had no time for anybody.
    pub(crate) stall: Duration,
    /// The pids of the copies of each service at each node, at the last look.
    pub(crate) copies: [[Vec<i32>; NODES]; SERVICES],
}

impl Watch {
    /// What a link was made to be just now.
    pub(crate) fn note(&mut self, front: usize, node: usize, ways: Ways) {
        let since = &mut self.held_since[front][node];
        *since = (ways.to_node == Manner::Hold).then(|| since.unwrap_or_else(Instant::now));
    }

    pub(crate) fn look(&mut self, site: &Site) {
        self.copies = copies(site);
        for node in 0..NODES {
            let here: Vec<_> = self.copies.iter().map(|service| &service[node]).collect();
            let count: usize = here.iter().map(|pids| pids.len()).sum();
            assert!(count <= 1, "{count} copies in one slot at {}: {here:?}", name_of(node));
            for service in 0..SERVICES {
                let silent = self.held_since[service][node].map_or(Duration::ZERO, |since| since.elapsed());
                let left = &self.copies[service][node];
                assert!(
                    silent < ENDS_WITHIN + self.stall || left.is_empty(),
                    "{left:?} of service {service} run at {} {silent:?} after the last word of their holder",
                    name_of(node)
                );
            }
        }
    }
}

/// The copies at the nodes, without their guards, on whose command lines the same words stand.
fn copies(site: &Site) -> [[Vec<i32>; NODES]; SERVICES] {
    let mut copies: [[Vec<i32>; NODES]; SERVICES] = Default::default();
    let all = processes::with_mark("demo-service");
    for process in
        all.iter().filter(|process| process.arguments.get(1).is_some_and(|word| word == "demo-service"))
    {
        let node = (0..NODES)
            .find(|&node| after(process, "--address") == Some(site.ip(node as u32 + 1).to_string()));
        let Some(node) = node else { continue };
        let port: u16 = after(process, "--port").unwrap().parse().unwrap();
        let service = (0..SERVICES).rev().find(|&service| first_port(service) <= port).unwrap();
        copies[service][node].push(process.pid);
    }
    copies
}

/// The argument after that one.
fn after(process: &Process, word: &str) -> Option<String> {
    let place = process.arguments.iter().position(|argument| argument == word)?;
    process.arguments.get(place + 1).cloned()
}
