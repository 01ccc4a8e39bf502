//! Requests and answers of HTTP/1.1.

use std::thread;

use crate::client::{Client, End};
use crate::peer::chunk;
use crate::rig::{CHUNKED, GET, OK, Origin};
use crate::site::Site;

fn pattern(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| ((at * 31) >> 7) as u8).collect()
}

#[test]
fn a_request_is_served_by_either_version_and_says_that_it_came_by_https() {
    let origin = Origin::start();
    let site = Site::before(&origin);
    for mut client in [site.client(), site.old_client()] {
        client.send(GET);
        let mut service = origin.accept();
        let asked = service.message();
        assert_eq!(asked.header("x-forwarded-proto"), Some("https"));
        assert_eq!(asked.header("forwarded"), Some("for=127.0.0.1;proto=https;host=a.example"));
        service.send(OK);
        assert!(client.head().starts_with("http/1.1 200 "));
        assert_eq!(client.bytes(2), b"ok");
        // The next one goes on the same connections.
        client.send(GET);
        service.message();
        service.send(OK.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
        client.head();
        assert_eq!(client.bytes(2), b"ok");
    }
    assert_eq!(site.metric("accordion_tls_handshakes_total"), 2);
}

#[test]
fn the_port_without_tls_says_http_as_before() {
    let origin = Origin::start();
    let site = Site::before(&origin);
    let mut client = crate::peer::Peer::connect(site.plain);
    client.send(GET);
    assert_eq!(origin.accept().message().header("x-forwarded-proto"), Some("http"));
}

#[test]
fn bodies_of_megabytes_pass_whole_both_ways() {
    let origin = Origin::start();
    let site = Site::before(&origin);
    let body = pattern(5_000_000);
    let mut client = site.client();
    thread::scope(|scope| {
        scope.spawn(|| {
            let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len());
            client.send([head.as_bytes(), &body].concat());
            client.head();
            assert!(client.bytes(body.len()) == body);
        });
        let mut service = origin.accept();
        let asked = service.message();
        assert!(asked.body == body, "{} bytes came", asked.body.len());
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        service.send([head.as_bytes(), &body].concat());
    });
}

#[test]
fn the_last_answer_of_a_connection_comes_whole_and_with_a_goodbye_to_a_client_that_takes_its_time() {
    let origin = Origin::start();
    let site = Site::before(&origin);
    let body = pattern(3_000_000);
    let mut client = site.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let mut service = origin.accept();
    service.message();
    thread::scope(|scope| {
        scope.spawn(|| {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            service.send([head.as_bytes(), &body].concat());
        });
        client.head();
        // Long after the service has said all, and the relay waits for nothing but this client.
        thread::sleep(std::time::Duration::from_millis(2500));
        assert_eq!(client.rest(), (body.clone(), End::Goodbye));
    });
}

#[test]
fn each_part_of_a_stream_comes_at_once_and_so_do_early_hints() {
    let origin = Origin::start();
    let site = Site::before(&origin);
    let mut client = site.client();
    client.send(GET);
    let mut service = origin.accept();
    service.message();
    service.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n");
    assert!(client.head().starts_with("http/1.1 103 "));
    service.send(CHUNKED);
    assert!(client.head().starts_with("http/1.1 200 "));
    for event in ["data: 1\n\n", "data: 2\n\n"] {
        service.send(chunk(event));
        assert_eq!(client.bytes(14), chunk(event));
    }
    service.send("0\r\n\r\n");
    assert_eq!(client.bytes(5), b"0\r\n\r\n");
}

#[test]
fn the_answer_waits_for_a_body_that_was_asked_for() {
    let origin = Origin::start();
    let site = Site::before(&origin);
    let mut client = site.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    let mut service = origin.accept();
    service.head();
    service.send("HTTP/1.1 100 Continue\r\n\r\n");
    assert!(client.head().starts_with("http/1.1 100 "));
    client.send("hello");
    assert_eq!(service.bytes(5), b"hello");
    service.send(OK);
    assert!(client.head().starts_with("http/1.1 200 "));
}

fn upgraded(site: &Site, origin: &Origin) -> (Client, crate::peer::Peer) {
    let mut client = site.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
    let mut service = origin.accept();
    service.head();
    service.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhi");
    assert!(client.head().starts_with("http/1.1 101 "));
    assert_eq!(client.bytes(2), b"hi");
    (client, service)
}

#[test]
fn an_upgraded_connection_carries_bytes_both_ways_and_each_way_ends_by_itself() {
    let origin = Origin::start();
    let site = Site::before(&origin);
    let (mut client, mut service) = upgraded(&site, &origin);
    client.send("ping");
    assert_eq!(service.bytes(4), b"ping");
    client.say_goodbye();
    service.expect_end();
    service.send("still here");
    assert_eq!(client.bytes(10), b"still here");
    drop(service);
    assert_eq!(client.rest(), (vec![], End::Goodbye));

    let (mut client, mut service) = upgraded(&site, &origin);
    service.finish();
    assert_eq!(client.rest(), (vec![], End::Goodbye));
    client.send("last words");
    assert_eq!(service.bytes(10), b"last words");
}
