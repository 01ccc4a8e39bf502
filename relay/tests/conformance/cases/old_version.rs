//! HTTP/1.0 on either side (RFC 9112, sections 2.3 and 9.3; RFC 9110, section 2.5).

use crate::case::{Case, Ending, Link, answer, ok};

const OLD: &str = "GET /a HTTP/1.0\r\nHost: a.example\r\n\r\n";
const OLD_KEPT: &str = "GET /a HTTP/1.0\r\nHost: a.example\r\nConnection: keep-alive\r\n\r\n";

pub(crate) fn cases() -> Vec<Case> {
    let with = |lines: &str| format!("GET / HTTP/1.0\r\nHost: a.example\r\n{lines}\r\n");
    let old = |name| Case::served(name, "9112 9.3", OLD).ending(Ending::Closed);
    vec![
        old("1.0 goes on as 1.1").sees("GET /a HTTP/1.1\r\n").reads("answer to get /a"),
        Case::served("1.0 with keep-alive stays", "9112 9.3", OLD_KEPT)
            .reply_has("\r\nconnection: keep-alive\r\n"),
        Case::served(
            "1.0 with keep-alive in other case stays",
            "9112 9.3",
            with("Connection: Keep-Alive\r\n"),
        ),
        Case::served(
            "1.0 with keep-alive and close ends",
            "9112 9.3",
            with("Connection: keep-alive, close\r\n"),
        )
        .ending(Ending::Closed),
        Case::served(
            "1.0 posts a body",
            "9112 6.3",
            "POST / HTTP/1.0\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello",
        )
        .ending(Ending::Closed)
        .sees_body("hello"),
        old("chunks are taken off for 1.0")
            .answers(&[answer(ok("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"))])
            .reads("hello")
            .reply_lacks("transfer-encoding"),
        Case::served("chunks are taken off for 1.0 with keep-alive", "9112 6.1", OLD_KEPT)
            .answers(&[answer(ok("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"))])
            .reads("hello")
            .reply_lacks("transfer-encoding")
            .ending(Ending::Closed),
        old("1.0 reads up to the close")
            .answers(&[answer(ok("", "hello"))])
            .then(crate::case::Then::Close)
            .reads("hello")
            .reply_lacks("transfer-encoding"),
        old("1.0 gets no interim answer")
            .answers(&[answer(
                [
                    "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
                    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                ]
                .concat(),
            )])
            .reads("ok"),
        Case::served(
            "Upgrade of 1.0 is ignored",
            "9110 7.8",
            with("Connection: upgrade\r\nUpgrade: websocket\r\n"),
        )
        .ending(Ending::Closed)
        .sees_no("upgrade: websocket"),
        Case::passed(
            "answer in 1.0 with a length",
            "9112 2.3",
            "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        )
        .reads("ok")
        .reply_has("http/1.1 200")
        .link(Link::Ended),
        Case::passed("answer in 1.0 up to the close", "9112 6.3", "HTTP/1.0 200 OK\r\n\r\nhello")
            .then(crate::case::Then::Close)
            .reads("hello")
            .reply_has("transfer-encoding: chunked")
            .link(Link::Ended),
    ]
}
