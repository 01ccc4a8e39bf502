//! Heads of answers (RFC 9112, sections 4 and 5): a bad one becomes a 502, and its connection ends.

use crate::case::{Case, Then, ok};

pub(crate) fn cases() -> Vec<Case> {
    let line = |line: &str| format!("{line}\r\nContent-Length: 2\r\n\r\nok");
    let field = |lines: &str| ok(format!("{lines}\r\nContent-Length: 2\r\n"), "ok");
    let long: String = (0..200).map(|index| format!("X-{index}: b\r\n")).collect();
    vec![
        Case::rejected("status of two digits", "9112 4", line("HTTP/1.1 20 OK")),
        Case::rejected("status of four digits", "9112 4", line("HTTP/1.1 2000 OK")),
        Case::rejected("status of letters", "9112 4", line("HTTP/1.1 2xx OK")),
        Case::rejected("status below 100", "9110 15", line("HTTP/1.1 099 OK")),
        Case::rejected("signed status", "9112 4", line("HTTP/1.1 +20 OK")),
        Case::rejected("no status", "9112 4", line("HTTP/1.1 OK")),
        Case::rejected("nothing but a version", "9112 4", line("HTTP/1.1")),
        Case::rejected("two spaces before the status", "9112 4", line("HTTP/1.1  200 OK")),
        Case::rejected("answer without a version", "9112 4", line("200 OK")),
        Case::rejected("answer in version 2.0", "9112 2.3", line("HTTP/2.0 200 OK")),
        Case::rejected("answer in version 0.9", "9112 2.3", line("HTTP/0.9 200 OK")),
        Case::rejected("answer of another protocol", "9112 2.3", line("ICY 200 OK")),
        Case::rejected("answer in lower case", "9112 2.3", line("http/1.1 200 OK")),
        Case::rejected("version with a word in it", "9112 2.3", line("HTTP/1.one 200 OK")),
        Case::rejected("bare CR in the reason", "9112 2.2", line("HTTP/1.1 200 O\rK")),
        Case::rejected("NUL in the reason", "9112 4", line("HTTP/1.1 200 O\0K")),
        Case::rejected("plain text for an answer", "9112 4", "hello, world\r\n\r\n"),
        Case::rejected("a page without a head", "9112 4", "<html>hello</html>\r\n\r\n"),
        Case::rejected("a request for an answer", "9112 2.1", "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
        Case::rejected("TLS for an answer", "9112 4", *b"\x15\x03\x03\x00\x02\x02\x46\r\n\r\n"),
        Case::rejected("space before a colon of an answer", "9112 5.1", field("X-A : b")),
        Case::rejected("space before the first field of an answer", "9112 2.2", field(" X-A: b")),
        Case::rejected("folded field of an answer", "9112 5.2", field("X-A: b\r\n c")),
        Case::rejected("field of an answer without a colon", "9112 5", field("X-A")),
        Case::rejected("field of an answer without a name", "9110 5.1", field(": b")),
        Case::rejected("space in a name of an answer", "9110 5.1", field("X A: b")),
        Case::rejected("control in a name of an answer", "9110 5.1", field("X\x01A: b")),
        Case::rejected("NUL in a value of an answer", "9110 5.5", field("X-A: b\0c")),
        Case::rejected("control in a value of an answer", "9110 5.5", field("X-A: b\x01c")),
        Case::rejected("DEL in a value of an answer", "9110 5.5", field("X-A: b\x7fc")),
        Case::rejected("bare CR in a value of an answer", "9112 2.2", field("X-A: b\rc")),
        Case::rejected(
            "bare CR that hides a field of an answer",
            "9112 2.2",
            field("X-A: b\rSet-Cookie: c=d"),
        ),
        Case::rejected(
            "field of 20 KiB in an answer",
            "9110 5.4",
            field(&format!("X-A: {}", "b".repeat(20 * 1024))),
        ),
        Case::rejected(
            "status line of 20 KiB",
            "9112 4",
            line(&format!("HTTP/1.1 200 {}", "b".repeat(20 * 1024))),
        ),
        Case::rejected(
            "201 fields in an answer",
            "9110 5.4",
            ok(format!("{long}Content-Length: 2\r\n"), "ok"),
        ),
        Case::rejected("head of an answer that breaks off", "9112 8", "HTTP/1.1 200 OK\r\nContent-Le")
            .then(Then::Close),
        Case::rejected("status line that breaks off", "9112 8", "HTTP/1.1 2").then(Then::Close),
        Case::rejected("no answer but an end", "9112 8", "").then(Then::Close),
        Case::rejected("no answer but a reset", "9112 8", "").then(Then::Reset),
        Case::passed("answer without a reason", "9112 4", line("HTTP/1.1 200 ")).reads("ok"),
        Case::passed("answer without the space before a reason", "9112 4", line("HTTP/1.1 200")).reads("ok"),
        Case::passed(
            "obs-text in the reason",
            "9112 4",
            [b"HTTP/1.1 200 \xe9\r\n".as_slice(), b"Content-Length: 2\r\n\r\nok"].concat(),
        )
        .reads("ok"),
        Case::passed(
            "obs-text in a value of an answer",
            "9110 5.5",
            ok(b"X-A: \xe9\r\nContent-Length: 2\r\n", "ok"),
        )
        .reply_has("x-a: \u{fffd}\r\n"),
        Case::passed("unknown status", "9110 15", line("HTTP/1.1 299 Fine")).status(&[299]),
        Case::passed(
            "fields of an answer pass",
            "9110 5",
            field("Set-Cookie: a=b\r\nSet-Cookie: c=d\r\nServer: x"),
        )
        .reply_has("set-cookie: a=b\r\n")
        .reply_has("set-cookie: c=d\r\n"),
        Case::passed("error of the service", "9110 15.6", line("HTTP/1.1 500 Oops"))
            .status(&[500])
            .reads("ok"),
    ]
}
