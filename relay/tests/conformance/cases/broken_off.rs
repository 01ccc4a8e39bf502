//! Requests that go wrong when the service has already been sent a part: what it has must not look whole,
//! and as no byte of an answer was sent, the client still learns why.

use crate::case::{Answer, Case, Ending, Step, Then, chunked, post};

const TOO_LARGE: &[u8] = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n";

pub(crate) fn cases() -> Vec<Case> {
    let later = |name, rest: &str| {
        Case::broken_off(name, "9112 7.1", "").steps(vec![
            Step::Send(chunked("5\r\nfirst\r\n")),
            Step::OriginSees("first"),
            Step::Send(rest.as_bytes().to_vec()),
        ])
    };
    let cut_off = |name, rfc, bytes: Vec<u8>, part| {
        Case::broken_off(name, rfc, "")
            .steps(vec![Step::Send(bytes), Step::OriginSees(part), Step::Finish])
            .status(&[0, 400])
    };
    vec![
        later("later chunk size is no number", "zz\r\nhello\r\n0\r\n\r\n"),
        later("later chunk size is signed", "-5\r\nhello\r\n0\r\n\r\n"),
        later("later chunk size overflows", "FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n"),
        later("later chunk lacks its CRLF", "5\r\nhello0\r\n\r\n"),
        later("later chunk size ends in a bare LF", "5\nhello\r\n0\r\n\r\n"),
        later("later extension has a bare LF", "5;a\nb\r\nhello\r\n0\r\n\r\n"),
        later("later trailer is forbidden", "0\r\nContent-Length: 5\r\n\r\n"),
        later("later trailer has no colon", "0\r\nX-A\r\n\r\n"),
        cut_off(
            "client ends in a body by length",
            "9112 8",
            post("Content-Length: 10\r\n", "first"),
            "first",
        ),
        cut_off("client ends in a chunk", "9112 8", chunked("9\r\nfirst"), "first"),
        cut_off("client ends between chunks", "9112 8", chunked("5\r\nfirst\r\n"), "first"),
        cut_off("client ends before the trailers do", "9112 8", chunked("5\r\nfirst\r\n0\r\n"), "first"),
        Case::broken_off("client ends in a head", "9112 8", "")
            .steps(vec![Step::Send(b"GET / HTTP/1.1\r\nHost: a.ex".to_vec()), Step::Finish])
            .status(&[0, 400]),
        // The client sends the rest all the same: read and thrown away or met with a close, but never
        // taken for a request.
        Case::served("answer before the end of the body", "9112 9.3", "")
            .steps(vec![
                Step::Send(post("Content-Length: 10\r\n", "first")),
                Step::Read,
                Step::Send(b"GET /".to_vec()),
            ])
            .answers(&[Answer { at_head: TOO_LARGE.to_vec(), then: Then::Rest, ..Answer::default() }])
            .status(&[413])
            .ending(Ending::Any)
            .requests(1),
    ]
}
