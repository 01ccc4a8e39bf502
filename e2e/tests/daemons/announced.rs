//! Ends that are announced, under a load that goes on regardless (design sections 4 and 7): an operator
//! drains a node, a task-processor is told to end. Slow requests run meanwhile, and not even a POST is lost.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use e2e::arrivals::{Arrivals, Tally};
use e2e::client;
use e2e::processes;
use e2e::site::{Plan, Services, Site};
use e2e::steady::Steady;
use e2e::wait_for;
use rustix::process::Signal;

use crate::PROGRAM;

const STEP: Duration = Duration::from_secs(30);

/// One begins each second: two nodes that take them in turn have each one that is no older than two.
const SLOW: Duration = Duration::from_secs(3);

/// So long a drain waits for it, at least.
const WAITED: Duration = Duration::from_millis(700);

/// How long an announced end waits for the drain.
const NOTICE: Duration = Duration::from_secs(10);

/// Nodes that are kept, so that what the load asks for meanwhile does not matter.
fn keeping(nodes: u32) -> Plan {
    Plan {
        service: format!("min = {nodes}\ndispatch = \"round-robin\""),
        lease: format!("reclaim_notice = \"{}s\"", NOTICE.as_secs()),
        ..Plan::default()
    }
}

/// Tells the daemon of a node to end, and answers how long it took.
fn end(site: &Site, node: &str, meanwhile: impl FnOnce()) -> Duration {
    let process = site.daemon(&["task-processor", "--node", node]).unwrap();
    let told = Instant::now();
    processes::signal(process.pid, Signal::TERM);
    meanwhile();
    wait_for("it has ended", STEP, || {
        let now = site.daemon(&["task-processor", "--node", node]);
        now.is_none_or(|now| now.pid != process.pid).then_some(())
    });
    told.elapsed()
}

/// How the daemon of a node has ended so far.
fn ends(site: &Site, node: &str) -> Vec<String> {
    let log = site.log();
    let told = log.lines().filter_map(|line| line.strip_prefix(&format!("task-processor[{node}]")));
    let told = told.filter(|words| words.trim_start().starts_with("| exited with status"));
    told.map(str::to_owned).collect()
}

fn nothing_lost(tally: Tally, what: &str) {
    let tally = tally.print(what);
    tally.assert_no_safe_lost();
    assert_eq!(tally.unsafe_.lost(), 0, "{:#?}", tally.unsafe_.losses);
}

#[test]
fn a_node_drained_by_an_operator_loses_no_request_and_goes_to_nobody_until_undrained() {
    // The one service keeps a node, the other one borrows what is left.
    let plan = Plan { services: Services::Written(2), each: vec!["min = 1".to_owned()], ..Plan::default() };
    let mut site = Site::up(PROGRAM, &plan);
    let steady = Steady::start(site.address(), SLOW);
    let node = wait_for("a node serves demo-a", STEP, || site.nodes_of("demo-a", "ready").pop());
    steady.wait_on(STEP);
    let told = Instant::now();
    assert!(site.run("drain", &[&node]).status.success());
    wait_for("its drain waits for the slow ones", STEP, || {
        site.nodes_of("demo-a", "draining").contains(&node).then_some(())
    });
    wait_for("it is drained", STEP, || {
        site.nodes_of("demo-a", "drained by operator").contains(&node).then_some(())
    });
    assert!(told.elapsed() > WAITED, "after {:?}", told.elapsed());
    let other = wait_for("another one serves demo-a", STEP, || site.nodes_of("demo-a", "ready").pop());

    let surge = Arrivals::start(site.address_of(1), 60, 200);
    wait_for("demo-b has what is left and wants more", STEP, || {
        let ready = site.nodes_of("demo-b", "ready");
        let held_back = || site.decisions_of("demo-b").pop().map(|last| last["reason"] == "nothing-left");
        (ready.len() == 1 && held_back()?).then_some(())
    });
    assert!(site.holders()[&node].is_empty(), "{:?}", site.holders());
    assert_eq!(site.holders()[&other], ["demo-a"]);
    assert!(site.run("undrain", &[&node]).status.success());
    wait_for("it serves demo-b", STEP, || {
        let answer = client::get(site.address_of(1), "/bytes/10", STEP).unwrap();
        assert_eq!(answer.status, 200);
        (answer.header("x-accordion-served-by") == Some(&node)).then_some(())
    });
    nothing_lost(steady.finish(), "node drained by an operator");
    nothing_lost(surge.finish(), "the other service meanwhile");
    assert!(site.down().success());
}

/// A notice that is shorter than the requests that run: what comes of an end that is announced so.
fn cuts_at_its_deadline(what: &str, announced: impl FnOnce(&Site, &str)) {
    const SHORT_NOTICE: Duration = Duration::from_secs(2);
    const TOO_SLOW: Duration = Duration::from_secs(6);
    let plan = Plan {
        service: "min = 2\ndispatch = \"round-robin\"\nstop_timeout = \"500ms\"".to_owned(),
        lease: format!("reclaim_notice = \"{}s\"", SHORT_NOTICE.as_secs()),
        ..Plan::default()
    };
    let mut site = Site::up(PROGRAM, &plan);
    let node = site.wait_ready(2, STEP).remove(0);
    let steady = Steady::start(site.address(), TOO_SLOW);
    wait_for("slow requests are at the node", STEP, || {
        (site.node(&node)["in_flight"].as_u64() > Some(2)).then_some(())
    });
    let told = Instant::now();
    announced(&site, &node);
    let took = told.elapsed();
    assert!(took >= SHORT_NOTICE && took < TOO_SLOW, "it took {took:?}");
    let log = site.log();
    let said = log.lines().find_map(|line| line.split_once("requests cut")?.1.split_once("requests="));
    let said = said.and_then(|(_, rest)| rest.split(' ').next()).map(str::parse);
    let cut: u64 = said.unwrap_or_else(|| panic!("nothing is said to be cut:\n{log}")).unwrap();
    // A GET goes to another copy then; a POST is not sent twice.
    let tally = steady.finish().print(what);
    tally.assert_no_safe_lost();
    assert!(cut > 0 && tally.unsafe_.lost() <= cut, "{cut} cut: {:#?}", tally.unsafe_.losses);
    assert!(site.down().success());
}

#[test]
fn a_node_that_is_to_be_drained_now_cuts_at_its_deadline_and_counts_what_it_cuts() {
    cuts_at_its_deadline("node drained now", |site, node| {
        let said = String::from_utf8(site.run("drain", &[node, "--now"]).stdout).unwrap();
        assert!(said.contains("requests that still run in 2 s are cut"), "{said}");
        wait_for("it is drained", STEP, || (site.node(node)["state"] == "drained by operator").then_some(()));
    });
}

#[test]
fn a_task_processor_told_to_end_does_so_in_time_whatever_still_runs() {
    cuts_at_its_deadline("task-processor told to end in slow requests", |site, node| {
        end(site, node, || {});
        let ends =
            wait_for("it is told how", STEP, || Some(ends(site, node)).filter(|ends| !ends.is_empty()));
        assert!(ends[0].contains("exited with status 0"), "{ends:?}");
    });
}

#[test]
fn a_task_processor_told_to_end_waits_until_it_is_drained_and_another_node_is_ordered() {
    let mut site = Site::up(PROGRAM, &keeping(2));
    let steady = Steady::start(site.address(), SLOW);
    let leaving = site.wait_ready(2, STEP).remove(0);
    steady.wait_on(STEP);
    let took = end(&site, &leaving, || {
        let others = wait_for("another node is ready", STEP, || {
            Some(site.nodes_in("ready")).filter(|ready| ready.len() == 2)
        });
        assert!(!others.contains(&leaving), "{others:?}");
    });
    assert!(took > WAITED && took < NOTICE, "it took {took:?}");
    let ends = wait_for("it is told how it ended", STEP, || {
        Some(ends(&site, &leaving)).filter(|ends| !ends.is_empty())
    });
    assert!(ends.len() == 1 && ends[0].contains("exited with status 0"), "{ends:?}");
    let reasons: Vec<_> = site.decisions().iter().map(|entry| entry["reason"].clone()).collect();
    assert!(reasons.iter().any(|reason| reason == "reclaimed"), "{reasons:?}");
    assert!(reasons.iter().any(|reason| reason == "replaced"), "{reasons:?}");
    steady.wait_on(STEP);
    nothing_lost(steady.finish(), "task-processor told to end");
    assert!(site.down().success());
}

#[test]
fn a_task_processor_told_to_end_does_not_cut_a_download_that_takes_seconds() {
    let mut site = Site::up(PROGRAM, &Plan { nodes: 2, ..keeping(1) });
    let steady = Steady::start(site.address(), SLOW);
    site.wait_ready(1, STEP);
    wait_for("the front end knows of it", STEP, || {
        let answer = site.get("/bytes/10").unwrap();
        (answer.header("x-accordion-served-by") != Some("local")).then_some(())
    });
    let (download, node) = Download::start(site.address());
    let took = end(&site, &node, || {});
    assert!(took > Duration::from_secs(2) && took < NOTICE, "it took {took:?}");
    assert_eq!(download.wait(), Download::BYTES, "it was cut");
    assert!(ends(&site, &node).iter().all(|line| line.contains("exited with status 0")));
    nothing_lost(steady.finish(), "task-processor told to end in a download");
    assert!(site.down().success());
}

/// A client that takes its time, far more than the buffers on the way hold.
struct Download(JoinHandle<u64>);

impl Download {
    /// At this rate the whole takes 6 s.
    const BYTES: u64 = 96 << 20;
    const PER_SECOND: u64 = 16 << 20;

    /// Its head has come; who serves it is answered as well.
    fn start(address: SocketAddr) -> (Self, String) {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET /bytes/{} HTTP/1.1\r\nhost: e2e\r\nconnection: close\r\n\r\n", Self::BYTES)
            .unwrap();
        let mut reader = BufReader::new(stream);
        let (mut line, mut served_by) = (String::new(), String::new());
        while line != "\r\n" {
            line.clear();
            reader.read_line(&mut line).unwrap();
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("x-accordion-served-by")
            {
                value.trim().clone_into(&mut served_by);
            }
        }
        (Self(thread::spawn(move || Self::read(reader))), served_by)
    }

    /// How many bytes came.
    fn read(mut reader: BufReader<TcpStream>) -> u64 {
        let (mut piece, mut read, began) = (vec![0; 1 << 20], 0, Instant::now());
        loop {
            match reader.read(&mut piece) {
                Ok(0) | Err(_) => return read,
                Ok(bytes) => read += bytes as u64,
            }
            // By the clock: how much comes at a time is not for the reader to say.
            let due = Duration::from_millis(read * 1_000 / Self::PER_SECOND);
            thread::sleep(due.saturating_sub(began.elapsed()));
        }
    }

    fn wait(self) -> u64 {
        self.0.join().unwrap()
    }
}
