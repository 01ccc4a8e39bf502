//! How a relay ends, and how connections that rest do.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use relay::{Drained, Relay, Settings};
use socket2::{Domain, Socket, Type};

use crate::peer::{DEADLINE, Peer};
use crate::rig::{GET, OK, Origin, Rig, Told, block_on, eventually, upstream};

#[test]
fn a_drain_finishes_what_runs_and_takes_nothing_new() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let mut resting = rig.client();
    resting.send(GET);
    let mut service = origin.accept();
    service.message();
    service.send(OK);
    resting.message();
    let mut running = rig.client();
    running.send(GET);
    service.message();
    thread::scope(|scope| {
        let drained = scope.spawn(|| block_on(rig.relay.drain(DEADLINE)));
        resting.expect_end();
        eventually("nobody is let in", || TcpStream::connect(rig.address).is_err());
        service.send(OK);
        let answer = running.message();
        assert_eq!((answer.text(), answer.header("connection")), ("ok", Some("close")));
        running.expect_end();
        assert_eq!(drained.join().unwrap(), Drained { cut: 0 });
    });
    assert_eq!(rig.relay.counters().connections_open, 0);
}

#[test]
fn a_drain_lets_an_answer_finish_whose_head_is_gone_already() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let mut client = rig.client();
    client.send(GET);
    let mut service = origin.accept();
    service.message();
    service.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\none");
    client.head();
    thread::scope(|scope| {
        let drained = scope.spawn(|| block_on(rig.relay.drain(DEADLINE)));
        eventually("nobody is let in", || TcpStream::connect(rig.address).is_err());
        service.send("two");
        assert_eq!(client.rest(), b"onetwo");
        assert_eq!(drained.join().unwrap(), Drained { cut: 0 });
    });
}

#[test]
fn a_connection_that_has_not_asked_yet_is_still_answered_once() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let mut client = rig.client();
    eventually("it is open", || rig.relay.counters().connections_open == 1);
    thread::scope(|scope| {
        let drained = scope.spawn(|| block_on(rig.relay.drain(DEADLINE)));
        eventually("nobody is let in", || TcpStream::connect(rig.address).is_err());
        client.send(GET);
        let mut service = origin.accept();
        service.message();
        service.send(OK);
        assert_eq!(client.message().header("connection"), Some("close"));
        client.expect_end();
        assert_eq!(drained.join().unwrap(), Drained { cut: 0 });
    });
}

#[test]
fn a_drain_cuts_what_still_runs_at_its_deadline_and_says_so() {
    let origin = Origin::start();
    let (rig, upstream) = Rig::before(&origin);
    let mut client = rig.client();
    client.send(GET);
    let mut service = origin.accept();
    service.message();
    assert_eq!(block_on(rig.relay.drain(Duration::from_millis(50))), Drained { cut: 1 });
    client.expect_end();
    service.expect_end();
    assert_eq!(upstream.in_flight(), 0);
}

pub(crate) fn listener_with(shape: impl Fn(&Socket)) -> TcpListener {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
    shape(&socket);
    socket.into()
}

#[test]
fn a_head_that_was_half_read_counts_as_cut() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let mut fresh = rig.client();
    fresh.send("GET / HTTP/1.1\r\nHos");
    let mut kept = rig.client();
    kept.send(GET);
    let mut service = origin.accept();
    service.message();
    service.send(OK);
    kept.message();
    kept.send("GET / HTTP/1.1\r\nHos");
    assert_eq!(block_on(rig.relay.drain(Duration::from_millis(200))), Drained { cut: 2 });
}

#[test]
fn an_answer_that_was_not_written_out_counts_as_cut() {
    // More than the sockets between relay and client hold, and less than the codec takes in advance.
    const BODY: usize = 200 << 10;
    let origin = Origin::start();
    let local = upstream("local", origin.address);
    let listener = listener_with(|socket| {
        socket.set_send_buffer_size(4096).unwrap();
        socket.listen(16).unwrap();
    });
    let address = listener.local_addr().unwrap();
    let relay = Relay::start(vec![listener], 1, Told::in_order(&[&local]), Settings::default()).unwrap();
    let client = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    client.set_recv_buffer_size(4096).unwrap();
    client.connect(&address.into()).unwrap();
    let mut client = Peer::of(client.into());
    client.send(GET);
    let mut service = origin.accept();
    service.message();
    service.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {BODY}\r\n\r\n"));
    service.send(vec![7; BODY]);
    // What the client does not take waits here, and the request is in flight until then.
    assert_eq!(local.in_flight(), 1);
    assert_eq!(block_on(relay.drain(Duration::from_millis(50))), Drained { cut: 1 });
    assert!(client.rest().len() < BODY);
}

#[test]
fn connections_of_a_draining_upstream_are_closed_as_they_come_to_rest() {
    let origin = Origin::start();
    let (rig, upstream) = Rig::before(&origin);
    let (mut first, mut second) = (rig.client(), rig.client());
    first.send(GET);
    let mut resting = origin.accept();
    resting.message();
    second.send(GET);
    let mut busy = origin.accept();
    busy.message();
    resting.send(OK);
    first.message();
    upstream.close_idle();
    resting.expect_end();
    busy.send(OK);
    assert_eq!(second.message().text(), "ok");
    busy.expect_end();
    // And it can be used again.
    first.send(GET);
    let mut anew = origin.accept();
    anew.message();
    anew.send(OK);
    assert_eq!(first.message().text(), "ok");
}

#[test]
fn closing_an_upstream_reaches_every_worker() {
    let origin = Origin::start();
    let local = upstream("local", origin.address);
    let listeners = [(), ()].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let addresses = listeners.each_ref().map(|listener| listener.local_addr().unwrap());
    let dispatch = Told::in_order(&[&local]);
    let relay = Relay::start(listeners.into(), 2, dispatch, Settings::default()).unwrap();
    let mut services = addresses.map(|address| {
        let mut client = Peer::connect(address);
        client.send(GET);
        let mut service = origin.accept();
        service.message();
        service.send(OK);
        client.message();
        service
    });
    local.close();
    for service in &mut services {
        service.expect_end();
    }
    assert_eq!(relay.counters().requests, 2);
}

#[test]
fn resting_and_stalling_clients_are_let_go() {
    let origin = Origin::start();
    let local = upstream("local", origin.address);
    let settings = Settings {
        head_timeout: Duration::from_millis(100),
        keep_alive_timeout: Duration::from_millis(100),
        ..Settings::default()
    };
    let rig = Rig::with(Told::in_order(&[&local]), settings);
    let mut silent = rig.client();
    let mut stalling = rig.client();
    stalling.send("GET / HTTP/1.1\r\nHost: ");
    let mut resting = rig.client();
    resting.send(GET);
    let mut service = origin.accept();
    service.message();
    service.send(OK);
    resting.message();
    let told = stalling.message();
    assert_eq!((told.status(), told.header("x-accordion-reason")), (408, Some("head-timeout")));
    stalling.finish();
    for client in [&mut silent, &mut stalling, &mut resting] {
        client.expect_end();
    }
    eventually("all are closed", || rig.relay.counters().connections_open == 0);
}

#[test]
fn a_resting_upstream_connection_is_closed_in_time() {
    let origin = Origin::start();
    let local = upstream("local", origin.address);
    let settings = Settings { upstream_idle_timeout: Duration::from_millis(100), ..Settings::default() };
    let rig = Rig::with(Told::in_order(&[&local]), settings);
    let mut client = rig.client();
    client.send(GET);
    let mut service = origin.accept();
    service.message();
    service.send(OK);
    client.message();
    service.expect_end();
}

#[test]
fn a_relay_without_a_listener_does_not_start() {
    let started = Relay::start(vec![], 1, Told::in_order(&[]), Settings::default());
    assert_eq!(started.unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
}

#[test]
fn a_request_that_was_sent_ahead_is_served_by_a_relay_that_drains() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let address = rig.address;
    let mut client = rig.client();
    client.send([GET, GET].concat());
    let mut service = origin.accept();
    service.message();
    // The connection was promised to be kept before the drain begins.
    service.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
    assert_eq!(client.head().header("connection"), None);
    let drain = std::thread::spawn(move || block_on(rig.relay.drain(Duration::from_secs(10))));
    eventually("nobody is let in", || TcpStream::connect(address).is_err());
    service.send("cd");
    assert_eq!(client.bytes(4), b"abcd");
    service.message();
    service.send(OK);
    let last = client.message();
    assert_eq!((last.status(), last.header("connection")), (200, Some("close")));
    client.expect_end();
    assert_eq!(drain.join().unwrap(), Drained { cut: 0 });
}
