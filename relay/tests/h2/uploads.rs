//! Bodies that nobody takes: however the exchange ends, its stream ends with it on either side.

use std::io::Write;
use std::thread;
use std::time::Duration;

use relay::Settings;

use crate::client::{Client, SHORT, fed, request};
use crate::peer::{Close, Peer};
use crate::raw::{CANCEL, Raw};
use crate::rig::{Origin, Rig, Told, eventually};
use crate::service::h2c;

/// More than everything on the way can hold.
const BODY: usize = 64 << 20;

/// A request whose body is sent until nothing more goes in.
fn upload(rig: &Rig) -> Peer {
    let mut client = rig.client();
    client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {BODY}\r\n\r\n"));
    let mut tcp = client.try_clone();
    tcp.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
    while tcp.write_all(&[b'x'; 64 * 1024]).is_ok() {}
    client
}

/// Waits until nothing more comes for a while of what is not read.
fn until_nothing_comes(service: &Peer) {
    let tcp = service.try_clone();
    let mut space = vec![0; 16 << 20];
    let mut seen = 0;
    loop {
        let unread = tcp.peek(&mut space).unwrap();
        if unread == seen {
            return;
        }
        seen = unread;
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_service_that_does_not_answer_in_time() {
    let origin = Origin::start();
    let local = h2c("local", origin.address, None);
    let settings = Settings { first_byte_timeout: 2 * SHORT, ..Settings::default() };
    let rig = Rig::with(Told::in_order(&[&local]), settings);
    let mut client = upload(&rig);
    let mut service = Raw::accept(&origin);
    let stream = service.asked();
    assert_eq!(client.head().status(), 504);
    assert_eq!(service.reset_of(stream), CANCEL);
    assert_eq!(local.in_flight(), 0);
}

#[test]
fn a_service_that_has_answered_without_it() {
    let origin = Origin::start();
    let rig = Rig::start(Told::in_order(&[&h2c("local", origin.address, None)]));
    let mut client = upload(&rig);
    let mut service = Raw::accept(&origin);
    let stream = service.asked();
    service.answer(stream, true);
    assert_eq!(client.head().status(), 200);
    assert_eq!(service.reset_of(stream), CANCEL);
}

#[test]
fn a_client_that_breaks_off() {
    for has_answer in [false, true] {
        let origin = Origin::start();
        let local = h2c("local", origin.address, None);
        let rig = Rig::start(Told::in_order(&[&local]));
        let mut client = upload(&rig);
        let mut service = Raw::accept(&origin);
        let stream = service.asked();
        if has_answer {
            service.answer(stream, false);
            assert_eq!(client.head().status(), 200);
        }
        // What it has sent is unread, and its end is behind that.
        client.end(Close::Reset);
        assert_eq!(service.reset_of(stream), CANCEL);
        eventually("nothing is in flight", || local.in_flight() == 0);
    }
}

#[test]
fn a_stream_that_its_client_resets() {
    let origin = Origin::start();
    let (rig, local) = Rig::before(&origin);
    let client = Client::connect(rig.address);
    let (feed, body) = fed();
    let sent = client.send(request("POST", "/").body(body).unwrap());
    let mut service = origin.accept();
    service.head();
    feed.send(vec![b'x'; BODY]);
    until_nothing_comes(&service);
    assert_eq!(local.in_flight(), 1);
    sent.abort();
    eventually("nothing is in flight", || local.in_flight() == 0);
    drop(service.rest());
    assert!(!client.is_closed());
}
