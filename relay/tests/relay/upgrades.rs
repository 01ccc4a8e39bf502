//! Connections that stop being HTTP.

use std::time::Duration;

use relay::Drained;

use crate::peer::Peer;
use crate::rig::{OK, Origin, Rig, block_on, eventually};

const ASK: &str = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: echo\r\n\r\n";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";

/// Both ends of an upgraded connection; each side's first bytes come with its head.
fn upgraded(rig: &Rig, origin: &Origin) -> (Peer, Peer) {
    let mut client = rig.client();
    client.send(ASK);
    let mut service = origin.accept();
    let request = service.message();
    assert_eq!((request.header("connection"), request.header("upgrade")), (Some("upgrade"), Some("echo")));
    service.send(format!("{SWITCH}first"));
    let answer = client.head();
    assert_eq!((answer.status(), answer.header("upgrade")), (101, Some("echo")));
    assert_eq!(client.bytes(5), b"first");
    (client, service)
}

#[test]
fn bytes_pass_both_ways_and_count_as_one_long_lived_request() {
    let origin = Origin::start();
    let (rig, upstream) = Rig::before(&origin);
    let (mut client, mut service) = upgraded(&rig, &origin);
    assert_eq!((upstream.in_flight(), upstream.long_lived(), upstream.load()), (1, 1, 0.1));
    for word in ["ping", "pong"] {
        client.send(word);
        assert_eq!(service.bytes(4), word.as_bytes());
        service.send(word);
        assert_eq!(client.bytes(4), word.as_bytes());
    }
    client.finish();
    service.expect_end();
    service.send("last");
    drop(service);
    assert_eq!(client.rest(), b"last");
    eventually("it is counted down", || upstream.in_flight() == 0 && upstream.long_lived() == 0);
}

#[test]
fn a_drain_cuts_them_at_its_deadline() {
    let origin = Origin::start();
    let (rig, upstream) = Rig::before(&origin);
    let (mut client, mut service) = upgraded(&rig, &origin);
    assert_eq!(block_on(rig.relay.drain(Duration::from_millis(50))), Drained { cut: 1 });
    client.expect_end();
    service.expect_end();
    assert_eq!(upstream.in_flight(), 0);
}

#[test]
fn an_upstream_declared_dead_ends_them() {
    let origin = Origin::start();
    let (rig, upstream) = Rig::before(&origin);
    let (mut client, mut service) = upgraded(&rig, &origin);
    upstream.close();
    service.expect_end();
    client.expect_end();
    eventually("it is counted down", || upstream.in_flight() == 0);
}

#[test]
fn a_service_may_decline() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let (mut client, mut service) = rig.asked(&origin, ASK);
    service.send(OK);
    assert_eq!(client.message().text(), "ok");
}

#[test]
fn a_switch_nobody_asked_for_is_a_bad_response() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let (mut client, mut service) = rig.asked(&origin, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    service.send(SWITCH);
    let answer = client.message();
    assert_eq!((answer.status(), answer.header("x-accordion-reason")), (502, Some("bad-response")));
}

#[test]
fn an_upgrade_to_http_2_is_not_offered_to_the_service() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let mut client = rig.client();
    client.send(
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: websocket, h2c\r\n\
         HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
    );
    let mut service = origin.accept();
    let request = service.message();
    for name in ["connection", "upgrade", "http2-settings"] {
        assert_eq!(request.header(name), None, "{name}");
    }
    service.send(OK);
    assert_eq!(client.message().status(), 200);
}
