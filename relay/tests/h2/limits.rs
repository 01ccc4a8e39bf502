//! What one client can make the relay hold.

use std::io::{ErrorKind, Write};
use std::time::Duration;

use crate::client::{Client, get};
use crate::peer::DEADLINE;
use crate::raw::{Outcome, Raw};
use crate::rig::{OK, Origin, Rig, eventually};

const FIELDS: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "http"), (":authority", "a.example"), (":path", "/")];

#[test]
fn a_client_that_takes_nothing_holds_up_the_service() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let mut raw = Raw::connect(rig.address);
    raw.shut_windows();
    raw.request(1, &FIELDS, false);
    let mut service = origin.accept();
    service.message();
    service.send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
    let mut tcp = service.try_clone();
    tcp.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let mut taken = 0;
    let stuck = loop {
        match tcp.write(&[b'x'; 65_536]) {
            Ok(count) => taken += count,
            Err(error) => break error.kind(),
        }
        assert!(taken < 50_000_000, "the relay holds everything");
    };
    assert!(matches!(stuck, ErrorKind::WouldBlock | ErrorKind::TimedOut), "{stuck}");
    // And it goes on when the client does.
    raw.open_window(1, 100_000_000);
    raw.open_window(0, 100_000_000);
    tcp.set_write_timeout(Some(DEADLINE)).unwrap();
    let sender = std::thread::spawn(move || tcp.write_all(&vec![b'x'; 10_000_000]).unwrap());
    assert!(matches!(raw.outcome(1), Outcome::Other(_)));
    raw.peer.bytes(taken + 10_000_000);
    sender.join().unwrap();
}

#[test]
fn a_service_that_takes_nothing_holds_up_its_stream_and_no_other() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let client = Client::connect(rig.address);
    let (feed, body) = crate::client::fed();
    let held = client.send(crate::client::request("POST", "/").body(body).unwrap());
    feed.send(vec![b'x'; 20_000_000]);
    let mut service = origin.accept();
    service.head();
    let sent = client.send(get("/"));
    let mut other = origin.accept();
    other.message();
    other.send(OK);
    assert_eq!(client.answer(sent).unwrap().status, 200);
    assert!(!held.is_finished());
}

/// An answer after which the service's connection serves no other request.
const LAST: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn more_streams_than_there_may_be_wait_at_the_client() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let client = Client::connect(rig.address);
    let sent: Vec<_> = (0..150).map(|_| client.send(get("/"))).collect();
    eventually("as many as may be are served", || rig.relay.counters().requests == 128);
    let mut services: Vec<_> = (0..128).map(|_| origin.accept()).collect();
    assert!(!origin.has_more_connections());
    for service in &mut services {
        service.message();
        service.send(LAST);
    }
    for _ in 128..150 {
        let mut service = origin.accept();
        service.message();
        service.send(LAST);
        services.push(service);
    }
    for sent in sent {
        assert_eq!(client.answer(sent).unwrap().status, 200);
    }
}

#[test]
fn a_client_that_only_resets_is_sent_away() {
    let origin = Origin::start();
    let (rig, local) = Rig::before(&origin);
    let mut raw = Raw::connect(rig.address);
    let mut tcp = raw.peer.try_clone();
    // Nobody reads here, so the other end may be gone before the last frame.
    let mut frames = Vec::new();
    let mut block = Vec::new();
    for (name, value) in FIELDS {
        crate::raw::literal(&mut block, name.as_bytes(), value.as_bytes());
    }
    for at in 0..5_000u32 {
        let stream = (2 * at + 1).to_be_bytes();
        frames.extend([0, 0, block.len() as u8, 1, 5]);
        frames.extend(stream);
        frames.extend(&block);
        frames.extend([0, 0, 4, 3, 0]);
        frames.extend(stream);
        frames.extend(8u32.to_be_bytes());
    }
    let _ = tcp.write_all(&frames);
    assert_eq!(raw.outcome(0), Outcome::GoAway);
    eventually("nothing is in flight", || local.in_flight() == 0);
}
