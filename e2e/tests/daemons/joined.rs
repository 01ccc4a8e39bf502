//! Nodes that join a running cluster and leave it, by an edit of cluster.toml and SIGHUP (design section
//! 7): under a load that goes on regardless no request is lost, of whatever kind.

use std::process::Child;
use std::time::Duration;

use e2e::arrivals::Arrivals;
use e2e::site::{Plan, Site};
use e2e::{processes, wait_for};
use rustix::process::Signal;

use crate::PROGRAM;

const STEP: Duration = Duration::from_secs(60);

/// Requests a second, and how long each keeps a place: 8 in flight, for which two nodes are wanted.
const PER_SECOND: u32 = 40;
const WAIT_MS: u32 = 200;

/// A task-processor that `up` does not know, and takes no care of.
struct Joined(Child);

impl Joined {
    fn start(site: &Site, node: &str) -> Self {
        let mut command = site.command("task-processor");
        command.arg("--node").arg(node);
        let listening = || site.log().matches("node listens").count();
        let before = listening();
        let joined = Self(site.spawn(command));
        // Before that a SIGHUP would end it, like any program that has not said what it does with it.
        wait_for(&format!("{node} listens"), STEP, || (listening() > before).then_some(()));
        joined
    }

    fn end(mut self) {
        processes::signal(self.0.id() as i32, Signal::TERM);
        wait_for("it has ended", STEP, || self.0.try_wait().unwrap());
    }
}

impl Drop for Joined {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn table(site: &Site, node: u32) -> String {
    format!("[[node]]\nname = \"c{node}\"\naddress = \"{}\"\n", site.ip(node))
}

/// Puts the text in the place of cluster.toml in one step, and has the daemons read it.
fn edit(site: &Site, text: &str) {
    let new = site.directory().join("cluster.toml.new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(new, site.config()).unwrap();
    site.hang_up();
}

fn wait_until_it_serves(site: &Site, node: &str) {
    wait_for(&format!("a request is served by {node}"), STEP, || {
        let answer = site.get("/bytes/10").unwrap();
        (answer.header("x-accordion-served-by") == Some(node)).then_some(())
    });
}

fn pids(site: &Site) -> Vec<i32> {
    let mut pids: Vec<i32> = site.daemons().iter().map(|daemon| daemon.pid).collect();
    pids.sort_unstable();
    pids
}

#[test]
fn a_node_joins_another_leaves_and_comes_back_and_no_request_is_lost() {
    let mut site = Site::up(PROGRAM, &Plan { nodes: 1, ..Plan::default() });
    let load = Arrivals::start(site.address(), PER_SECOND, WAIT_MS);
    site.wait_for_node("c1", STEP);

    let alone = std::fs::read_to_string(site.config()).unwrap();
    let both = format!("{alone}\n{}", table(&site, 2));
    std::fs::write(site.config(), &both).unwrap();
    let joined = Joined::start(&site, "c2");
    edit(&site, &both);
    site.wait_for_node("c2", STEP);
    wait_until_it_serves(&site, "c2");

    let daemons = pids(&site);
    let without = both.replace(&table(&site, 1), "");
    edit(&site, &without);
    wait_for("c1 has left", STEP, || site.node("c1").is_null().then_some(()));
    assert!(site.copies_at(1).is_empty(), "its copy was stopped before");
    load.wait_on(STEP);
    wait_until_it_serves(&site, "c2");
    let reasons: Vec<_> = site.decisions().into_iter().map(|decision| decision["reason"].clone()).collect();
    assert!(["joined", "removed"].iter().all(|word| reasons.contains(&(*word).into())), "{reasons:?}");
    let log = site.log();
    for words in
        ["applied: node c2 is new", "applied: node c1 is gone", "grants nothing new", "has left the pool"]
    {
        assert!(log.contains(words), "{words:?} is not in\n{log}");
    }

    // With faults nothing changes, and each daemon names every one of them.
    edit(&site, &both.replace("address", "adress"));
    let count = |words: &str| site.log().matches(words).count();
    wait_for("each daemon has refused the file", STEP, || {
        (count("is not taken, the one in force stays") == daemons.len()).then_some(())
    });
    let line = both.lines().position(|line| line.starts_with("address")).unwrap() + 1;
    let first = format!("cluster.toml:{line}:1: unknown key \"adress\", did you mean \"address\"?");
    assert_eq!((count(&first), count("unknown key")), (daemons.len(), 2 * daemons.len()));
    load.wait_on(STEP);
    wait_until_it_serves(&site, "c2");

    edit(&site, &both);
    site.wait_for_node("c1", STEP);
    load.wait_on(STEP);
    assert_eq!(pids(&site), daemons, "no daemon was ended by it");
    let tally = load.finish().print("nodes joined and left");
    tally.assert_no_safe_lost();
    assert_eq!(tally.unsafe_.lost(), 0, "{:#?}", tally.unsafe_.losses);
    joined.end();
    assert!(site.down().success());
}
