//! Bad input and bad luck: each gives one clear sentence that names the thing and the remedy, and
//! the rest goes on.

use std::net::TcpListener;
use std::time::Duration;

use e2e::load::{Load, Request};
use e2e::site::{Plan, Site};
use e2e::steady::Steady;
use e2e::wait_for;

use crate::PROGRAM;

const STEP: Duration = Duration::from_secs(60);

/// The exit status of a bad configuration (EX_CONFIG).
const BAD_CONFIG: i32 = 78;

#[test]
fn a_bad_cluster_toml_of_each_kind_binds_and_starts_nothing() {
    let kinds = [
        ("[cluster]", "[cluster", "syntax"),
        ("address", "adress", "did you mean \"address\"?"),
        ("capacity = 8", "capacity = \"8\"", "capacity"),
        ("capacity = 8", "capacity = 0", "capacity"),
        ("name = \"c2\"", "name = \"c1\"", "c1"),
        ("capacity = 8", "capacity = 8\nmin = 4", "min"),
        ("slow_window", "low = 0.5\nslow_window", "half of high"),
        ("address = \"127.", "address = \"327.", "address"),
        ("{port}", "{prot}", "{port}"),
        ("slow_window = \"4s\"", "slow_window = 4", "slow_window"),
        ("\"{address}\", \"--workers\", \"8\"]", "\"0.0.0.0\"]\npath = \"direct\"", "{address} in command"),
    ];
    for (from, to, word) in kinds {
        let site = Site::new(PROGRAM, &Plan::default());
        site.rewrite(from, to);
        for daemon in ["check", "up", "service-manager", "load-manager", "task-processor"] {
            // `check` takes the file as its argument.
            let output = match daemon {
                "check" => {
                    std::process::Command::new(PROGRAM).arg("check").arg(site.config()).output().unwrap()
                }
                "task-processor" => site.run(daemon, &["--node", "c1"]),
                _ => site.run(daemon, &[]),
            };
            let words = String::from_utf8_lossy(&output.stderr).into_owned()
                + &String::from_utf8_lossy(&output.stdout);
            assert_eq!(output.status.code(), Some(BAD_CONFIG), "{daemon} with {to:?} said: {words}");
            assert!(word == "syntax" || words.contains(word), "{daemon} with {to:?} said: {words}");
            assert!(words.contains("cluster.toml:"), "{daemon} with {to:?} named no place: {words}");
        }
        // Nothing was bound: the address is still ours to take.
        TcpListener::bind(site.address()).unwrap();
        assert!(site.processes().is_empty());
    }
}

#[test]
fn a_service_that_never_gets_ready_is_said_and_the_rest_goes_on() {
    // Ready at the front end, never on a node: the probe's path depends on the address.
    let script =
        "case $1 in FRONT) exec $0 demo-service --port $2 --address $1 --workers 8;; *) sleep 60;; esac";
    let site = Site::new(PROGRAM, &Plan::default());
    let script = script.replace("FRONT", &site.ip(0).to_string());
    let words = ["sh", "-c", &script, "{accordion}", "{address}", "{port}"].map(str::to_owned).to_vec();
    let text = std::fs::read_to_string(site.config()).unwrap();
    let start = text.find("command = ").unwrap();
    let end = start + text[start..].find('\n').unwrap();
    let text = format!("{}command = {words:?}\nstart_timeout = \"2s\"{}", &text[..start], &text[end..]);
    std::fs::write(site.config(), text).unwrap();
    let mut site = site;
    site.start();
    wait_for("the site answers", STEP, || site.get("/healthz").ok().filter(|answer| answer.status == 200));
    let load = Load::new(site.address(), Request::get(100, 20, 10), 8);
    load.set(8);
    let detail = wait_for("the failed start is told", STEP, || {
        let node = site.node("c1");
        (node["state"] == "backing off").then(|| node["detail"].to_string())
    });
    assert!(detail.contains("not ready within 2s") && detail.contains("start_timeout"), "{detail}");
    // The node's slot is free again: nothing of the failed start runs, and the local copy serves.
    wait_for("nothing is left of the failed start", STEP, || {
        let left = site
            .processes()
            .into_iter()
            .filter(|process| process.arguments.contains(&site.ip(1).to_string()));
        (left.count() == 0).then_some(())
    });
    assert!(site.log().contains("not ready within"), "{}", site.log());
    load.finish().assert_nothing_lost();
    assert!(site.down().success());
}

#[test]
fn nodes_where_the_service_fails_are_left_alone_and_said_so_while_others_serve() {
    // At the first node it never gets ready, at the second its program is missing.
    let script = "case $1 in NODE-1) exec sleep 60;; NODE-2) exec /nonexistent/shopd;; \
                  *) exec $0 demo-service --port $2 --address $1 --workers 8;; esac";
    let plan = Plan {
        nodes: 4,
        command: ["sh", "-c", script, "{accordion}", "{address}", "{port}"].map(str::to_owned).to_vec(),
        service: "min = 2\nstart_timeout = \"1s\"".to_owned(),
        ..Plan::default()
    };
    let mut site = Site::new(PROGRAM, &plan);
    site.rewrite("NODE-1", &site.ip(1).to_string());
    site.rewrite("NODE-2", &site.ip(2).to_string());
    site.start();
    site.wait_until_up();
    let load = Steady::start(site.address(), Duration::from_secs(2));
    let ready = site.wait_ready(2, STEP);
    assert_eq!(ready, ["c3", "c4"]);
    load.wait_on(STEP);
    let table = String::from_utf8(site.run("status", &[]).stdout).unwrap();
    let why = String::from_utf8(site.run("why", &["-n", "1000"]).stdout).unwrap();
    for (node, words) in [("c1", "not ready within 1s"), ("c2", "/nonexistent/shopd")] {
        let row = table.lines().find(|line| line.trim_start().starts_with(&format!("{node} ")));
        let row = row.expect("each node has a row");
        assert!(row.contains("backing off") && row.contains(words), "{table}");
        let entry = why.lines().find(|line| line.contains(words));
        let entry = entry.unwrap_or_else(|| panic!("{words:?} is not in\n{why}"));
        assert!(entry.contains(&format!("({node})")) && entry.contains("is left alone for 10 s"), "{entry}");
    }
    assert_eq!(site.nodes_in("ready"), ready);
    load.finish().print("nodes where the service fails").assert_no_safe_lost();
    assert!(site.down().success());
}

#[test]
fn a_command_that_does_not_exist_is_named() {
    let plan = Plan {
        command: ["/nonexistent/shopd", "--port", "{port}"].map(str::to_owned).to_vec(),
        service: "queue_timeout = \"500ms\"".to_owned(),
        ..Plan::default()
    };
    let mut site = Site::new(PROGRAM, &plan);
    site.start();
    let detail = wait_for("the fault is told", STEP, || {
        let status = site.status()?;
        let detail = status["service_manager"]["Ok"]["local"]["detail"].as_str()?.to_owned();
        (!detail.is_empty()).then_some(detail)
    });
    assert!(detail.contains("/nonexistent/shopd") && detail.contains("command"), "{detail}");
    let answer = site.get("/").unwrap();
    assert_eq!((answer.status, answer.header("x-accordion-reason")), (503, Some("no-upstream")));
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert!(site.down().success());
}

#[test]
fn a_service_that_exits_at_once_is_told_with_its_last_words() {
    let words = ["sh", "-c", "echo no database >&2; exit 3", "{port}"].map(str::to_owned).to_vec();
    let mut site = Site::new(PROGRAM, &Plan { command: words, ..Plan::default() });
    site.start();
    let detail = wait_for("the fault is told", STEP, || {
        let status = site.status()?;
        let detail = status["service_manager"]["Ok"]["local"]["detail"].as_str()?.to_owned();
        (!detail.is_empty()).then_some(detail)
    });
    assert!(detail.contains("status 3") && detail.contains("no database"), "{detail}");
    assert!(site.down().success());
}

#[test]
fn a_listen_address_in_use_is_named_with_the_remedy() {
    let mut site = Site::new(PROGRAM, &Plan::default());
    let _taken = TcpListener::bind(site.address()).unwrap();
    site.start();
    let status = site.up_process().wait().unwrap();
    assert!(!status.success());
    let log = site.log();
    assert!(log.contains(&site.address().to_string()) && log.contains("in use"), "{log}");
    assert!(site.processes().is_empty());
}

#[test]
fn an_unreachable_node_is_said_and_the_others_are_borrowed() {
    let mut site = Site::up(PROGRAM, &Plan::default());
    let load = Load::new(site.address(), Request::get(100, 40, 10), 8);
    // Killed again and again before `up` brings it back: as good as not there.
    let (ended, started) = (std::sync::atomic::AtomicBool::new(false), std::sync::Barrier::new(2));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            started.wait();
            while !ended.load(std::sync::atomic::Ordering::SeqCst) {
                if let Some(process) = site.daemon(&["task-processor", "--node", "c1"]) {
                    e2e::processes::signal(process.pid, rustix::process::Signal::KILL);
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        started.wait();
        wait_for("the node is unreachable, with the remedy", STEP, || {
            let node = site.node("c1");
            let says_so =
                node["state"] == "unreachable" && node["detail"].to_string().contains("task-processor");
            says_so.then_some(())
        });
        load.set(8);
        site.wait_for_node("c2", STEP);
        ended.store(true, std::sync::atomic::Ordering::SeqCst);
    });
    load.finish().assert_nothing_lost();
    assert!(site.down().success());
}

#[test]
fn an_unknown_node_or_service_is_answered_with_the_names_there_are() {
    let mut site = Site::up(PROGRAM, &Plan::default());
    let output = site.run("drain", &["c9"]);
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(words.contains("\"c9\"") && words.contains("c1, c2, c3"), "{words}");
    let output = site.run("why", &["shop"]);
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && words.contains("\"shop\"") && words.contains("demo"), "{words}");
    assert!(site.down().success());
}

#[test]
fn garbage_at_every_edge_ends_no_daemon() {
    use std::io::{Read, Write};
    let mut site = Site::up(PROGRAM, &Plan::default());
    let node = std::net::SocketAddr::new(site.ip(1).into(), 7400);
    let data = std::net::SocketAddr::new(site.ip(1).into(), 7401);
    for address in [site.address(), node, data] {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        stream.write_all(b"\x00\xff\r\n\r\nGARBAGE / HTTP/9.9\r\n\r\n").ok();
        let mut sink = Vec::new();
        stream.read_to_end(&mut sink).ok();
    }
    let stranger = e2e::client::get(data, "/", Duration::from_secs(5)).unwrap();
    assert_eq!((stranger.status, stranger.header("x-accordion-reason")), (403, Some("bad-token")));
    assert_eq!(site.get("/bytes/10").unwrap().body.len(), 10);
    wait_for("all nodes are there and free", STEP, || (site.nodes_in("free").len() == 3).then_some(()));
    assert!(site.down().success());
}
