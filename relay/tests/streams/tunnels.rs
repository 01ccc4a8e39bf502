//! Connections that stop being HTTP, and how they are told that the relay or its upstream goes.

use std::thread;

use relay::Drained;

use crate::peer::{Close, DEADLINE, Peer};
use crate::rig::{Origin, Rig, block_on};

const WEBSOCKET: &str = "websocket";
const ECHO: &str = "echo";

/// FIN and close, two bytes, 1001: the server goes away (RFC 6455, section 7.4.1).
const GOING_AWAY: &[u8] = b"\x88\x02\x03\xe9";

/// A client's answer to it, masked with zeroes.
const GOODBYE: &[u8] = b"\x88\x82\0\0\0\0\x03\xe9";

/// A text frame of a server.
fn frame(text: &str) -> Vec<u8> {
    let mut bytes = vec![0x81];
    match u8::try_from(text.len()) {
        Ok(length @ 0..126) => bytes.push(length),
        _ => {
            bytes.push(126);
            bytes.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
        }
    }
    bytes.extend(text.as_bytes());
    bytes
}

/// Both ends of an upgraded connection.
fn upgraded(rig: &Rig, origin: &Origin, protocol: &str) -> (Peer, Peer) {
    let mut client = rig.client();
    client.send(ask(protocol));
    let mut service = origin.accept();
    service.head();
    service.send(switch(protocol, ""));
    assert_eq!(client.head().status(), 101);
    (client, service)
}

fn ask(protocol: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n\r\n")
}

fn switch(protocol: &str, lines: &str) -> String {
    format!("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n{lines}\r\n")
}

/// The client has been told; both ends say goodbye to one another, and nothing of it is cut.
fn says_goodbye(mut client: Peer, mut service: Peer) {
    client.send(GOODBYE);
    assert_eq!(service.bytes(GOODBYE.len()), GOODBYE);
    // The service's own close frame comes too late: the client has one already.
    service.send(GOING_AWAY);
    service.finish();
    assert_eq!(client.expect_end(), Close::Fin);
    client.finish();
    assert_eq!(service.expect_end(), Close::Fin);
}

#[test]
fn a_websocket_whose_upstream_parts_is_closed_between_two_frames() {
    let origin = Origin::start();
    let rig = Rig::chain(&origin);
    let long = frame(&"l".repeat(300));
    // The frame under way is cut within its head, within its length, within its payload, and not at all.
    for cut in [1, 3, 200, long.len()] {
        let (mut client, mut service) = upgraded(&rig, &origin, WEBSOCKET);
        service.send(frame("whole"));
        service.send(&long[..cut]);
        assert_eq!(client.bytes(7 + cut), [&frame("whole"), &long[..cut]].concat());
        rig.upstream().part();
        rig.has_heard();
        service.send([&long[cut..], &frame("never seen")].concat());
        assert_eq!(client.bytes(long.len() - cut), &long[cut..]);
        assert_eq!(client.bytes(4), GOING_AWAY);
        says_goodbye(client, service);
        rig.comes_to_rest();
    }
    assert_eq!(rig.failures(), []);
}

#[test]
fn a_websocket_goes_on_up_to_the_moment_it_is_told_and_its_client_may_finish_its_frame() {
    let origin = Origin::start();
    let rig = Rig::front(&origin);
    let (mut client, mut service) = upgraded(&rig, &origin, WEBSOCKET);
    client.send(b"\x81\x85\0\0\0\0he");
    assert_eq!(service.bytes(8), b"\x81\x85\0\0\0\0he");
    rig.upstream().part();
    assert_eq!(client.bytes(4), GOING_AWAY);
    client.send("llo");
    assert_eq!(service.bytes(3), b"llo");
    says_goodbye(client, service);
    rig.comes_to_rest();
}

#[test]
fn a_frame_that_came_with_the_head_of_the_switch_is_finished_before_the_parting_word() {
    let origin = Origin::start();
    let rig = Rig::front(&origin);
    let mut client = rig.client();
    client.send(ask(WEBSOCKET));
    let mut service = origin.accept();
    service.head();
    let words = frame("hello");
    service.send([switch(WEBSOCKET, "").as_bytes(), &words[..4]].concat());
    assert_eq!(client.head().status(), 101);
    assert_eq!(client.bytes(4), &words[..4]);
    rig.upstream().part();
    rig.has_heard();
    service.send(&words[4..]);
    assert_eq!(client.bytes(7), [&words[4..], GOING_AWAY].concat());
    says_goodbye(client, service);
}

#[test]
fn a_relay_that_drains_parts_its_websockets_and_cuts_none_that_ends() {
    let origin = Origin::start();
    let rig = Rig::front(&origin);
    let (mut client, mut service) = upgraded(&rig, &origin, WEBSOCKET);
    let words = frame("hello");
    service.send(&words[..3]);
    assert_eq!(client.bytes(3), &words[..3]);
    thread::scope(|scope| {
        let drained = scope.spawn(|| block_on(rig.relay.drain(DEADLINE)));
        rig.is_closed();
        service.send([&words[3..], &frame("never seen")].concat());
        assert_eq!(client.bytes(words.len() - 3 + 4), [&words[3..], GOING_AWAY].concat());
        says_goodbye(client, service);
        assert_eq!(drained.join().unwrap(), Drained { cut: 0 });
    });
}

#[test]
fn another_protocol_sees_the_end_of_the_stream_and_may_end_its_own() {
    for drains in [false, true] {
        let origin = Origin::start();
        let rig = Rig::front(&origin);
        let (mut client, mut service) = upgraded(&rig, &origin, ECHO);
        service.send("half a wo");
        assert_eq!(client.bytes(9), b"half a wo");
        thread::scope(|scope| {
            let drained = drains.then(|| scope.spawn(|| block_on(rig.relay.drain(DEADLINE))));
            if !drains {
                rig.upstream().part();
            }
            assert_eq!(client.expect_end(), Close::Fin);
            client.send("last words");
            assert_eq!(service.bytes(10), b"last words");
            client.finish();
            assert_eq!(service.expect_end(), Close::Fin);
            if let Some(drained) = drained {
                assert_eq!(drained.join().unwrap(), Drained { cut: 0 });
            }
        });
        rig.comes_to_rest();
    }
}

#[test]
fn a_switch_in_a_drain_comes_with_its_head_before_its_first_bytes_however_long_that_is() {
    for protocol in [ECHO, WEBSOCKET] {
        for filling in [10, 3000] {
            let origin = Origin::start();
            let rig = Rig::front(&origin);
            let mut client = rig.client();
            client.send(ask(protocol));
            let mut service = origin.accept();
            service.head();
            thread::scope(|scope| {
                let drained = scope.spawn(|| block_on(rig.relay.drain(DEADLINE)));
                rig.is_closed();
                let cookie = format!("Set-Cookie: c={}\r\n", "c".repeat(filling));
                service.send([switch(protocol, &cookie).as_bytes(), &frame("first")].concat());
                let answer = client.head();
                assert_eq!((answer.status(), answer.header("upgrade")), (101, Some(protocol)));
                assert_eq!(answer.header("set-cookie").unwrap().len(), filling + 2);
                assert_eq!(client.bytes(7), frame("first"));
                client.finish();
                service.finish();
                client.rest();
                service.rest();
                assert_eq!(drained.join().unwrap(), Drained { cut: 0 });
            });
        }
    }
}

#[test]
fn each_side_may_end_its_own_direction_first() {
    for protocol in [WEBSOCKET, ECHO] {
        let origin = Origin::start();
        let rig = Rig::chain(&origin);
        let (client, service) = upgraded(&rig, &origin, protocol);
        ends_first(client, service);
        let (client, service) = upgraded(&rig, &origin, protocol);
        ends_first(service, client);
        rig.comes_to_rest();
        assert_eq!(rig.failures(), []);
    }
}

fn ends_first(mut first: Peer, mut second: Peer) {
    first.send("bye");
    first.finish();
    assert_eq!(second.rest_and_close(), (b"bye".to_vec(), Close::Fin));
    for word in ["still", "here"] {
        second.send(word);
        assert_eq!(first.bytes(word.len()), word.as_bytes());
    }
    second.finish();
    assert_eq!(first.expect_end(), Close::Fin);
}
