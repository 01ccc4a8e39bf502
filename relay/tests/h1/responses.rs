//! Response heads.

use relay::h1::{Framing, Kind, Slots, Version, parse_response};

use crate::{LIMITS, response, response_fault};

#[test]
fn a_plain_response_is_read() {
    let head = "HTTP/1.1 200 All right\r\nContent-Length: 3\r\nServer: s\r\n\r\n";
    response(format!("{head}abc"), |response| {
        assert_eq!(response.version, Version::Http11);
        assert_eq!(response.status, 200);
        assert_eq!(response.reason, b"All right");
        assert_eq!(response.framing, Framing::Length(3));
        assert!(response.keep_alive);
        assert_eq!(response.upgrade, None);
        assert_eq!(response.head_bytes, head.len());
        assert_eq!(response.fields.get(Kind::Server), Some(&b"s"[..]));
        assert_eq!(response.fields.len(), 2);
    });
}

#[test]
fn a_head_is_incomplete_up_to_its_last_byte() {
    let head = "HTTP/1.0 200 OK\r\nServer: s\r\n\r\n";
    for length in 0..head.len() {
        let mut slots = Slots::new();
        let response = parse_response(&head.as_bytes()[..length], LIMITS, false, &mut slots);
        assert!(response.unwrap().is_none(), "{length}");
    }
}

#[test]
fn the_reason_is_taken_as_it_is() {
    for (line, reason) in [
        ("HTTP/1.1 200 OK\r\n", "OK"),
        ("HTTP/1.1 200 \r\n", ""),
        ("HTTP/1.1 200\r\n", ""),
        ("HTTP/1.1 200\n", ""),
        ("HTTP/1.1 200 a  b\t\n", "a  b\t"),
        ("HTTP/1.1 200  x\r\n", " x"),
        ("HTTP/1.1 200 d\u{e9}j\u{e0} vu\r\n", "d\u{e9}j\u{e0} vu"),
    ] {
        response(format!("{line}\r\n"), |response| {
            assert_eq!(response.reason, reason.as_bytes(), "{line:?}")
        });
    }
}

#[test]
fn malformed_status_lines_are_refused() {
    for line in [
        "HTTP/1.1 20 OK",
        "HTTP/1.1 2000 OK",
        "HTTP/1.1 099 OK",
        "HTTP/1.1 000 OK",
        "HTTP/1.1 2x0 OK",
        "HTTP/1.1  200 OK",
        "HTTP/1.1200 OK",
        "HTTP/2.0 200 OK",
        "HTTP/1.2 200 OK",
        "HTTP/0.9 200 OK",
        "http/1.1 200 OK",
        "ICY 200 OK",
        "HTTP/1.1 200OK",
        "HTTP/1.1\t200 OK",
        "HTTP/1.1 200\tOK",
        "HTTP/1.1 200 a\rb",
        "HTTP/1.1 200 a\0b",
        "HTTP/1.1 200 a\x7fb",
        "HTTP/1.1 -20 OK",
        "HTTP/1.1 +20 OK",
        " HTTP/1.1 200 OK",
        "",
        "\r\nHTTP/1.1 200 OK",
        "\nHTTP/1.1 200 OK",
    ] {
        assert_eq!(response_fault(format!("{line}\r\nX: y\r\n\r\n")).status, 502, "{line:?}");
    }
    for status in [100, 204, 418, 600, 999] {
        response(format!("HTTP/1.1 {status} x\r\n\r\n"), |response| assert_eq!(response.status, status));
    }
}

#[test]
fn malformed_field_lines_are_refused() {
    for line in ["X : y", " X: y", ": y", "X", "X: a\rb", "X: a\0b", "X: a\r\n b", "X: \x7f", "X\0: y"] {
        assert_eq!(
            response_fault(format!("HTTP/1.1 200 OK\r\nServer: s\r\n{line}\r\n\r\n")).status,
            502,
            "{line:?}"
        );
    }
}

#[test]
fn framing_follows_the_same_rules_as_that_of_requests() {
    for (lines, framing) in [
        ("Content-Length: 0\r\n", Framing::Length(0)),
        ("Content-Length: 12\r\n", Framing::Length(12)),
        ("Transfer-Encoding: Chunked\r\n", Framing::Chunked),
        ("", Framing::Close),
    ] {
        response(format!("HTTP/1.1 200 OK\r\n{lines}\r\n"), |response| {
            assert_eq!(response.framing, framing);
            assert_eq!(response.keep_alive, framing != Framing::Close);
        });
    }
    for lines in [
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 3\r\nContent-Length: 3\r\n",
        "Content-Length: 3, 3\r\n",
        "Content-Length: +3\r\n",
        "Content-Length:\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    ] {
        for status in [200, 304, 404, 206] {
            assert_eq!(
                response_fault(format!("HTTP/1.1 {status} OK\r\n{lines}\r\n")).status,
                502,
                "{lines:?}"
            );
        }
    }
    assert_eq!(response_fault("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").status, 502);
}

#[test]
fn an_underscore_is_nothing_special_in_a_response() {
    response("HTTP/1.1 200 OK\r\nContent_Length: 3\r\n\r\n", |response| {
        assert_eq!(response.framing, Framing::Close);
        assert!(response.fields.iter().all(|field| field.kind == Kind::Other));
    });
}

#[test]
fn an_answer_to_head_and_a_304_have_no_body_and_keep_their_length() {
    let mut slots = Slots::new();
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n";
    let answer = parse_response(head, LIMITS, true, &mut slots).unwrap().unwrap();
    assert_eq!((answer.framing, answer.keep_alive), (Framing::None, true));
    assert_eq!(answer.fields.get(Kind::ContentLength), Some(&b"30"[..]));
    let mut slots = Slots::new();
    let answer = parse_response(b"HTTP/1.1 200 OK\r\n\r\n", LIMITS, true, &mut slots).unwrap().unwrap();
    assert_eq!((answer.framing, answer.keep_alive), (Framing::None, true));
    response("HTTP/1.1 304 x\r\nContent-Length: 30\r\n\r\n", |response| {
        assert_eq!((response.framing, response.keep_alive), (Framing::None, true));
        assert_eq!(response.fields.get(Kind::ContentLength), Some(&b"30"[..]));
    });
    response("HTTP/1.1 304 x\r\nTransfer-Encoding: chunked\r\n\r\n", |response| {
        assert_eq!((response.framing, response.keep_alive), (Framing::None, true));
    });
}

#[test]
fn a_204_and_a_1xx_have_no_body_whatever_they_say() {
    for status in [100, 101, 103, 199, 204] {
        for (lines, keep_alive) in [
            ("", true),
            ("Content-Length: 0\r\n", true),
            ("Content-Length: 5\r\n", false),
            ("Content-Length: 5\r\nContent-Length: x\r\n", false),
            ("Transfer-Encoding: chunked\r\n", false),
            ("Transfer-Encoding: gzip\r\nContent-Length: 5\r\n", false),
        ] {
            response(format!("HTTP/1.1 {status} x\r\n{lines}\r\n"), |response| {
                assert_eq!(response.framing, Framing::None);
                assert_eq!(response.keep_alive, keep_alive, "{status} {lines:?}");
                assert!(response.fields.iter().all(|field| !field.kind.passes()), "{status} {lines:?}");
            });
        }
    }
}
