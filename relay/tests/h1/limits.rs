//! The bounds of a head.

use relay::h1::{FIELDS_MAX, Fault, Limits, Slots, parse_request, parse_response};

fn request(bytes: &[u8], head_bytes_max: usize, fields_max: usize) -> Result<bool, Fault> {
    let limits = Limits { head_bytes_max, fields_max };
    parse_request(bytes, limits, &mut Slots::new()).map(|request| request.is_some())
}

fn response(bytes: &[u8], head_bytes_max: usize, fields_max: usize) -> Result<bool, Fault> {
    let limits = Limits { head_bytes_max, fields_max };
    parse_response(bytes, limits, false, &mut Slots::new()).map(|response| response.is_some())
}

fn status(result: Result<bool, Fault>) -> u16 {
    result.expect_err("a fault").status
}

#[test]
fn a_head_may_be_exactly_as_large_as_allowed() {
    let head = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(request(head, head.len(), 10), Ok(true));
    assert_eq!(status(request(head, head.len() - 1, 10)), 431);
    let head = b"HTTP/1.1 200 OK\r\nServer: a\r\n\r\n";
    assert_eq!(response(head, head.len(), 10), Ok(true));
    assert_eq!(status(response(head, head.len() - 1, 10)), 502);
}

#[test]
fn an_endless_head_is_refused_when_the_limit_is_reached() {
    let head = b"GET / HTTP/1.1\r\nHost: a\r\nX: yyyyyyyyyyyyyy";
    assert_eq!(request(&head[..39], 40, 10), Ok(false));
    assert_eq!(status(request(&head[..40], 40, 10)), 431);
    assert_eq!(response(&b"HTTP/1.1 200 aaaaaaaaaaaaaa"[..19], 20, 10), Ok(false));
    assert_eq!(status(response(&b"HTTP/1.1 200 aaaaaaaaaaaaaa"[..20], 20, 10)), 502);
}

#[test]
fn a_request_line_that_does_not_fit_is_told_apart() {
    assert_eq!(status(request(b"GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaa", 20, 10)), 414);
    assert_eq!(status(request(b"\r\nGET /aaaaaaaaaaaaaaaaaaaaaaaaaaaa HTTP/1.1\r\n", 20, 10)), 414);
    assert_eq!(status(request(b"GET /aaaaaa HTTP/2.0\r\n", 18, 10)), 414);
    assert_eq!(status(request(b"GET /aaaaaa HTTP/2.0\r\n", 22, 10)), 505);
}

#[test]
fn endless_empty_lines_are_refused() {
    assert_eq!(request(&[b'\n'; 19], 20, 10), Ok(false));
    assert_eq!(status(request(&[b'\n'; 20], 20, 10)), 400);
}

#[test]
fn a_head_may_have_exactly_as_many_fields_as_allowed() {
    let head = |fields: usize| format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(fields - 1));
    assert_eq!(request(head(5).as_bytes(), 1000, 5), Ok(true));
    assert_eq!(status(request(head(6).as_bytes(), 1000, 5)), 431);
    let head = |fields: usize| format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(fields));
    assert_eq!(response(head(5).as_bytes(), 1000, 5), Ok(true));
    assert_eq!(status(response(head(6).as_bytes(), 1000, 5)), 502);
}

#[test]
fn no_limit_is_above_what_there_is_room_for() {
    let head = |fields: usize| format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(fields));
    assert_eq!(response(head(FIELDS_MAX).as_bytes(), 1 << 20, usize::MAX), Ok(true));
    assert_eq!(status(response(head(FIELDS_MAX + 1).as_bytes(), 1 << 20, usize::MAX)), 502);
}
