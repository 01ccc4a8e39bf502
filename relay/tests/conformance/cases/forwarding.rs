//! What passes through and what ends at a proxy (RFC 9110, section 7.6).

use crate::case::{Case, Ending, answer, get, ok, post};

pub(crate) fn cases() -> Vec<Case> {
    let kept = |name, lines: &str| Case::served(name, "9110 7.6.1", get(lines));
    let closed = |name, lines: &str| Case::served(name, "9112 9.6", get(lines)).ending(Ending::Closed);
    vec![
        kept("field named by Connection", "Connection: x-a\r\nX-A: b\r\nX-B: c\r\n")
            .sees_no("x-a")
            .sees("\r\nx-b: c\r\n"),
        kept("fields named by Connection", "X-A: b\r\nConnection: x-b, X-A ,,x-c\r\nX-C: d\r\nX-B: c\r\n")
            .sees_no("x-a: b")
            .sees_no("x-b: c")
            .sees_no("x-c: d"),
        kept(
            "fields named by two Connection lines",
            "Connection: x-a\r\nX-A: b\r\nConnection: x-b\r\nX-B: c\r\n",
        )
        .sees_no("x-a: b")
        .sees_no("x-b: c"),
        kept("field in two lines named by Connection", "Connection: x-a\r\nX-A: b\r\nX-A: c\r\n")
            .sees_no("x-a"),
        kept("Host named by Connection", "Connection: host\r\n").sees("\r\nhost: a.example\r\n"),
        Case::served(
            "Content-Length named by Connection",
            "9110 7.6.1",
            post("Connection: content-length\r\nContent-Length: 5\r\n", "hello"),
        )
        .sees_body("hello"),
        Case::served(
            "Transfer-Encoding named by Connection",
            "9110 7.6.1",
            post(
                "Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n",
                "5\r\nhello\r\n0\r\n\r\n",
            ),
        )
        .sees_body("hello"),
        kept("Keep-Alive", "Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n").sees_no("timeout=5"),
        kept("Proxy-Connection", "Proxy-Connection: keep-alive\r\n").sees_no("proxy-connection"),
        kept("TE of another coding", "Connection: TE\r\nTE: gzip\r\n").sees_no("te: gzip"),
        kept("Upgrade that Connection does not name", "Upgrade: websocket\r\n").sees_no("upgrade: websocket"),
        kept("ordinary fields pass", "Accept: */*\r\nCookie: a=b\r\nAuthorization: Basic YTpi\r\n")
            .sees("\r\naccept: */*\r\n")
            .sees("\r\ncookie: a=b\r\n")
            .sees("\r\nauthorization: basic ytpi\r\n"),
        closed("Connection: close", "Connection: close\r\n").reply_has("\r\nconnection: close\r\n"),
        closed("Connection: close in other case", "Connection: CLOSE\r\n"),
        closed("Connection: close in a list", "Connection: x-a, close\r\n"),
        closed("Connection: close in a second line", "Connection: x-a\r\nConnection: close\r\n"),
        closed("close beats keep-alive", "Connection: keep-alive, close\r\n"),
        kept("Connection: close ends nothing beyond", "X-A: close\r\n"),
        Case::served("HEAD", "9110 9.3.2", "HEAD /a HTTP/1.1\r\nHost: a.example\r\n\r\n")
            .bodiless()
            .sees("HEAD /a HTTP/1.1\r\n")
            .reply_has("\r\ncontent-length:"),
        Case::served("the client's close is not the service's", "9112 9.6", get("Connection: close\r\n"))
            .ending(Ending::Closed)
            .sees_no("connection: close"),
        Case::served("fields of an answer named by Connection", "9110 7.6.1", get(""))
            .answers(&[answer(ok("Connection: x-a\r\nX-A: b\r\nX-B: c\r\nContent-Length: 2\r\n", "ok"))])
            .reply_lacks("\r\nx-a: b")
            .reply_has("\r\nx-b: c\r\n"),
        Case::served("Keep-Alive of an answer", "9110 7.6.1", get(""))
            .answers(&[answer(ok(
                "Connection: keep-alive\r\nKeep-Alive: timeout=7\r\nContent-Length: 2\r\n",
                "ok",
            ))])
            .reply_lacks("timeout=7"),
        Case::served("the service's close is not the client's", "9112 9.6", get(""))
            .answers(&[answer(ok("Connection: close\r\nContent-Length: 2\r\n", "ok"))])
            .then(crate::case::Then::Close)
            .reads("ok"),
        Case::bad("a refusal announces the close", "9112 9.6", get("X-A : b\r\n"))
            .reply_has("\r\nconnection: close\r\n"),
    ]
}
