//! Any daemon may die at any moment (design section 7): who is served stays served, nothing is left
//! behind, and what comes back takes up what is there.

use std::time::{Duration, Instant};

use e2e::load::{Load, Request};
use e2e::processes;
use e2e::site::{Plan, Site};
use e2e::wait_for;
use rustix::process::Signal;

use crate::PROGRAM;

const STEP: Duration = Duration::from_secs(60);

/// No process of a dead daemon's service is left after this.
const ORPHANS: Duration = Duration::from_secs(5);

#[test]
fn a_killed_task_processor_costs_no_get_and_is_replaced() {
    let mut site = Site::up(PROGRAM, &Plan::default());
    let closing = Load::new(site.address(), Request::get(1024, 40, 1), 6);
    let kept = Load::new(site.address(), Request::get(1024, 40, 100), 5);
    closing.set(6);
    kept.set(5);
    site.wait_at_least(2, STEP);
    for _ in 0..3 {
        let ready = site.wait_at_least(2, STEP);
        let victim = ready.first().unwrap().clone();
        let index = victim.trim_start_matches('c').parse().unwrap();
        let copies = site.copies_at(index);
        assert!(!copies.is_empty(), "a copy runs at {victim}");
        site.kill(&["task-processor", "--node", &victim]);
        let killed = Instant::now();
        wait_for("the load-manager has noticed", STEP, || {
            let node = site.node(&victim);
            (node["state"] != "ready").then_some(())
        });
        // Status itself takes a moment to ask; the promise is one second.
        assert!(killed.elapsed() < Duration::from_secs(2), "noticed after {:?}", killed.elapsed());
        wait_for("no process of its service is left", ORPHANS, || {
            let still = site.copies_at(index);
            copies.iter().all(|copy| still.iter().all(|now| now.pid != copy.pid)).then_some(())
        });
        // One node at a time: a request that has lost two in a row was repeated once and is told so.
        let answered = closing.answered() + kept.answered();
        wait_for("what ran then has been answered", STEP, || {
            (closing.answered() + kept.answered() > answered + 50).then_some(())
        });
    }
    closing.finish().assert_nothing_lost();
    kept.finish().assert_nothing_lost();
    assert!(site.down().success());
}

#[test]
fn grandchildren_end_with_a_killed_task_processor_too() {
    // A service that leaves a grandchild in a session of its own, deaf to SIGTERM, at {address}.
    let script = "(setsid sh -c 'trap \"\" TERM; while :; do sleep 1; done' demo-grandchild-$1 &) ; \
                  exec $0 demo-service --port $2 --address $1 --workers 8";
    let words = ["sh", "-c", script, "{accordion}", "{address}", "{port}"];
    let plan = Plan { command: words.map(str::to_owned).to_vec(), ..Plan::default() };
    let mut site = Site::up(PROGRAM, &plan);
    let load = Load::new(site.address(), Request::get(100, 40, 10), 10);
    load.set(10);
    let ready = site.wait_at_least(1, STEP);
    let victim = ready.first().unwrap().clone();
    let index: u32 = victim.trim_start_matches('c').parse().unwrap();
    let mark = format!("demo-grandchild-{}", site.ip(index));
    let grandchildren = wait_for("the grandchild runs", STEP, || {
        Some(processes::with_mark(&mark)).filter(|found| !found.is_empty())
    });
    site.kill(&["task-processor", "--node", &victim]);
    wait_for("the grandchild has ended", ORPHANS, || {
        let now = processes::with_mark(&mark);
        grandchildren.iter().all(|old| now.iter().all(|new| new.pid != old.pid)).then_some(())
    });
    load.finish().assert_nothing_lost();
    assert!(site.down().success());
    assert!(processes::with_mark("demo-grandchild-127.").iter().all(|left| {
        !(0..=3).any(|index| left.arguments.iter().any(|word| word.ends_with(&site.ip(index).to_string())))
    }));
}

#[test]
fn a_silent_task_processor_gets_no_more_requests_and_is_replaced() {
    let mut site = Site::up(PROGRAM, &Plan::default());
    let load = Load::new(site.address(), Request::get(1024, 40, 1), 11);
    load.set(11);
    let ready = site.wait_at_least(2, STEP);
    let victim = ready.first().unwrap().clone();
    let process = site.daemon(&["task-processor", "--node", &victim]).unwrap();
    processes::signal(process.pid, Signal::STOP);
    let stopped = Instant::now();
    wait_for("its silence is noticed", Duration::from_secs(15), || {
        (site.node(&victim)["state"] != "ready").then_some(())
    });
    // Six seconds after its last answer, which was up to one renewal old.
    assert!(stopped.elapsed() < Duration::from_secs(8), "noticed after {:?}", stopped.elapsed());
    site.wait_at_least(2, STEP);
    processes::signal(process.pid, Signal::CONT);
    wait_for("it is free or serves again", STEP, || {
        let state = site.node(&victim)["state"].clone();
        ["free", "ready", "starting"].iter().any(|word| state == *word).then_some(())
    });
    load.finish().assert_nothing_lost();
    assert!(site.down().success());
}

#[test]
fn the_service_goes_on_without_its_load_manager_which_takes_up_what_is_there() {
    let mut site = Site::up(PROGRAM, &Plan::default());
    let load = Load::new(site.address(), Request::get(1024, 40, 1), 14);
    // So much that all three are wanted: none is half started when it dies.
    load.set(14);
    site.wait_ready(3, STEP);
    load.set(5);
    let before = |name: &str| (site.node(name)["lease_id"].clone(), site.node(name)["state"].clone());
    let ready = site.nodes_in("ready");
    let leases: Vec<_> = ready.iter().map(|name| before(name)).collect();
    let copies: Vec<i32> = (1..=3).flat_map(|index| site.copies_at(index)).map(|copy| copy.pid).collect();
    let old = site.kill(&["load-manager"]);
    let restarted = Instant::now();
    let answered = load.answered();
    wait_for("requests go on", STEP, || (load.answered() > answered + 20).then_some(()));
    wait_for("a new load-manager runs", STEP, || site.daemon(&["load-manager"]).filter(|new| new.pid != old));
    wait_for("it has taken the leases up", STEP, || {
        ready
            .iter()
            .zip(&leases)
            .all(|(name, (lease, _))| site.node(name)["lease_id"] == *lease)
            .then_some(())
    });
    // The same processes: nothing was started anew, nothing was drained before the down window.
    while restarted.elapsed() < Duration::from_secs(5) {
        let now: Vec<i32> = (1..=3).flat_map(|index| site.copies_at(index)).map(|copy| copy.pid).collect();
        assert!(copies.iter().all(|pid| now.contains(pid)), "{copies:?} before, {now:?} after");
        std::thread::sleep(Duration::from_millis(100));
    }
    load.finish().assert_nothing_lost();
    site.wait_ready(0, STEP);
    assert!(site.down().success());
}

#[test]
fn requests_wait_while_a_killed_service_manager_comes_back() {
    let mut site = Site::up(PROGRAM, &Plan::default());
    let load = Load::new(site.address(), Request::get(1024, 40, 1), 11);
    load.set(11);
    site.wait_at_least(2, STEP);
    // What is in flight when it dies is cut, so nothing is: only new connections are promised an answer.
    load.finish().assert_nothing_lost();
    let old = site.kill(&["service-manager"]);
    let waiting: Vec<_> = (0..8)
        .map(|_| {
            let address = site.address();
            std::thread::spawn(move || e2e::client::get(address, "/bytes/100", Duration::from_secs(20)))
        })
        .collect();
    for request in waiting {
        let answer = request.join().unwrap().expect("a new connection is answered");
        assert_eq!((answer.status, answer.body.len()), (200, 100));
    }
    wait_for("a new service-manager runs", STEP, || {
        site.daemon(&["service-manager"]).filter(|new| new.pid != old)
    });
    wait_for("it has the child_list again", STEP, || {
        let status = site.status()?;
        let front = &status["service_manager"]["Ok"];
        (front["generation"].as_u64()? > 0).then_some(())
    });
    assert!(site.down().success());
}

#[test]
fn nothing_is_left_of_a_killed_up() {
    let mut site = Site::up(PROGRAM, &Plan::default());
    let load = Load::new(site.address(), Request::get(100, 40, 10), 10);
    load.set(10);
    site.wait_at_least(1, STEP);
    let running = site.processes();
    site.up_process().kill().unwrap();
    site.up_process().wait().unwrap();
    wait_for("every process has ended", Duration::from_secs(20), || {
        let now = site.processes();
        running.iter().all(|old| now.iter().all(|new| new.pid != old.pid)).then_some(())
    });
    drop(load);
}
