//! What HTTP/2 can carry and HTTP/1.1 would take for something else: nothing of it reaches a service.

use crate::client::{Client, empty};
use crate::raw::{Outcome, Raw, literal};
use crate::rig::{Origin, Rig};

const METHOD: (&str, &str) = (":method", "GET");
const POST: (&str, &str) = (":method", "POST");
const SCHEME: (&str, &str) = (":scheme", "http");
const AUTHORITY: (&str, &str) = (":authority", "a.example");
const PATH: (&str, &str) = (":path", "/");

/// Refused with 400, by a reset or with its connection, and no service has seen it.
fn refused(fields: &[(&str, &str)]) {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let mut raw = Raw::connect(rig.address);
    raw.request(1, fields, false);
    let outcome = raw.outcome(1);
    assert!(!matches!(outcome, Outcome::Other(_)), "{fields:?} became {outcome:?}");
    assert!(!origin.has_more_connections(), "{fields:?} reached the service");
}

/// A request with one more field.
fn refused_with(name: &str, value: &str) {
    refused(&[METHOD, SCHEME, AUTHORITY, PATH, (name, value)]);
}

#[test]
fn line_ends_in_a_value_or_a_name() {
    for value in ["a\r\nx-more: 1", "a\nx-more: 1", "a\r", "a\0b"] {
        refused_with("x-own", value);
    }
    for name in ["x-own\r\nx-more", "x own", "x-own:", "X-Upper", ""] {
        refused_with(name, "1");
    }
}

#[test]
fn fields_that_speak_of_a_connection() {
    for (name, value) in [
        ("connection", "x-hop"),
        ("transfer-encoding", "chunked"),
        ("keep-alive", "1"),
        ("proxy-connection", "close"),
        ("upgrade", "websocket"),
        ("te", "gzip"),
    ] {
        refused_with(name, value);
    }
}

#[test]
fn names_a_service_may_take_for_those_of_framing() {
    for (name, value) in [("content_length", "3"), ("transfer_encoding", "chunked")] {
        refused_with(name, value);
    }
}

#[test]
fn targets_that_are_none() {
    for path in ["", "/a b", "/ HTTP/1.1\r\nx: 1", "a", "/\u{e9}", "*", "http://b.example/", "?a", "/a\tb"] {
        refused(&[METHOD, SCHEME, AUTHORITY, (":path", path)]);
    }
}

#[test]
fn methods_that_are_none() {
    for method in ["", "GET /x", "GET\r\nx: 1", "G T"] {
        refused(&[(":method", method), SCHEME, AUTHORITY, PATH]);
    }
    refused(&[SCHEME, AUTHORITY, PATH]);
}

#[test]
fn hosts_that_are_none_or_two() {
    refused(&[METHOD, SCHEME, PATH]);
    refused(&[METHOD, SCHEME, AUTHORITY, PATH, ("host", "b.example")]);
    refused(&[METHOD, SCHEME, PATH, ("host", "a.example"), ("host", "b.example")]);
    refused(&[METHOD, SCHEME, AUTHORITY, AUTHORITY, PATH]);
    for authority in ["user@a.example", "a.example/x", "a.example b", "a.example\r\nx: 1", ":80"] {
        refused(&[METHOD, SCHEME, (":authority", authority), PATH]);
    }
}

#[test]
fn a_host_that_says_the_same_passes_once() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let mut raw = Raw::connect(rig.address);
    raw.request(1, &[METHOD, SCHEME, AUTHORITY, PATH, ("host", "A.example")], false);
    assert_eq!(origin.accept().message().header("host"), Some("a.example"));
}

#[test]
fn a_host_stands_in_for_an_authority() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let mut raw = Raw::connect(rig.address);
    raw.request(1, &[METHOD, SCHEME, PATH, ("host", "b.example")], false);
    assert_eq!(origin.accept().message().header("host"), Some("b.example"));
}

#[test]
fn lengths_that_are_none_or_two() {
    for length in ["x", "-1", "+1", "1, 1", "99999999999999999999"] {
        refused_with("content-length", length);
    }
    refused(&[POST, SCHEME, AUTHORITY, PATH, ("content-length", "5"), ("content-length", "6")]);
    // Said with the head, which is the end.
    refused(&[POST, SCHEME, AUTHORITY, PATH, ("content-length", "5")]);
}

#[test]
fn a_body_that_is_longer_or_shorter_than_it_says_is_no_request() {
    for body in ["hello, and GET /smuggled HTTP/1.1\r\n\r\n", "hel"] {
        let origin = Origin::start();
        let (rig, _) = Rig::before(&origin);
        let mut raw = Raw::connect(rig.address);
        raw.request(1, &[POST, SCHEME, AUTHORITY, PATH, ("content-length", "5")], true);
        raw.data(1, body.as_bytes(), true);
        assert_eq!(raw.outcome(1), Outcome::Reset, "{body:?}");
        // The service has seen nothing of it, or no whole one.
        let seen = String::from_utf8(origin.accept().rest()).unwrap();
        let (_, seen) = seen.split_once("\r\n\r\n").unwrap_or_default();
        assert!(seen.len() < 5, "{body:?} became {seen:?}");
    }
}

#[test]
fn trailers_that_belong_into_a_head() {
    for (name, value) in [("content-length", "3"), ("host", "b.example"), ("x-accordion-token", "stolen")] {
        let origin = Origin::start();
        let (rig, _) = Rig::before(&origin);
        let mut raw = Raw::connect(rig.address);
        raw.request(1, &[POST, SCHEME, AUTHORITY, PATH], true);
        raw.data(1, b"hello", false);
        raw.trailers(1, &[(name, value)]);
        let outcome = raw.outcome(1);
        assert!(matches!(outcome, Outcome::BadRequest | Outcome::Reset), "{name} became {outcome:?}");
    }
}

#[test]
fn marks_of_accordions_own_do_not_come_from_a_service() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let client = Client::connect(rig.address);
    let sent = client.send(crate::client::get("/"));
    let mut service = origin.accept();
    service.message();
    service.send("HTTP/1.1 503 No\r\nx-accordion-refused: gone\r\nContent-Length: 0\r\n\r\n");
    let answer = client.answer(sent).unwrap();
    assert_eq!((answer.status, answer.header("x-accordion-refused")), (503, None));
}

#[test]
fn connect_is_not_served() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let client = Client::connect(rig.address);
    let asked = hyper::Request::builder().method("CONNECT").uri("b.example:443").body(empty()).unwrap();
    let answer = client.ask(asked);
    assert_eq!(answer.status, 405);
    assert!(answer.header("allow").unwrap().contains("GET"));
    assert!(!origin.has_more_connections());
}

#[test]
fn connect_for_another_protocol_is_not_served() {
    refused(&[(":method", "CONNECT"), (":protocol", "websocket"), SCHEME, AUTHORITY, PATH]);
}

#[test]
fn a_head_that_is_too_large_is_refused() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let client = Client::connect(rig.address);
    let asked =
        crate::client::request("GET", "/").header("x-large", "x".repeat(20_000)).body(empty()).unwrap();
    assert_eq!(client.ask(asked).status, 431);
    let mut many = crate::client::request("GET", "/");
    for at in 0..120 {
        many = many.header(format!("x-{at}"), "1");
    }
    assert_eq!(client.ask(many.body(empty()).unwrap()).status, 431);
    assert!(!origin.has_more_connections());
}

#[test]
fn a_block_that_is_no_hpack_ends_the_connection() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let mut raw = Raw::connect(rig.address);
    let mut block = Vec::new();
    literal(&mut block, b":method", b"GET");
    block.extend([0xff; 8]);
    raw.headers(1, &block, false);
    assert_eq!(raw.outcome(1), Outcome::GoAway);
}

#[test]
fn a_preface_that_goes_on_otherwise_is_no_connection() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let mut client = rig.client();
    client.send("PRI * HTTP/2.0\r\nHost: a.example\r\n\r\n");
    let rest = client.rest();
    assert!(!rest.starts_with(b"HTTP/1.1 2"), "{:?}", String::from_utf8_lossy(&rest));
    assert!(!origin.has_more_connections());
}
