//! A daemon that stops for longer than its leases last, and wakes (design sections 6 and 7): a machine
//! that was suspended, swapped or starved. Under a load that goes on regardless no safe request is
//! lost, and what wakes takes no part in what was decided without it.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use e2e::arrivals::Arrivals;
use e2e::processes;
use e2e::site::{Plan, Site};
use e2e::wait_for;
use rustix::process::Signal;

use crate::PROGRAM;

const STEP: Duration = Duration::from_secs(30);

/// Requests a second, and how long each keeps a place: 8 in flight, which is more than the local copy is
/// to carry and less than the least that is left here when a node is away.
const PER_SECOND: u32 = 40;
const WAIT_MS: u32 = 200;

/// Longer than the ttl, and shorter than the ttl and the orphan's grace.
const PAUSE: Duration = Duration::from_secs(4);

/// A third of the defaults, so that a test takes seconds.
const LEASE: &str = "ttl = \"3s\"\nrenew = \"500ms\"\njeopardy = \"1s\"\norphan_grace = \"20s\"\n";

/// After so long without an answer; to tell of it takes `status` a moment.
const JEOPARDY: Duration = Duration::from_secs(1);

/// Exit status of a load-manager after which another one came (design section 6).
const FENCED: i32 = 77;

/// Two nodes are kept, so that what the load asks for meanwhile does not matter.
fn plan() -> Plan {
    Plan { lease: LEASE.to_owned(), service: "min = 2\n".to_owned(), ..Plan::default() }
}

fn index_of(node: &str) -> u32 {
    node.trim_start_matches('c').parse().unwrap()
}

fn service_copies(site: &Site, node: &str) -> Vec<i32> {
    let copies = site.copies_at(index_of(node)).into_iter();
    // Not the guards, on whose command lines the same words stand.
    let is_service =
        |copy: &processes::Process| copy.arguments.get(1).is_some_and(|word| word == "demo-service");
    copies.filter(is_service).map(|copy| copy.pid).collect()
}

/// Which child_list is in force.
fn generation(site: &Site) -> u64 {
    let status = site.status().unwrap_or_default();
    status["service_manager"]["Ok"]["generation"].as_u64().unwrap_or(0)
}

/// Stops a process for that long; it is woken in any case, or nothing could end it.
fn pause(pid: i32, meanwhile: impl FnOnce(Instant)) {
    struct Woken(i32);
    impl Drop for Woken {
        fn drop(&mut self) {
            processes::signal(self.0, Signal::CONT);
        }
    }
    let _woken = Woken(pid);
    processes::signal(pid, Signal::STOP);
    let stopped = Instant::now();
    meanwhile(stopped);
    std::thread::sleep(PAUSE.saturating_sub(stopped.elapsed()));
}

#[test]
fn a_task_processor_that_slept_through_its_lease_is_replaced_and_taken_up_again() {
    let mut site = Site::up(PROGRAM, &plan());
    let load = Arrivals::start(site.address(), PER_SECOND, WAIT_MS);
    let ready = site.wait_at_least(2, STEP);
    load.wait_on(STEP);
    let victim = ready.first().unwrap().clone();
    let old_lease = site.node(&victim)["lease_id"].clone();
    let process = site.daemon(&["task-processor", "--node", &victim]).unwrap();
    pause(process.pid, |stopped| {
        wait_for("its silence is noticed", STEP, || (site.node(&victim)["state"] != "ready").then_some(()));
        assert!(stopped.elapsed() < 2 * JEOPARDY, "noticed after {:?}", stopped.elapsed());
        wait_for("its lease is given up", STEP, || {
            (site.node(&victim)["lease_id"] != old_lease).then_some(())
        });
        assert!(stopped.elapsed() < PAUSE, "given up after {:?}", stopped.elapsed());
        let others = wait_for("two others are ready", STEP, || {
            Some(site.nodes_in("ready")).filter(|ready| ready.len() >= 2)
        });
        assert!(!others.contains(&victim), "{others:?}");
    });
    wait_for("it is of use again", STEP, || {
        let state = site.node(&victim)["state"].clone();
        assert!(service_copies(&site, &victim).len() <= 1, "two copies in one slot at {victim}");
        ["free", "ready"].iter().any(|word| state == *word).then_some(())
    });
    // Its lease is asked for as soon as it speaks, and not given back.
    wait_for("its lease is taken up", STEP, || site.log().contains("lease taken up").then_some(()));
    load.wait_on(STEP);
    let tally = load.finish().print("task-processor stopped");
    tally.assert_no_safe_lost();
    // What it had was repeated when it was given up, not answered when it woke.
    assert!(tally.safe.slowest < PAUSE, "a GET took {:?}", tally.safe.slowest);
    assert!(site.down().success());
}

#[test]
fn a_load_manager_that_slept_through_its_leases_takes_them_up_again() {
    let mut site = Site::up(PROGRAM, &plan());
    let load = Arrivals::start(site.address(), PER_SECOND, WAIT_MS);
    let ready = site.wait_at_least(2, STEP);
    load.wait_on(STEP);
    let leases =
        |site: &Site| ready.iter().map(|name| site.node(name)["lease_id"].clone()).collect::<Vec<_>>();
    let copies = |site: &Site| ready.iter().flat_map(|name| service_copies(site, name)).collect::<Vec<_>>();
    let before = (leases(&site), copies(&site));
    let process = site.daemon(&["load-manager"]).unwrap();
    // The nodes serve on as orphans meanwhile.
    pause(process.pid, |_| load.wait_on(STEP));
    // Not what was so before it looked at the time.
    wait_for("it has noticed", STEP, || site.log().contains("this load-manager was stopped").then_some(()));
    wait_for("it holds the same leases again", STEP, || (leases(&site) == before.0).then_some(()));
    wait_for("all of them are ready", STEP, || {
        ready.iter().all(|name| site.node(name)["state"] == "ready").then_some(())
    });
    assert_eq!(copies(&site), before.1, "a copy was started anew");
    assert_eq!(site.daemon(&["load-manager"]).map(|now| now.pid), Some(process.pid));
    load.wait_on(STEP);
    load.finish().print("load-manager stopped").assert_no_safe_lost();
    assert!(site.down().success());
}

#[test]
fn a_load_manager_that_wakes_after_another_took_over_ends_and_leaves_all_to_it() {
    // Three leases are three changes to the list, more than the newer one makes when it takes them up.
    let mut site = Site::up(PROGRAM, &Plan { service: "min = 3\n".to_owned(), ..plan() });
    let load = Arrivals::start(site.address(), PER_SECOND, WAIT_MS);
    let ready = site.wait_at_least(3, STEP);
    load.wait_on(STEP);
    let copies: Vec<_> = ready.iter().flat_map(|name| service_copies(&site, name)).collect();
    let process = site.daemon(&["load-manager"]).unwrap();
    let generation_before = generation(&site);
    let mut newer = None;
    pause(process.pid, |_| {
        newer = Some(Newer::start(&site));
        wait_for("the newer one has said its list", STEP, || {
            (generation(&site) > generation_before).then_some(())
        });
    });
    let mut newer = newer.expect("it was started");
    wait_for("the older one is fenced", STEP, || {
        site.log().contains("another load-manager speaks for").then_some(())
    });
    wait_for("it has ended", STEP, || {
        processes::with_mark(&site.directory().join("run").display().to_string())
            .iter()
            .all(|running| running.pid != process.pid)
            .then_some(())
    });
    assert!(site.log().contains(&FENCED.to_string()), "{}", site.log());
    load.wait_on(STEP);
    for name in &ready {
        let is_kept = service_copies(&site, name).iter().any(|pid| copies.contains(pid));
        assert!(is_kept, "the copy at {name} was ended");
    }
    let status = site.status().unwrap();
    let listed = status["service_manager"]["Ok"]["children"].as_array().cloned().unwrap_or_default();
    for name in &ready {
        assert!(listed.iter().any(|child| child["node"] == **name), "{name} is not in {listed:?}");
    }
    assert!(newer.0.try_wait().unwrap().is_none(), "the newer one has ended");
    // Nobody lets go of a child, and so not even a POST is lost.
    let tally = load.finish().print("load-manager fenced");
    tally.assert_no_safe_lost();
    assert_eq!(tally.unsafe_.lost(), 0, "{:#?}", tally.unsafe_.losses);
    drop(newer);
    assert!(site.down().success());
}

#[test]
fn whoever_asks_a_stopped_service_manager_waits_until_it_wakes() {
    let mut site = Site::up(PROGRAM, &plan());
    let load = Arrivals::start(site.address(), PER_SECOND, WAIT_MS);
    site.wait_at_least(2, STEP);
    load.wait_on(STEP);
    let process = site.daemon(&["service-manager"]).unwrap();
    pause(process.pid, |_| {});
    load.wait_on(STEP);
    site.wait_at_least(2, STEP);
    // All connections are its own, and the kernel keeps them: not even a POST is lost.
    let tally = load.finish().print("service-manager stopped");
    tally.assert_no_safe_lost();
    assert_eq!(tally.unsafe_.lost(), 0, "{:#?}", tally.unsafe_.losses);
    assert!(tally.safe.slowest + Duration::from_secs(1) > PAUSE, "it was not stopped at all");
    assert!(site.down().success());
}

/// A second load-manager for the same front end, with a runtime directory of its own.
struct Newer(Child);

impl Newer {
    fn start(site: &Site) -> Self {
        let run = site.directory().join("newer");
        std::fs::create_dir_all(run.join("e2e")).unwrap();
        let socket = "e2e/demo.service-manager.sock";
        std::os::unix::fs::symlink(site.directory().join("run").join(socket), run.join(socket)).unwrap();
        let log = std::fs::File::create(site.directory().join("newer.log")).unwrap();
        let child = Command::new(PROGRAM)
            .args(["load-manager", "--config"])
            .arg(site.config())
            .arg("--runtime-dir")
            .arg(run)
            // The same: the number of its life is one more than the older one's.
            .arg("--state-dir")
            .arg(site.directory().join("state"))
            .stderr(log.try_clone().unwrap())
            .stdout(log)
            .spawn()
            .unwrap();
        Self(child)
    }
}

impl Drop for Newer {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
