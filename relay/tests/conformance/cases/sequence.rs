//! Several requests on one connection, and one in several pieces (RFC 9112, section 9.3).

use crate::case::{Case, Ending, Step, get, post};

const A: &str = "GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n";
const B: &str = "GET /b HTTP/1.1\r\nHost: a.example\r\n\r\n";
const POSTED: &str = "POST /p HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello";
const CHUNKED: &str =
    "POST /c HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";

pub(crate) fn cases() -> Vec<Case> {
    let pipelined = |name, parts: &[&str]| {
        Case::served(name, "9112 9.3.2", parts.concat())
            .replies(&vec![200; parts.len()])
            .requests(parts.len())
    };
    vec![
        pipelined("two requests at once", &[A, B]).reads("answer to get /b"),
        pipelined("a request after a body", &[POSTED, A]).reads("answer to get /a"),
        pipelined("a request after chunks", &[CHUNKED, A]).reads("answer to get /a"),
        pipelined("five requests at once", &[A, POSTED, CHUNKED, B, A]).reads("answer to get /a"),
        pipelined("an empty line between requests", &[A, "\r\nGET /b HTTP/1.1\r\nHost: a.example\r\n\r\n"])
            .reads("answer to get /b"),
        Case::served(
            "a bad request after a good one",
            "9112 9.3.2",
            [A, "GET /b HTTP/1.1\r\nHost : a.example\r\n\r\n", B].concat(),
        )
        .replies(&[200, 400])
        .ending(Ending::Closed)
        .requests(1)
        .sees_no("/b"),
        Case::bad(
            "a good request after a bad one",
            "9112 9.6",
            ["GET /b HTTP/1.1\r\nHost : a.example\r\n\r\n", A].concat(),
        ),
        Case::bad(
            "a request behind length and coding",
            "9112 11.2",
            post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", ["0\r\n\r\n", A].concat()),
        ),
        Case::served(
            "a request behind Connection: close is not answered",
            "9112 9.6",
            [get("Connection: close\r\n"), A.as_bytes().to_vec()].concat(),
        )
        .ending(Ending::Closed)
        .requests(1)
        .sees_no("/a"),
        Case::served("a request in two pieces", "9112 3", "")
            .steps(vec![Step::Send(A.as_bytes()[..20].to_vec()), Step::Send(A.as_bytes()[20..].to_vec())])
            .sees("get /a "),
        Case::served("a request byte by byte", "9112 3", "")
            .steps(POSTED.bytes().map(|byte| Step::Send(vec![byte])).collect())
            .sees_body("hello"),
        Case::served("a head and its body in two pieces", "9112 6", "")
            .steps(vec![Step::Send(post("Content-Length: 5\r\n", "")), Step::Send(b"hello".to_vec())])
            .sees_body("hello"),
        Case::served("two requests one after the other", "9112 9.3", "")
            .steps(vec![Step::Send(A.as_bytes().to_vec()), Step::Read, Step::Send(B.as_bytes().to_vec())])
            .replies(&[200, 200])
            .requests(2),
        Case::served("HEAD before GET", "9112 9.3.2", "")
            .steps(vec![Step::Send(b"HEAD /h HTTP/1.1\r\nHost: a.example\r\n\r\n".to_vec())])
            .bodiless(),
        Case::served("more than the length is the next request", "9112 6.3", [POSTED, "X"].concat())
            .replies(&[200])
            // The next request is then "XGET", which is a method like any other.
            .requests(1)
            .ending(Ending::Kept),
    ]
}
