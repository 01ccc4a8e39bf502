//! How much there may be: connections, bytes of a body; and that workers share evenly.

use std::collections::HashMap;
use std::io::Write;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use relay::{Dispatch, Failure, Head, Pick, Relay, Settings, Upstream};
use socket2::{Domain, Protocol, Socket, Type};

use crate::peer::{Close, Peer, chunk};
use crate::rig::{GET, OK, Origin, Rig, eventually, nobody};

#[test]
fn a_connection_too_many_is_told_so_and_the_next_after_a_close_is_served() {
    let origin = Origin::start();
    let rig = Rig::front_with(&origin, Settings { connections_max: 2, ..Settings::default() });
    let mut first = rig.client();
    first.send(GET);
    let mut service = origin.accept();
    service.message();
    service.send(OK);
    first.message();
    let second = rig.client();
    eventually("both are open", || rig.relay.counters().connections_open == 2);
    for _ in 0..3 {
        let mut third = rig.client();
        third.send(GET);
        let answer = third.message();
        assert_eq!((answer.status(), answer.reason()), (503, Some("too-many-connections")));
        assert_eq!((answer.header("retry-after"), answer.header("connection")), (Some("1"), Some("close")));
        assert_eq!(third.expect_end(), Close::Fin);
    }
    drop(second);
    eventually("one is closed", || rig.relay.counters().connections_open == 1);
    let mut third = rig.client();
    third.send(GET);
    service.message();
    service.send(OK);
    assert_eq!(third.message().status(), 200);
}

const LIMIT: u64 = 100_000;

fn limited(origin: &Origin) -> Rig {
    Rig::front_with(origin, Settings { body_bytes_max: Some(LIMIT), ..Settings::default() })
}

#[test]
fn a_length_beyond_the_limit_is_refused_before_anything_is_forwarded() {
    for lines in ["", "Expect: 100-continue\r\n"] {
        let origin = Origin::start();
        let rig = limited(&origin);
        let mut client = rig.client();
        client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n{lines}\r\n", LIMIT + 1));
        let answer = client.message();
        assert_eq!((answer.status(), answer.reason()), (413, Some("body-too-large")));
        client.finish();
        client.expect_end();
        assert!(!origin.has_more_connections());
        assert_eq!(rig.failures(), []);
    }
}

#[test]
fn a_body_of_just_the_limit_passes() {
    let origin = Origin::start();
    let rig = limited(&origin);
    let mut client = rig.client();
    client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {LIMIT}\r\n\r\n"));
    client.send(vec![7; LIMIT as usize]);
    let mut service = origin.accept();
    assert_eq!(service.message().body.len() as u64, LIMIT);
    service.send(OK);
    assert_eq!(client.message().status(), 200);
}

/// So many bytes in small chunks, whose framing is half as much again.
fn small_chunks(bytes: u64) -> Vec<u8> {
    let mut body = chunk([7; 10]).repeat(bytes as usize / 10);
    let rest = bytes as usize % 10;
    if rest > 0 {
        body.extend(chunk(vec![7; rest]));
    }
    body.extend(b"0\r\n\r\n");
    body
}

#[test]
fn the_framing_of_chunks_does_not_count() {
    for (bytes, status) in [(LIMIT, 200), (LIMIT + 1, 413)] {
        let origin = Origin::start();
        let rig = limited(&origin);
        let mut client = rig.client();
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        let mut tcp = client.try_clone();
        let sending = thread::spawn(move || tcp.write_all(&small_chunks(bytes)));
        let mut service = origin.accept();
        service.head();
        if status == 200 {
            let mut came = 0;
            while let Some(chunk) = service.chunk() {
                came += chunk.len() as u64;
            }
            assert_eq!(came, bytes);
            service.send(OK);
        }
        assert_eq!(client.message().status(), status);
        sending.join().unwrap().unwrap();
    }
}

#[test]
fn chunks_beyond_the_limit_are_refused_in_the_middle_and_the_service_sees_no_whole_request() {
    let origin = Origin::start();
    let rig = limited(&origin);
    let mut client = rig.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    let mut service = origin.accept();
    service.head();
    let mut tcp = client.try_clone();
    // The client goes on to its end before it reads.
    let sending = thread::spawn(move || {
        for _ in 0..100 {
            tcp.write_all(&chunk([7; 10_000]))?;
        }
        tcp.write_all(b"0\r\n\r\n")
    });
    let read = service.rest();
    let passed = read.iter().filter(|byte| **byte == 7).count();
    assert!(passed as u64 <= LIMIT, "{passed} bytes of {LIMIT} passed");
    assert!(!read.ends_with(b"0\r\n\r\n"));
    sending.join().unwrap().expect("nothing cuts the client off while it sends");
    let answer = client.message();
    assert_eq!((answer.status(), answer.reason()), (413, Some("body-too-large")));
    assert_eq!(client.expect_end(), Close::Fin);
    rig.comes_to_rest();
    assert_eq!(rig.failures(), []);
}

const WORKERS: usize = 4;
const CONNECTIONS: usize = 64;

/// Refuses everything, and writes down on which worker it was asked for which path. A path that begins with
/// `/hold` holds its worker until it is let go.
#[derive(Default)]
struct Census {
    held: AtomicUsize,
    may_go: AtomicBool,
    by_worker: Mutex<HashMap<String, usize>>,
}

impl Dispatch for Census {
    fn pick(&self, head: &Head<'_>, _: &[u64]) -> Pick {
        if head.path_and_query().starts_with("/hold") {
            self.held.fetch_add(1, Ordering::SeqCst);
            while !self.may_go.load(Ordering::SeqCst) {
                thread::yield_now();
            }
        }
        let worker = thread::current().name().unwrap().to_owned();
        *self.by_worker.lock().unwrap().entry(worker).or_default() += 1;
        Pick::Refuse(nobody())
    }

    fn failed(&self, _: &Arc<Upstream>, _: Failure) {}
}

fn shared_address() -> Vec<TcpListener> {
    let mut address = "127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap();
    let mut listeners = Vec::new();
    for _ in 0..WORKERS {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).unwrap();
        socket.set_reuse_port(true).unwrap();
        socket.bind(&address.into()).unwrap();
        socket.listen(1024).unwrap();
        let listener = TcpListener::from(socket);
        address = listener.local_addr().unwrap();
        listeners.push(listener);
    }
    listeners
}

fn is_even(census: &Census, of: usize) {
    let by_worker = census.by_worker.lock().unwrap();
    assert_eq!(by_worker.values().sum::<usize>(), of);
    let most = by_worker.values().max().unwrap();
    assert!(most * WORKERS * 2 <= of * 3, "more than 1.5 times the mean: {by_worker:?}");
}

#[test]
fn kept_connections_spread_evenly_over_the_workers() {
    let census = Arc::<Census>::default();
    let listeners = shared_address();
    let address = listeners[0].local_addr().unwrap();
    let _relay = Relay::start(listeners, WORKERS, census.clone(), Settings::default()).unwrap();
    let mut clients = (0..CONNECTIONS).map(|_| Peer::connect(address)).collect::<Vec<_>>();
    for _ in 0..2 {
        for client in &mut clients {
            client.send(GET);
        }
        for client in &mut clients {
            assert_eq!(client.message().status(), 503);
        }
    }
    is_even(&census, 2 * CONNECTIONS);
}

#[test]
fn a_burst_on_one_listener_spreads_over_all_workers_too() {
    let census = Arc::<Census>::default();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let _relay = Relay::start(vec![listener], WORKERS, census.clone(), Settings::default()).unwrap();
    let mut clients = (0..CONNECTIONS).map(|_| Peer::connect(address)).collect::<Vec<_>>();
    for client in &mut clients {
        client.send(GET);
    }
    for client in &mut clients {
        assert_eq!(client.message().status(), 503);
    }
    is_even(&census, CONNECTIONS);
}

#[test]
fn the_limit_on_connections_holds_for_a_burst() {
    const MAX: usize = 5;
    let census = Arc::<Census>::default();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let settings = Settings { connections_max: MAX, ..Settings::default() };
    let _relay = Relay::start(vec![listener], 1, census.clone(), settings).unwrap();
    // The only worker is held while the others queue up, so that it takes them in one go.
    let mut holding = Peer::connect(address);
    holding.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    eventually("the worker is held", || census.held.load(Ordering::SeqCst) == 1);
    let mut clients = (0..4 * MAX).map(|_| Peer::connect(address)).collect::<Vec<_>>();
    clients.iter_mut().for_each(|client| client.send(GET));
    census.may_go.store(true, Ordering::SeqCst);
    let answers = clients.iter_mut().map(Peer::message).collect::<Vec<_>>();
    let turned_away = answers.iter().filter(|answer| answer.reason() == Some("too-many-connections"));
    assert_eq!(turned_away.count(), 4 * MAX - (MAX - 1));
    assert_eq!(holding.message().reason(), Some("no-upstream"));
}
