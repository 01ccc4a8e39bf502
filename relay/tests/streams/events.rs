//! Server-sent events: each must reach the client before the next is sent.

use crate::peer::{Close, chunk};
use crate::rig::{GET, Origin, Rig};

fn event(number: u32) -> String {
    format!("id: {number}\ndata: {}\n\n", "x".repeat(number as usize * 7))
}

#[test]
fn each_event_arrives_before_the_next_is_sent() {
    let origin = Origin::start();
    let rig = Rig::chain(&origin);
    let (mut client, mut service) = rig.asked(&origin, GET);
    service.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
    // The head must not wait for the first event either.
    assert_eq!(client.head().header("content-type"), Some("text/event-stream"));
    for number in 0..50 {
        service.send(chunk(event(number)));
        assert_eq!(client.chunk().unwrap(), event(number).as_bytes());
    }
    service.send("0\r\n\r\n");
    assert_eq!(client.chunk(), None);
}

#[test]
fn so_do_those_of_a_service_that_does_not_know_chunks() {
    let origin = Origin::start();
    let rig = Rig::chain(&origin);
    let (mut client, mut service) = rig.asked(&origin, GET);
    service.send("HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
    assert_eq!(client.head().header("transfer-encoding"), Some("chunked"));
    for number in 0..50 {
        service.send(event(number));
        assert_eq!(client.chunk().unwrap(), event(number).as_bytes());
    }
    service.end(Close::Fin);
    assert_eq!(client.chunk(), None);
}
