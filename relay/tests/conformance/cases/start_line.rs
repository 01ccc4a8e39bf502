//! The request line: method, spaces and version (RFC 9112, sections 2.2, 2.3 and 3).

use crate::case::Case;

pub(crate) fn cases() -> Vec<Case> {
    let line = |line: &str| format!("{line}\r\nHost: a.example\r\n\r\n");
    vec![
        Case::refused("version 2.0", "9110 15.6.6", line("GET / HTTP/2.0"), &[505]),
        Case::refused("version 3.0", "9110 15.6.6", line("GET / HTTP/3.0"), &[505]),
        Case::refused("version 1.2", "9110 15.6.6", line("GET / HTTP/1.2"), &[505]),
        Case::refused("version 0.9 written out", "9110 15.6.6", line("GET / HTTP/0.9"), &[400, 505]),
        Case::refused(
            "the preface of HTTP/2 after an empty line",
            "9113 3.4",
            "\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            &[400, 505],
        ),
        Case::bad("version in lower case", "9112 2.3", line("GET / http/1.1")),
        Case::bad("version without minor", "9112 2.3", line("GET / HTTP/1")),
        Case::bad("version without dot", "9112 2.3", line("GET / HTTP/11")),
        Case::bad("version with two dots", "9112 2.3", line("GET / HTTP/1.1.1")),
        Case::bad("version with two minor digits", "9112 2.3", line("GET / HTTP/1.10")),
        Case::bad("version with a leading zero", "9112 2.3", line("GET / HTTP/01.1")),
        Case::bad("version with a comma", "9112 2.3", line("GET / HTTP/1,1")),
        Case::bad("version with a sign", "9112 2.3", line("GET / HTTP/+1.1")),
        Case::bad("version with a letter", "9112 2.3", line("GET / HTTP/1.x")),
        Case::bad("version with a space inside", "9112 2.3", line("GET / HTTP/ 1.1")),
        Case::bad("version of another protocol", "9112 2.3", line("GET / HTTPS/1.1")),
        Case::bad("no version at all", "9112 3", line("GET /")),
        Case::bad("no target", "9112 3", line("GET HTTP/1.1")),
        Case::bad("no target but its spaces", "9112 3", line("GET  HTTP/1.1")),
        Case::bad("two spaces before the target", "9112 3", line("GET  / HTTP/1.1")),
        Case::bad("two spaces before the version", "9112 3", line("GET /  HTTP/1.1")),
        Case::bad("space after the version", "9112 3", line("GET / HTTP/1.1 ")),
        Case::bad("word after the version", "9112 3", line("GET / HTTP/1.1 x")),
        Case::bad("tabs for spaces", "9112 3", line("GET\t/\tHTTP/1.1")),
        Case::bad("space before the method", "9112 3", line(" GET / HTTP/1.1")),
        Case::bad("no method", "9112 3.1", line("/ HTTP/1.1")),
        Case::bad("space for a method", "9112 3.1", line(" / HTTP/1.1")),
        Case::bad("method with a parenthesis", "9110 5.6.2", line("GE(T / HTTP/1.1")),
        Case::bad("method with a colon", "9110 5.6.2", line("GET: / HTTP/1.1")),
        Case::bad("method with a NUL", "9110 5.6.2", line("GE\0T / HTTP/1.1")),
        Case::bad("method with a letter beyond ASCII", "9110 5.6.2", line("GÉT / HTTP/1.1")),
        Case::bad("bare CR in the request line", "9112 2.2", line("GET / HTTP/1.1\rX: y")),
        Case::bad("two CR at the end of the request line", "9112 2.2", line("GET / HTTP/1.1\r")),
        Case::bad("TLS on a plain port", "9112 3", *b"\x16\x03\x01\x00\x05hello\r\n\r\n"),
        Case::served("unknown method passes", "9110 9.1", line("BREW /pot HTTP/1.1"))
            .sees("BREW /pot HTTP/1.1\r\n"),
        Case::served(
            "method of every token character passes",
            "9110 5.6.2",
            line("A!#$%&'*+-.^_`|~9 / HTTP/1.1"),
        ),
        Case::served("methods are written as they came", "9110 9.1", line("PuRGe / HTTP/1.1")),
        Case::served(
            "an empty line before the request is skipped",
            "9112 2.2",
            format!("\r\n{}", line("GET / HTTP/1.1")),
        ),
        Case::served(
            "several empty lines before the request are skipped",
            "9112 2.2",
            format!("\r\n\r\n\r\n{}", line("GET / HTTP/1.1")),
        ),
        Case::served(
            "an empty line of a bare LF before the request is skipped",
            "9112 2.2",
            format!("\n{}", line("GET / HTTP/1.1")),
        ),
        Case::served("a bare LF ends each line", "9112 2.2", "GET /lf HTTP/1.1\nHost: a.example\n\n")
            .sees("GET /lf HTTP/1.1\r\nhost: a.example\r\n"),
        Case::served(
            "a bare LF ends some lines",
            "9112 2.2",
            "GET /lf HTTP/1.1\r\nHost: a.example\nX-A: b\r\n\n",
        )
        .sees("\r\nx-a: b\r\n"),
    ]
}
