//! How streams and their connections end: by the client, by a drain, by a cut, by time.

use std::time::Duration;

use relay::{Drained, Settings};

use crate::client::{Client, SHORT, asked, fed, get, request};
use crate::raw::Raw;
use crate::rig::{OK, Origin, Rig, Told, block_on, eventually, upstream};

fn rig_with(origin: &Origin, settings: Settings) -> Rig {
    Rig::with(Told::in_order(&[&upstream("local", origin.address)]), settings)
}

#[test]
fn a_connection_counts_once_and_its_streams_as_requests() {
    let origin = Origin::start();
    let (rig, local) = Rig::before(&origin);
    let client = Client::connect(rig.address);
    let sent: Vec<_> = (0..5).map(|_| client.send(get("/"))).collect();
    let mut services: Vec<_> = (0..5).map(|_| origin.accept()).collect();
    for service in &mut services {
        service.message();
    }
    let counters = rig.relay.counters();
    assert_eq!((counters.connections_open, counters.requests), (1, 5));
    assert_eq!(local.in_flight(), 5);
    for service in &mut services {
        service.send(OK);
    }
    for sent in sent {
        assert_eq!(client.answer(sent).unwrap().status, 200);
    }
    eventually("all are counted down", || local.in_flight() == 0);
    assert_eq!(rig.relay.counters().connections_open, 1);
    drop(client);
    eventually("the connection is counted down", || rig.relay.counters().connections_open == 0);
}

#[test]
fn a_stream_the_client_resets_ends_at_the_service() {
    let origin = Origin::start();
    let (rig, local) = Rig::before(&origin);
    let client = Client::connect(rig.address);
    // Before the answer, within the answer, and within the request's own body.
    let waits = client.send(get("/"));
    let mut service = origin.accept();
    service.message();
    waits.abort();
    service.expect_end();
    let reads = client.send(get("/"));
    let mut service = origin.accept();
    service.message();
    service.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    drop(client.head(reads).unwrap());
    service.expect_end();
    let (feed, body) = fed();
    let _sends = client.send(request("POST", "/").body(body).unwrap());
    feed.send("half");
    let mut service = origin.accept();
    service.head();
    assert_eq!(service.chunk().unwrap(), b"half");
    feed.abort();
    service.expect_end();
    eventually("nothing is in flight", || local.in_flight() == 0);
    assert!(!client.is_closed());
}

#[test]
fn a_drain_lets_streams_finish_and_ends_the_connection() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let (client, sent, mut service) = asked(&rig, &origin);
    let drained = std::thread::scope(|scope| {
        let drain = scope.spawn(|| block_on(rig.relay.drain(Duration::from_secs(10))));
        eventually("it takes no connections", || std::net::TcpStream::connect(rig.address).is_err());
        assert!(!drain.is_finished(), "a drain waits for the stream");
        service.send(OK);
        assert_eq!(client.answer(sent).unwrap().body, "ok");
        drain.join().unwrap()
    });
    assert_eq!(drained, Drained { cut: 0 });
    client.expect_end();
}

#[test]
fn a_drain_ends_connections_that_rest_or_have_not_begun() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let (rests, sent, mut service) = asked(&rig, &origin);
    service.send(OK);
    rests.answer(sent).unwrap();
    let waits = Client::connect(rig.address);
    eventually("both are there", || rig.relay.counters().connections_open == 2);
    assert_eq!(block_on(rig.relay.drain(Duration::from_secs(8))), Drained { cut: 0 });
    rests.expect_end();
    waits.expect_end();
}

#[test]
fn a_deadline_cuts_streams_and_counts_each_once() {
    let origin = Origin::start();
    let (rig, local) = Rig::before(&origin);
    let client = Client::connect(rig.address);
    let sent = [client.send(get("/")), client.send(get("/"))];
    let mut services = [origin.accept(), origin.accept()];
    for service in &mut services {
        service.message();
    }
    assert_eq!(block_on(rig.relay.drain(Duration::from_millis(50))), Drained { cut: 2 });
    for sent in sent {
        assert!(client.answer(sent).is_err());
    }
    for service in &mut services {
        service.expect_end();
    }
    assert_eq!(local.in_flight(), 0);
    client.expect_end();
}

#[test]
fn a_connection_that_rests_too_long_ends() {
    let origin = Origin::start();
    let rig = rig_with(&origin, Settings { keep_alive_timeout: SHORT, ..Settings::default() });
    let (client, sent, mut service) = asked(&rig, &origin);
    // It has a stream, so it does not rest however long that takes.
    std::thread::sleep(3 * SHORT);
    assert!(!client.is_closed());
    service.send(OK);
    assert_eq!(client.answer(sent).unwrap().status, 200);
    client.expect_end();
    eventually("it is counted down", || rig.relay.counters().connections_open == 0);
}

#[test]
fn a_connection_without_a_request_ends() {
    let origin = Origin::start();
    let rig = rig_with(&origin, Settings { head_timeout: SHORT, ..Settings::default() });
    Client::connect(rig.address).expect_end();
    // Nor may its preface take for ever.
    let mut client = rig.client();
    client.send("PRI * HTTP/2.0\r\n\r\nSM");
    client.rest();
    eventually("both are counted down", || rig.relay.counters().connections_open == 0);
}

#[test]
fn a_body_that_does_not_come_is_a_408_for_its_stream() {
    let origin = Origin::start();
    let rig = rig_with(&origin, Settings { body_idle_timeout: SHORT, ..Settings::default() });
    let client = Client::connect(rig.address);
    let (feed, body) = fed();
    let sent = client.send(request("POST", "/").body(body).unwrap());
    feed.send("half");
    assert_eq!(client.answer(sent).unwrap().status, 408);
    assert!(!client.is_closed());
}

#[test]
fn a_stream_whose_window_stays_shut_ends() {
    let origin = Origin::start();
    let local = upstream("local", origin.address);
    let settings = Settings { body_idle_timeout: SHORT, keep_alive_timeout: SHORT, ..Settings::default() };
    let rig = Rig::with(Told::in_order(&[&local]), settings);
    let mut raw = Raw::connect(rig.address);
    raw.shut_windows();
    let fields = [(":method", "GET"), (":scheme", "http"), (":authority", "a.example"), (":path", "/")];
    // One whose answer fits the buffers on its way, and one whose does not.
    for (stream, bytes) in [(1, 1_000), (3, 4_000_000)] {
        raw.request(stream, &fields, false);
        let mut service = origin.accept();
        service.message();
        service.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {bytes}\r\nConnection: close\r\n\r\n"));
        let mut tcp = service.try_clone();
        // It is broken off where it does not fit.
        let _ = std::io::Write::write_all(&mut tcp, &vec![b'x'; bytes]);
        eventually("nothing is in flight", || local.in_flight() == 0);
    }
    // The streams are gone, so that the connection rests, and ends.
    eventually("the connection ends", || rig.relay.counters().connections_open == 0);
}
