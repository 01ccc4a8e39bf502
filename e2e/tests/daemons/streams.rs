//! Long connections and the traces of short ones, through whole clusters: a WebSocket while its node drains, the
//! access log to its last line, and the figures that Prometheus reads.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use e2e::client::{self, Answer, Connection};
use e2e::site::{Plan, Site};
use e2e::wait_for;

use crate::PROGRAM;

const STEP: Duration = Duration::from_secs(60);

/// How long one answer may take.
const LIMIT: Duration = Duration::from_secs(20);

/// The opcodes of a last frame (RFC 6455, section 5.2).
const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;

/// The status of a server that goes away (RFC 6455, section 7.4.1).
const GOING_AWAY: [u8; 2] = 1001u16.to_be_bytes();

/// A WebSocket to the demo service's echo.
struct WebSocket {
    stream: TcpStream,
    served_by: String,
}

impl WebSocket {
    fn open(address: SocketAddr) -> WebSocket {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.set_nodelay(true).unwrap();
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
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 101 "), "{head}");
        assert!(head.contains("s3pplmbitxaq9kygzzhzrbk+xoo="), "{head}");
        let served_by = head.lines().find_map(|line| line.strip_prefix("x-accordion-served-by: "));
        let served_by = served_by.expect("the front end names who serves").to_owned();
        WebSocket { stream, served_by }
    }

    /// Sends a short frame, masked with zeroes.
    fn send(&mut self, opcode: u8, payload: &[u8]) {
        let length = u8::try_from(payload.len()).unwrap();
        assert!(length < 126);
        let frame = [&[opcode, 0x80 | length, 0, 0, 0, 0], payload].concat();
        self.stream.write_all(&frame).unwrap();
    }

    /// The next frame, whole.
    fn receive(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 2];
        self.stream.read_exact(&mut head).unwrap();
        assert!(head[1] < 126, "the echo of a short frame is short and unmasked: {head:?}");
        let mut payload = vec![0; usize::from(head[1])];
        self.stream.read_exact(&mut payload).unwrap();
        (head[0], payload)
    }

    /// One message there and back; false when a close frame came in its place.
    fn echoes(&mut self, number: u32) -> bool {
        let words = format!("message {number}");
        self.send(TEXT, words.as_bytes());
        match self.receive() {
            (TEXT, echo) => {
                assert_eq!(echo, words.as_bytes(), "the echoes are out of step");
                true
            }
            (CLOSE, status) => {
                // The front end's own, which has no words; the service's has.
                assert_eq!(status, GOING_AWAY);
                false
            }
            (opcode, payload) => panic!("frame {opcode:#x} {payload:?}"),
        }
    }
}

#[test]
fn a_websocket_goes_on_while_its_node_drains_until_it_is_closed_politely() {
    outlives_a_drain("");
}

#[test]
fn so_does_one_that_goes_straight_to_its_copy() {
    outlives_a_drain("path = \"direct\"\n");
}

/// So long a client may take to answer a goodbye: less than the front end waits for it, and more than the demo
/// service does when it is told to end.
const SLOW: Duration = Duration::from_secs(3);

fn outlives_a_drain(lines: &str) {
    const LONG_LIVED: Duration = Duration::from_secs(3);
    let service = format!("{lines}min = 1\nlong_lived_timeout = \"{}s\"", LONG_LIVED.as_secs());
    let mut site = Site::up(PROGRAM, &Plan { nodes: 2, service, ..Plan::default() });
    let mut socket = wait_for("a node serves", STEP, || {
        Some(WebSocket::open(site.address())).filter(|socket| socket.served_by != "local")
    });
    let node = socket.served_by.clone();
    assert!(socket.echoes(0));
    let began = Instant::now();
    assert!(site.run("drain", &[&node]).status.success());
    let mut others = 0;
    wait_for("it drains, and nobody else is sent there", STEP, || {
        if !site.node(&node)["state"].as_str().is_some_and(|state| state.starts_with("draining")) {
            return None;
        }
        let answer = site.get("/bytes/10").unwrap();
        assert_eq!(answer.status, 200);
        assert_ne!(answer.header("x-accordion-served-by"), Some(node.as_str()));
        assert!(socket.echoes(1), "it was closed before its time");
        others += 1;
        (others == 5).then_some(())
    });
    let mut number = 2;
    wait_for("it is told that the server goes away", STEP, || {
        number += 1;
        (!socket.echoes(number)).then_some(())
    });
    assert!(began.elapsed() >= LONG_LIVED);
    // It takes its time, and nobody has ended the service meanwhile.
    let copies = || site.copies_at(node.trim_start_matches('c').parse().unwrap()).len();
    let running = copies();
    std::thread::sleep(SLOW);
    assert!(running > 0 && copies() == running);
    // The client's own close reaches the service, which ends the connection then; nothing else follows.
    socket.send(CLOSE, &GOING_AWAY);
    let mut rest = Vec::new();
    socket.stream.read_to_end(&mut rest).expect("it is not cut");
    assert_eq!(rest, b"");
    wait_for("it is drained", STEP, || (site.node(&node)["state"] == "drained by operator").then_some(()));
    assert!(site.down().success());
}

#[test]
fn the_json_log_has_every_request_once_and_the_figures_agree() {
    is_accounted_for("json", |line| {
        let line: serde_json::Value = serde_json::from_str(line).expect("each line is an object");
        let target = line["target"].as_str().unwrap_or("-").to_owned();
        (target, line["status"].as_u64().expect("each has a status"))
    });
}

#[test]
fn the_combined_log_has_every_request_once_and_the_figures_agree() {
    is_accounted_for("combined", |line| {
        let mut parts = line.split('"');
        let (request, status) = (parts.nth(1).unwrap(), parts.next().unwrap());
        let target = request.split(' ').nth(1).unwrap_or("-").to_owned();
        (target, status.split(' ').nth(1).unwrap().parse().unwrap())
    });
}

/// Threads that send at a time, and how often each sends one request of every kind.
const SENDERS: u32 = 4;
const ROUNDS: u32 = 40;

fn is_accounted_for(format: &str, read: impl Fn(&str) -> (String, u64)) {
    let mut site = Site::new(PROGRAM, &Plan { nodes: 1, ..Plan::default() });
    let log = site.directory().join("access.log");
    let admin = SocketAddr::new(site.ip(0).into(), 9100);
    let text = std::fs::read_to_string(site.config()).unwrap();
    let lines = format!(
        "capacity = 8\naccess_log = \"{format}\"\naccess_log_file = \"{}\"\nadmin = \"{admin}\"",
        log.display()
    );
    std::fs::write(site.config(), text.replacen("capacity = 8", &lines, 1)).unwrap();
    site.start();
    wait_for("the site answers", STEP, || site.get("/healthz").ok().filter(|answer| answer.status == 200));
    assert_eq!(client::get(admin, "/healthz", LIMIT).unwrap().status, 200);

    let before = wait_for("what came before is counted", STEP, || {
        let figures = figures(admin);
        (figures["accordion_upstream_in_flight{upstream=\"local\"}"] == 0.0).then_some(figures)
    });
    let sent = send(site.address());
    let ended = |code: u64| sent.values().filter(|status| *status / 100 == code).count() as f64;
    let after = wait_for("all are counted", STEP, || {
        let figures = figures(admin);
        let more = |code: u64| {
            let name = format!("accordion_requests_total{{code=\"{code}xx\"}}");
            figures[&name] - before[&name]
        };
        (more(2) == ended(2) && more(4) == ended(4)).then_some(figures)
    });
    let more = |name: &str| after[name] - before[name];
    assert_eq!(more("accordion_requests_total{code=\"5xx\"}"), 0.0);
    assert_eq!(more("accordion_requests_ended_total{ended=\"completed\"}"), sent.len() as f64);
    assert_eq!(more("accordion_request_seconds_count"), sent.len() as f64);
    let served = ["local", "c1"].map(|name| {
        let of = |code| more_of(&before, &after, &format!("{{upstream=\"{name}\",code=\"{code}\"}}"));
        of("2xx") + of("4xx")
    });
    assert_eq!(served.iter().sum::<f64>(), sent.len() as f64);
    let log_lost = "accordion_access_log_dropped_lines_total";
    assert_eq!(after[log_lost], 0.0);

    // One is still running when everything is told to end: it is answered, and its line is the last.
    let address = site.address();
    let last = std::thread::spawn(move || client::get(address, "/bytes/10?wait=1s&n=last", LIMIT));
    wait_for("it runs", STEP, || {
        let figures = figures(admin);
        let in_flight = figures.iter().filter(|(name, _)| name.starts_with("accordion_upstream_in_flight"));
        (in_flight.map(|(_, count)| count).sum::<f64>() == 1.0).then_some(())
    });
    assert!(
        std::fs::read_to_string(&log).unwrap().lines().all(|line| read(line).0 != "/bytes/10?wait=1s&n=last")
    );
    assert!(site.down().success());
    assert_eq!(last.join().unwrap().unwrap().status, 200);

    let mut expected = sent;
    expected.insert("/bytes/10?wait=1s&n=last".to_owned(), 200);
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(text.ends_with('\n'), "the last line is whole");
    let mut logged = BTreeMap::new();
    for (target, status) in text.lines().map(&read).filter(|(target, _)| target.contains("n=")) {
        assert_eq!(logged.insert(target.clone(), status), None, "{target} has two lines");
    }
    assert_eq!(logged, expected);
}

/// Sends requests of several kinds, each with a target of its own; answers what each was answered with.
fn send(address: SocketAddr) -> BTreeMap<String, u64> {
    let kinds: [(&str, &str, &[u8], u16); 5] = [
        ("GET", "/bytes/100?", b"", 200),
        ("GET", "/bytes/100000?", b"", 200),
        ("HEAD", "/bytes/100?", b"", 200),
        ("POST", "/echo?", b"hello", 200),
        ("GET", "/nothing?", b"", 404),
    ];
    let send_all = |sender: u32| {
        let mut sent = Vec::new();
        for round in 0..ROUNDS {
            // Kept for the round, so that both new and kept connections are there.
            let mut connection = Connection::open(address, LIMIT).unwrap();
            for (kind, (method, target, body, status)) in kinds.iter().enumerate() {
                let target = format!("{target}n={sender}.{round}.{kind}");
                let answer: Answer = connection.request(method, &target, body).unwrap();
                assert_eq!(answer.status, *status, "{method} {target}");
                sent.push((target, u64::from(*status)));
            }
        }
        sent
    };
    std::thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS).map(|sender| scope.spawn(move || send_all(sender))).collect();
        senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect()
    })
}

/// Every sample of /metrics by its name and labels. Fails on a line that is none of Prometheus's text format.
fn figures(admin: SocketAddr) -> BTreeMap<String, f64> {
    let answer = client::get(admin, "/metrics", LIMIT).unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = String::from_utf8(answer.body).unwrap();
    let mut figures = BTreeMap::new();
    let mut families = Vec::new();
    for line in text.lines() {
        if let Some(words) = line.strip_prefix("# TYPE ") {
            let (name, kind) = words.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(!families.contains(&name), "{name} came twice");
            families.push(name);
        } else if !line.starts_with("# HELP ") {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let family = families.last().expect("a family is named before its samples");
            assert!(name.starts_with(family), "{line} is not of {family}");
            assert_eq!(figures.insert(name.to_owned(), value.parse().unwrap()), None, "{name} came twice");
        }
    }
    figures
}

fn more_of(before: &BTreeMap<String, f64>, after: &BTreeMap<String, f64>, labels: &str) -> f64 {
    let name = format!("accordion_upstream_requests_total{labels}");
    let of = |figures: &BTreeMap<String, f64>| figures.get(&name).copied().unwrap_or(0.0);
    of(after) - of(before)
}
