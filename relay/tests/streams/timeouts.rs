//! Those who take too long, on either side: what each gets, and who is blamed.

use std::io::{ErrorKind, Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use relay::{Failure, Settings};

use crate::peer::{Close, DEADLINE, chunk};
use crate::rig::{CHUNKED, GET, OK, Origin, Rig};

const SHORT: Duration = Duration::from_millis(150);

fn post(length: usize) -> String {
    format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n")
}

#[test]
fn a_head_that_comes_byte_by_byte_is_cut_with_a_408() {
    let origin = Origin::start();
    let rig = Rig::front_with(&origin, Settings { head_timeout: SHORT, ..Settings::default() });
    let mut client = rig.client();
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\nX-Slow: {}", "s".repeat(4000));
    let mut tcp = client.tcp();
    let began = Instant::now();
    // Each byte well within the time of the whole.
    tcp.set_read_timeout(Some(SHORT / 15)).unwrap();
    for byte in head.as_bytes() {
        tcp.write_all(&[*byte]).unwrap();
        match tcp.peek(&mut [0]) {
            Ok(_) => break,
            Err(error) if error.kind() == ErrorKind::WouldBlock => (),
            Err(error) => panic!("{error}"),
        }
        assert!(began.elapsed() < DEADLINE, "a head may take as long as it likes");
    }
    assert!(began.elapsed() >= SHORT);
    tcp.set_read_timeout(Some(DEADLINE)).unwrap();
    let answer = client.message();
    assert_eq!((answer.status(), answer.reason()), (408, Some("head-timeout")));
    assert_eq!(client.expect_end(), Close::Fin);
    assert!(!origin.has_more_connections());
}

#[test]
fn a_body_that_stops_is_cut_with_a_408_and_blames_nobody() {
    let origin = Origin::start();
    let settings = Settings { body_idle_timeout: SHORT, ..Settings::default() };
    let rig = Rig::chain_with(&origin, settings);
    for (request, part) in [
        (post(100), "part".to_owned()),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(),
            "4\r\npart\r\n".to_owned(),
        ),
    ] {
        let mut client = rig.client();
        client.send(request + &part);
        let mut service = origin.accept();
        service.head();
        assert_eq!(service.bytes(part.len()), part.as_bytes());
        let answer = client.message();
        assert_eq!((answer.status(), answer.reason()), (408, Some("body-timeout")));
        client.expect_end();
        service.expect_end();
        rig.comes_to_rest();
        assert_eq!(rig.failures(), []);
    }
}

#[test]
fn a_body_that_is_slow_but_never_stops_arrives() {
    const IDLE: Duration = Duration::from_millis(500);
    let origin = Origin::start();
    let settings = Settings { body_idle_timeout: IDLE, first_byte_timeout: IDLE, ..Settings::default() };
    let rig = Rig::chain_with(&origin, settings);
    let mut client = rig.client();
    client.send(post(1000));
    let mut service = origin.accept();
    service.head();
    let began = Instant::now();
    let mut sent = 0;
    while began.elapsed() < 3 * IDLE {
        client.send("x");
        service.bytes(1);
        sent += 1;
        thread::sleep(IDLE / 25);
    }
    assert!(sent < 1000, "this was not slow");
    client.send("x".repeat(1000 - sent));
    service.bytes(1000 - sent);
    service.send(OK);
    assert_eq!(client.message().status(), 200);
}

#[test]
fn a_service_that_takes_no_word_is_a_504() {
    let origin = Origin::start();
    let settings = Settings { first_byte_timeout: SHORT, ..Settings::default() };
    let rig = Rig::front_with(&origin, settings);
    for request in [GET.to_owned(), post(2) + "ok"] {
        let (mut client, mut service) = rig.asked(&origin, &request);
        let answer = client.message();
        assert_eq!((answer.status(), answer.reason()), (504, Some("first-byte-timeout")));
        service.expect_end();
        // The client has done nothing wrong.
        assert_eq!(answer.header("connection"), None);
        assert!(!origin.has_more_connections());
    }
    assert_eq!(rig.failures(), vec![("local".to_owned(), Failure::FirstByteTimeout); 2]);
}

#[test]
fn an_answer_that_stops_in_the_middle_has_no_clean_end() {
    for head in [
        CHUNKED,
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n",
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
    ] {
        for version in ["1.0", "1.1"] {
            let origin = Origin::start();
            let settings = Settings { response_idle_timeout: SHORT, ..Settings::default() };
            let rig = Rig::front_with(&origin, settings);
            let (mut client, mut service) =
                rig.asked(&origin, format!("GET / HTTP/{version}\r\nHost: a\r\n\r\n"));
            service.send(head);
            service.send(chunk("part"));
            assert_eq!(client.head().status(), 200);
            let (rest, close) = client.rest_and_close();
            assert_eq!(close, Close::Reset, "{head:?} to {version}");
            assert!(String::from_utf8(rest).unwrap().contains("part"));
            service.expect_end();
            rig.comes_to_rest();
            assert_eq!(rig.failures(), [("local".to_owned(), Failure::Truncated)]);
        }
    }
}

#[test]
fn a_client_that_takes_its_time_is_not_the_services_fault() {
    let origin = Origin::start();
    let settings = Settings { response_idle_timeout: SHORT, ..Settings::default() };
    let rig = Rig::front_with(&origin, settings);
    let (mut client, mut service) = rig.asked(&origin, GET);
    service.send(CHUNKED);
    client.head();
    // Until nothing more goes in, for longer than the service itself might pause.
    service.tcp().set_write_timeout(Some(4 * SHORT)).unwrap();
    let block = chunk([7; 64 * 1024]);
    let mut held = 0;
    while service.tcp().write_all(&block).is_ok() {
        held += block.len();
        assert!(held < 256 << 20, "what nobody reads is held");
    }
    assert_eq!(rig.failures(), []);
    assert_eq!(rig.in_flight(), 1);
}

#[test]
fn connections_that_rest_too_long_are_closed_without_a_word() {
    let origin = Origin::start();
    let settings = Settings { head_timeout: SHORT, keep_alive_timeout: SHORT, ..Settings::default() };
    let rig = Rig::front_with(&origin, settings);
    let mut silent = rig.client();
    let mut kept = rig.client();
    kept.send(GET);
    let mut service = origin.accept();
    service.message();
    service.send(OK);
    assert_eq!(kept.message().header("connection"), None);
    assert_eq!(kept.expect_end(), Close::Fin);
    assert_eq!(silent.expect_end(), Close::Fin);
}

#[test]
fn a_tunnel_is_closed_when_both_directions_are_quiet_and_not_when_one_is() {
    let origin = Origin::start();
    let settings = Settings { tunnel_idle_timeout: 4 * SHORT, ..Settings::default() };
    let rig = Rig::front_with(&origin, settings);
    let mut client = rig.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
    let mut service = origin.accept();
    service.head();
    service.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
    client.head();
    let began = Instant::now();
    while began.elapsed() < 12 * SHORT {
        service.send("tick");
        assert_eq!(client.bytes(4), b"tick");
        thread::sleep(SHORT / 4);
    }
    client.expect_end();
    service.expect_end();
    rig.comes_to_rest();
}

#[test]
fn a_client_that_never_reads_its_408_does_not_stay() {
    let origin = Origin::start();
    let rig = Rig::front_with(&origin, Settings { head_timeout: SHORT, ..Settings::default() });
    let client = rig.client();
    let mut tcp = client.tcp();
    tcp.write_all(b"GET / HTTP/1.1\r\nHost: ").unwrap();
    // It neither closes nor stops sending; the relay lets it go after a while.
    tcp.set_read_timeout(Some(SHORT / 3)).unwrap();
    let began = Instant::now();
    while tcp.write_all(b"x").is_ok() {
        let _ = tcp.peek(&mut [0]);
        thread::sleep(SHORT / 15);
        assert!(began.elapsed() < DEADLINE, "it may stay for ever");
    }
    drop(tcp.read(&mut [0; 1024]));
    crate::rig::eventually("it is closed", || rig.relay.counters().connections_open == 0);
}
