//! A cluster.toml that is edited while a front door serves: each key that it can follow takes effect with
//! nothing lost, a WebSocket and a slow download included, and what it cannot have changes nothing.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use e2e::arrivals::Arrivals;
use e2e::client::{self, Connection};
use e2e::site::{Plan, Site};
use e2e::{processes, wait_for};
use rustix::process::Signal;

use crate::PROGRAM;

const STEP: Duration = Duration::from_secs(60);

/// How long one answer may take.
const LIMIT: Duration = Duration::from_secs(20);

/// Requests a second, and how long each keeps a place: 8 in flight, for which two nodes are wanted.
const PER_SECOND: u32 = 40;
const WAIT_MS: u32 = 200;

/// More than all buffers on the way hold.
const DOWNLOAD_BYTES: usize = 64 << 20;

/// A WebSocket to the demo service's echo, seen as bytes.
struct WebSocket(TcpStream);

impl WebSocket {
    fn open(address: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        // The key is the example of RFC 6455.
        let ask = "GET /ws HTTP/1.1\r\nHost: e2e\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        stream.write_all(ask.as_bytes()).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
        Self(stream)
    }

    /// One message there and back.
    fn echo(&mut self) {
        // Masked with zeroes.
        self.0.write_all(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i']).unwrap();
        let mut frame = [0; 4];
        self.0.read_exact(&mut frame).unwrap();
        assert_eq!(frame, [0x81, 2, b'h', b'i']);
    }
}

/// A client that takes a large answer a little at a time, until it is let go.
struct Download {
    is_let_go: Arc<AtomicBool>,
    bytes: JoinHandle<usize>,
}

impl Download {
    fn start(address: SocketAddr) -> Self {
        let is_let_go = Arc::<AtomicBool>::default();
        let slow = Arc::clone(&is_let_go);
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        write!(stream, "GET /bytes/{DOWNLOAD_BYTES} HTTP/1.0\r\nHost: e2e\r\n\r\n").unwrap();
        let bytes = std::thread::spawn(move || {
            let (mut bytes, mut part) = (0, vec![0; 16 << 10]);
            loop {
                match stream.read(&mut part).unwrap() {
                    0 => return bytes,
                    count => bytes += count,
                }
                if !slow.load(Ordering::Relaxed) {
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
        });
        Self { is_let_go, bytes }
    }

    /// It got everything.
    fn finish(self) {
        self.is_let_go.store(true, Ordering::Relaxed);
        assert!(self.bytes.join().unwrap() > DOWNLOAD_BYTES);
    }
}

/// Puts the text in the place of cluster.toml in one step.
fn write(site: &Site, text: &str) {
    let new = site.directory().join("cluster.toml.new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(new, site.config()).unwrap();
}

/// The lines of `[service.demo]` and of its scaling that are tried, and the keys that they change.
const EDITS: [(&str, &str, &[&str]); 8] = [
    ("queue_max = 900\nqueue_timeout = \"12s\"", "", &["queue_max", "queue_timeout"]),
    (
        "head_timeout = \"9s\"\nbody_idle_timeout = \"50s\"\nkeep_alive_timeout = \"50s\"\nfirst_byte_timeout = \"50s\"",
        "",
        &["head_timeout", "body_idle_timeout", "keep_alive_timeout", "first_byte_timeout"],
    ),
    (
        "head_max = \"8KiB\"\nheaders_max = 60\nbody_max = \"1MiB\"",
        "",
        &["head_max", "headers_max", "body_max"],
    ),
    ("dispatch = \"least-in-flight\"\nslow_start = \"1s\"", "", &["dispatch", "slow_start"]),
    ("local = \"always\"\nlocal_capacity = 4", "", &["local", "local_capacity"]),
    ("eject_5xx = \"off\"\nconnections_max = 500", "", &["eject_5xx", "connections_max"]),
    ("served_by = false\ntrusted_proxies = [\"127.0.0.0/8\"]", "", &["served_by", "trusted_proxies"]),
    ("", "high = 0.8\nlow = 0.3\ntick = \"900ms\"", &["scaling.high", "scaling.low", "scaling.tick"]),
];

#[test]
fn each_kind_of_edit_takes_effect_under_load_and_nothing_is_lost() {
    let mut site = Site::up(PROGRAM, &Plan { nodes: 2, ..Plan::default() });
    let first = std::fs::read_to_string(site.config()).unwrap();
    let load = Arrivals::start(site.address(), PER_SECOND, WAIT_MS);
    site.wait_for_node("c1", STEP);
    let mut socket = WebSocket::open(site.address());
    let download = Download::start(site.address());
    let log_file = site.directory().join("access.log");
    let logged = format!("access_log = \"json\"\naccess_log_file = {log_file:?}");
    let edits =
        EDITS.into_iter().chain([(logged.as_str(), "", ["access_log", "access_log_file"].as_slice())]);
    for (lines, scaling, keys) in edits {
        let text = first.replace("capacity = 8\n", &format!("capacity = 8\n{lines}\n"));
        let text = text.replace("[service.demo.scaling]\n", &format!("[service.demo.scaling]\n{scaling}\n"));
        write(&site, &text);
        let before = site.log().len();
        site.hang_up();
        for key in keys {
            wait_for(&format!("{key} is applied"), STEP, || {
                site.log()[before..].contains(&format!("applied: service demo: {key} is")).then_some(())
            });
        }
        socket.echo();
        load.wait_on(STEP);
        assert!(!site.log()[before..].contains("not applied, restart the service-manager"), "{}", site.log());
    }
    wait_for("a line is in the access log", STEP, || {
        std::fs::read_to_string(&log_file).ok().filter(|text| text.starts_with("{\"time\""))
    });
    asked_with_the_command(&site, &first.replace("capacity = 8\n", "capacity = 7\nworkers = 3\n"));
    socket.echo();
    download.finish();
    let tally = load.finish().print("reloaded");
    tally.assert_no_safe_lost();
    assert_eq!(tally.unsafe_.lost(), 0, "{:#?}", tally.unsafe_.losses);
    assert!(site.down().success());
}

/// What a reload would do, and then does, is told for each daemon; a fault is exit status 1.
fn asked_with_the_command(site: &Site, text: &str) {
    let output = |command: &mut Command| {
        let Output { status, stdout, stderr } = command.output().unwrap();
        let text = [stdout, stderr].map(|text| String::from_utf8(text).unwrap()).concat();
        (status.code(), text)
    };
    let candidate = site.directory().join("candidate.toml");
    std::fs::write(&candidate, text).unwrap();
    let mut check = Command::new(PROGRAM);
    check.arg("check").arg(&candidate).arg("--diff").arg("--runtime-dir").arg(site.directory().join("run"));
    let (status, said) = output(&mut check);
    let block = |applied: &str| {
        format!(
            "  {applied}: service demo: capacity is 7, was 8\n  {applied}: service demo: local_capacity is 7, was 8\n"
        )
    };
    assert_eq!((status, said.matches(&block("would be applied")).count()), (Some(0), 2), "{said}");
    assert_eq!(said.matches("needs a restart: service demo: workers is 3").count(), 1, "{said}");
    assert!(
        ["task-processor c1: ", "task-processor c2: "].iter().all(|daemon| said.contains(daemon)),
        "{said}"
    );
    assert!(!site.log().contains("capacity is 7"), "it was only asked");

    write(site, text);
    let (status, said) = output(site.command("reload").arg("--wait"));
    assert_eq!((status, said.matches(&block("applied")).count()), (Some(0), 2), "{said}");
    let front = site.status().unwrap()["service_manager"]["Ok"].clone();
    assert_eq!(front["config_words"], "restart it for: service demo: workers is 3, was unset");
    let digest = front["config_digest"].as_str().unwrap().to_owned();
    assert_eq!((digest.len(), said.matches(&digest).count()), (16, 4), "all four go by one text: {said}");

    write(site, &text.replace("capacity = 7", "capcity = 7"));
    let (status, said) = output(site.command("reload").arg("--wait"));
    assert_eq!(status, Some(1), "{said}");
    // Each of the four was asked, and says so from now on.
    assert_eq!(said.matches("did you mean \"capacity\"?").count(), 4, "{said}");
    write(site, text);
    let status = site.status().unwrap();
    for daemon in ["service_manager", "load_manager"] {
        let words = status[daemon]["Ok"]["config_words"].as_str().unwrap().to_owned();
        assert!(words.starts_with("the newest cluster.toml was not taken: "), "{daemon}: {words}");
    }
    let (status, said) = output(site.command("reload").arg("load-manager@demo"));
    assert_eq!((status, said.lines().count()), (Some(0), 1), "only that one: {said}");
}

#[test]
fn a_service_that_is_gone_from_the_file_leaves_its_node_and_is_lent_it_again_when_it_is_back() {
    let mut site = Site::up(PROGRAM, &Plan { nodes: 1, ..Plan::default() });
    let first = std::fs::read_to_string(site.config()).unwrap();
    let load = Arrivals::start(site.address(), PER_SECOND, WAIT_MS);
    site.wait_for_node("c1", STEP);
    let mut socket = WebSocket::open(site.address());
    // Only the node hears of it, so that the front end goes by another file.
    write(&site, &first.replace("service.demo", "service.mall"));
    assert!(site.run("reload", &["task-processor"]).status.success());
    wait_for("the node is asked back", STEP, || {
        site.log().contains("draining: its service is not in the node's cluster.toml any more").then_some(())
    });
    let mut check = Command::new(PROGRAM);
    check
        .arg("check")
        .arg(site.config())
        .arg("--diff")
        .arg("--runtime-dir")
        .arg(site.directory().join("run"));
    let said = String::from_utf8(check.output().unwrap().stdout).unwrap();
    assert!(said.contains("node c1 goes by another cluster.toml than this front end"), "{said}");
    write(&site, &first);
    wait_for("its front end says so of it", STEP, || {
        let detail = site.node("c1")["detail"].as_str().unwrap_or_default().to_owned();
        detail.contains("its cluster.toml is another than this front end's").then_some(())
    });
    assert!(site.run("reload", &["--wait"]).status.success());
    // Put back before it was given back, it may stay; either way it serves.
    site.wait_for_node("c1", STEP);
    load.wait_on(STEP);
    socket.echo();
    let tally = load.finish().print("service gone and back");
    tally.assert_no_safe_lost();
    assert_eq!(tally.unsafe_.lost(), 0, "{:#?}", tally.unsafe_.losses);
    assert!(site.down().success());
}

/// A service-manager on its own, with its local copy, that listens by itself.
struct Alone(Child);

impl Alone {
    fn start(site: &Site) -> Self {
        let alone = Self(site.spawn(site.command("service-manager")));
        wait_for("it serves", STEP, || site.get("/healthz").ok().filter(|answer| answer.status == 200));
        alone
    }

    fn hang_up(&self) {
        processes::signal(self.0.id() as i32, Signal::HUP);
    }

    fn end(mut self) {
        processes::signal(self.0.id() as i32, Signal::TERM);
        assert!(wait_for("it has ended", STEP, || self.0.try_wait().unwrap()).success());
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn it_listens_elsewhere_with_nobody_cut_off_and_stays_where_it_is_when_it_cannot() {
    let site = Site::new(PROGRAM, &Plan { nodes: 1, ..Plan::default() });
    let admin = SocketAddr::new(site.ip(0).into(), 9100);
    site.rewrite("capacity = 8\n", &format!("capacity = 8\nadmin = \"{admin}\"\n"));
    let metric = |name: &str| {
        let page = client::get(admin, "/metrics", LIMIT).unwrap();
        let text = String::from_utf8(page.body).unwrap();
        let name = format!("accordion_config_last_reload_{name} ");
        text.lines().find_map(|line| line.strip_prefix(&name)?.parse::<f64>().ok()).unwrap()
    };
    let first = std::fs::read_to_string(site.config()).unwrap();
    let alone = Alone::start(&site);
    let mut socket = WebSocket::open(site.address());
    let download = Download::start(site.address());
    let mut resting = Connection::open(site.address(), LIMIT).unwrap();
    assert_eq!(resting.request("GET", "/bytes/1", b"").unwrap().status, 200);

    let moved = first.replace(":8080\"", ":8081\"");
    write(&site, &moved);
    alone.hang_up();
    let there = SocketAddr::new(site.ip(0).into(), 8081);
    wait_for("it serves there", STEP, || client::get(there, "/healthz", LIMIT).ok());
    wait_for("nobody is let in at the old address", STEP, || {
        TcpStream::connect(site.address()).is_err().then_some(())
    });
    let last = resting.request("GET", "/bytes/1", b"").unwrap();
    assert_eq!((last.status, last.header("connection")), (200, Some("close")));
    socket.echo();

    let moved_at = metric("success_timestamp_seconds");
    assert_eq!(metric("successful"), 1.0);

    // Each of these is a fault, and nothing of the file is taken.
    let taken = TcpListener::bind((site.ip(0), 8082)).unwrap();
    let refused = [
        (first.replace(":8080\"", ":8082\""), "service demo: listen: "),
        (
            moved.replace(
                "capacity = 8\n",
                "capacity = 8\naccess_log = \"json\"\naccess_log_file = \"/nowhere/a.log\"\n",
            ),
            "service demo: access_log_file: cannot open /nowhere/a.log",
        ),
        (moved.replace("capacity = 8\n", "capacity = 0\n"), "service.capacity = 0"),
    ];
    for (index, (text, words)) in refused.iter().enumerate() {
        write(&site, &text.replace("capacity = ", "queue_max = 7\ncapacity = "));
        alone.hang_up();
        wait_for(words, STEP, || {
            let log = site.log();
            (log.contains(words) && log.matches("the one in force stays").count() == index + 1).then_some(())
        });
    }
    assert!(!site.log().contains("queue_max is"), "{}", site.log());
    assert_eq!((metric("successful"), metric("success_timestamp_seconds")), (0.0, moved_at));
    let said = site.run("reload", &[]);
    assert_eq!(said.status.code(), Some(1), "{said:?}");
    assert_eq!(client::get(there, "/healthz", LIMIT).unwrap().status, 200);
    drop(taken);
    write(&site, &moved.replace(":8081\"", ":8082\""));
    alone.hang_up();
    let at_last = SocketAddr::new(site.ip(0).into(), 8082);
    wait_for("it serves at the third", STEP, || client::get(at_last, "/healthz", LIMIT).ok());
    socket.echo();
    assert_eq!(metric("successful"), 1.0);
    assert!(metric("success_timestamp_seconds") > moved_at);
    download.finish();
    drop(socket);
    alone.end();
}
