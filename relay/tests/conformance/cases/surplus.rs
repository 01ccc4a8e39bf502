//! Bytes that belong to no answer: they reach no client, and their connection carries nothing more
//! (RFC 9112, sections 6.3 and 9.2).

use crate::case::{Case, Link, Step, ok};

const EVIL: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";

pub(crate) fn cases() -> Vec<Case> {
    let surplus = |name, answer: Vec<u8>| Case::passed(name, "9112 6.3", answer).link(Link::Ended);
    let plain = || ok("Content-Length: 2\r\n", "ok");
    let asked = || Step::Send(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n".to_vec());
    let unasked = |name, bytes: &str| {
        Case::passed(name, "9112 9.2", plain())
            .steps(vec![asked(), Step::Read, Step::OriginSays(bytes.as_bytes().to_vec())])
            .link(Link::Ended)
    };
    let head = "HEAD / HTTP/1.1\r\nHost: a.example\r\n\r\n";
    vec![
        surplus("bytes after the length", [plain(), b"surplus".to_vec()].concat()).reads("ok"),
        surplus("an answer after the length", [plain(), EVIL.as_bytes().to_vec()].concat()).reads("ok"),
        surplus("a line end after the length", [plain(), b"\r\n".to_vec()].concat()).reads("ok"),
        surplus(
            "an answer after the last chunk",
            ok("Transfer-Encoding: chunked\r\n", format!("2\r\nok\r\n0\r\n\r\n{EVIL}")),
        )
        .reads("ok"),
        surplus(
            "an answer after the trailers",
            ok("Transfer-Encoding: chunked\r\n", format!("2\r\nok\r\n0\r\nX-A: b\r\n\r\n{EVIL}")),
        )
        .reads("ok"),
        surplus("an answer after a length of zero", ok("Content-Length: 0\r\n", EVIL)).reads(""),
        surplus("a body after a 204", b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello".to_vec())
            .status(&[204])
            .reply_lacks("content-length"),
        surplus(
            "chunks after a 204",
            b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n".to_vec(),
        )
        .status(&[204])
        .reply_lacks("transfer-encoding"),
        surplus("an answer after a 204", format!("HTTP/1.1 204 No Content\r\n\r\n{EVIL}").into_bytes())
            .status(&[204]),
        surplus(
            "a body after a 304",
            b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello".to_vec(),
        )
        .status(&[304]),
        surplus("a body after the answer to HEAD", ok("Content-Length: 5\r\n", "hello"))
            .request(head)
            .bodiless(),
        surplus(
            "chunks after the answer to HEAD",
            ok("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
        )
        .request(head)
        .bodiless(),
        unasked("an answer before any request", EVIL),
        unasked("garbage before any request", "evil"),
        unasked(
            "a timeout announced before any request",
            "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        ),
        unasked("an interim answer before any request", "HTTP/1.1 100 Continue\r\n\r\n"),
        unasked("a line end before any request", "\r\n"),
    ]
}
