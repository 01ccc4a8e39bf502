//! Request lines and hosts: what is understood, what is refused.

use crate::rig::{OK, Origin, Rig, Told};

/// What the service sees of a request: its line and its Host.
fn seen(request: &str) -> (String, String) {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let mut client = rig.client();
    client.send(request);
    let mut service = origin.accept();
    let message = service.message();
    service.send(OK);
    assert_eq!(client.message().status(), 200);
    let host = message.header("host").unwrap().to_owned();
    (message.start, host)
}

fn refused(request: &str) -> u16 {
    Rig::start(Told::new(|_, _| panic!("it must not be asked where this goes"))).ask(request).status()
}

#[test]
fn an_absolute_target_becomes_its_path_and_its_host() {
    let (line, host) = seen("GET http://b.example:81/p?q=1 HTTP/1.1\r\nHost: b.example:81\r\n\r\n");
    assert_eq!((line.as_str(), host.as_str()), ("GET /p?q=1 HTTP/1.1", "b.example:81"));
    let (line, _) = seen("GET http://b.example HTTP/1.1\r\nHost: b.example\r\n\r\n");
    assert_eq!(line, "GET / HTTP/1.1");
}

#[test]
fn options_asterisk_passes() {
    assert_eq!(seen("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").0, "OPTIONS * HTTP/1.1");
}

#[test]
fn a_path_passes_byte_by_byte() {
    assert_eq!(
        seen("GET /a%2Fb//../c?d=%20&&e HTTP/1.1\r\nHost: a\r\n\r\n").0,
        "GET /a%2Fb//../c?d=%20&&e HTTP/1.1"
    );
}

#[test]
fn connect_is_refused() {
    assert_eq!(refused("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n"), 405);
}

#[test]
fn a_missing_or_second_host_is_refused() {
    assert_eq!(refused("GET / HTTP/1.1\r\n\r\n"), 400);
    assert_eq!(refused("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400);
}

#[test]
fn an_asterisk_or_an_authority_for_a_get_is_refused() {
    assert_eq!(refused("GET * HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
    assert_eq!(refused("GET a.example:80 HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
}

#[test]
fn a_coding_that_is_not_chunked_alone_is_refused() {
    assert_eq!(
        refused("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        501
    );
}

#[test]
fn a_request_without_a_host_passes_two_relays() {
    let origin = Origin::start();
    let local = crate::rig::upstream("local", origin.address);
    let settings = relay::Settings { front: false, ..relay::Settings::default() };
    let node = Rig::with(Told::in_order(&[&local]), settings);
    let c1 = crate::rig::node("c1", node.address);
    let front = Rig::start(Told::in_order(&[&c1]));
    let mut client = front.client();
    client.send("GET / HTTP/1.0\r\n\r\n");
    let mut service = origin.accept();
    assert_eq!(service.message().header("host"), Some(""));
    service.send(OK);
    assert_eq!(client.message().status(), 200);
}
