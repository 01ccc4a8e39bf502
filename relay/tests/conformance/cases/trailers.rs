//! The trailers of a chunked request (RFC 9112, section 7.1.2; RFC 9110, section 6.5.1).

use crate::case::{Case, chunked, post};

pub(crate) fn cases() -> Vec<Case> {
    let with = |lines: &str| chunked(format!("5\r\nhello\r\n0\r\n{lines}\r\n"));
    let off = |name, rfc, lines: &str| Case::broken_off(name, rfc, with(lines));
    vec![
        off("Content-Length as a trailer", "9110 6.5.1", "Content-Length: 5\r\n"),
        off("Transfer-Encoding as a trailer", "9110 6.5.1", "Transfer-Encoding: chunked\r\n"),
        off("Host as a trailer", "9110 6.5.1", "Host: b.example\r\n"),
        off("Authorization as a trailer", "9110 6.5.1", "Authorization: Basic YTpi\r\n"),
        off(
            "forbidden trailer in other case, after a proper one",
            "9110 6.5.1",
            "X-A: b\r\ncONTENT-lENGTH: 0\r\n",
        ),
        off("trailer with space before its colon", "9112 5.1", "X-A : b\r\n"),
        off("trailer without a colon", "9112 5", "X-A\r\n"),
        off("trailer without a name", "9110 5.1", ": b\r\n"),
        off("trailer with a NUL", "9110 5.5", "X-A: b\0c\r\n"),
        off("trailer with a bare CR", "9112 2.2", "X-A: b\rc\r\n"),
        off("trailer with a bare LF for its end", "9112 7.1", "X-A: b\n"),
        off("folded trailer", "9112 5.2", "X-A: b\r\n c\r\n"),
        off("space before the first trailer", "9112 5.2", " X-A: b\r\n"),
        Case::broken_off(
            "trailers over the limit",
            "9110 5.4",
            with(&format!("X-A: {}\r\n", "x".repeat(64 * 1024))),
        )
        .status(&[400, 413, 431]),
        Case::served("trailer", "9112 7.1.2", with("X-Sum: 1234\r\n"))
            .sees_body("hello")
            .sees("x-sum: 1234\r\n"),
        Case::served("trailers", "9112 7.1.2", with("X-Sum: 1234\r\nX-B:c\r\n"))
            .sees_body("hello")
            .sees("x-sum: 1234\r\n")
            .sees("x-b:"),
        Case::served(
            "trailer named in Trailer",
            "9110 6.6.2",
            post(
                "Trailer: X-Sum\r\nTransfer-Encoding: chunked\r\n",
                "5\r\nhello\r\n0\r\nX-Sum: 1234\r\n\r\n",
            ),
        )
        .sees("x-sum: 1234\r\n"),
    ]
}
