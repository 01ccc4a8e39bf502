//! The chunks of a request (RFC 9112, section 7.1).

use crate::case::{Case, Step, Upstream, chunked};

pub(crate) fn cases() -> Vec<Case> {
    let off = |name, body: &str| Case::broken_off(name, "9112 7.1", chunked(body));
    vec![
        off("chunk size with a plus", "+5\r\nhello\r\n0\r\n\r\n"),
        off("chunk size with a minus", "-5\r\nhello\r\n0\r\n\r\n"),
        off("chunk size with 0x", "0x5\r\nhello\r\n0\r\n\r\n"),
        off("chunk size with an underscore", "0_5\r\nhello\r\n0\r\n\r\n"),
        off("chunk size after a space", " 5\r\nhello\r\n0\r\n\r\n"),
        off("chunk size before a space", "5 \r\nhello\r\n0\r\n\r\n"),
        off("chunk size before a tab", "5\t\r\nhello\r\n0\r\n\r\n"),
        off("chunk size with a space inside", "0 5\r\nhello\r\n0\r\n\r\n"),
        off("chunk size with a letter that is no digit", "5g\r\nhello\r\n0\r\n\r\n"),
        off("chunk size with a point", "5.0\r\nhello\r\n0\r\n\r\n"),
        off("chunk size with a NUL", "5\0\r\nhello\r\n0\r\n\r\n"),
        off("chunk size in other digits", "５\r\nhello\r\n0\r\n\r\n"),
        off("empty chunk size", "\r\nhello\r\n0\r\n\r\n"),
        off("extension without a chunk size", ";a=b\r\nhello\r\n0\r\n\r\n"),
        off("chunk size over 64 bits", "10000000000000005\r\nhello\r\n0\r\n\r\n"),
        off("chunk size of 17 times F", "FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n"),
        off("bare LF after a chunk size", "5\nhello\r\n0\r\n\r\n"),
        off("bare CR after a chunk size", "5\rhello\r\n0\r\n\r\n"),
        off("two CR after a chunk size", "5\r\r\nhello\r\n0\r\n\r\n"),
        off("bare LF in an extension", "5;a\nhello\r\n0\r\n\r\n"),
        off("bare CR in an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n"),
        off("NUL in an extension", "5;a\0\r\nhello\r\n0\r\n\r\n"),
        off("control in an extension", "5;a=\x01\r\nhello\r\n0\r\n\r\n"),
        off("DEL in an extension", "5;a=\x7f\r\nhello\r\n0\r\n\r\n"),
        off("no CRLF after a chunk", "5\r\nhello0\r\n\r\n"),
        off("bare LF after a chunk", "5\r\nhello\n0\r\n\r\n"),
        off("bare CR after a chunk", "5\r\nhello\r0\r\n\r\n"),
        off("chunk longer than its size", "5\r\nhello!\r\n0\r\n\r\n"),
        off("bare LF after the last chunk", "5\r\nhello\r\n0\n\r\n"),
        off("bare LF at the end of the body", "5\r\nhello\r\n0\r\n\n"),
        off("signed last chunk", "5\r\nhello\r\n-0\r\n\r\n"),
        Case::broken_off(
            "endless extension",
            "9112 7.1.1",
            chunked(format!("5;a={}\r\nhello\r\n0\r\n\r\n", "x".repeat(64 * 1024))),
        )
        .status(&[400, 413, 431])
        .upstream(Upstream::NotWhole),
        Case::served("extensions end here", "9112 7.1.1", chunked("5;a=b;c=\"d;e\"\r\nhello\r\n0;f\r\n\r\n"))
            .sees_body("hello")
            .sees_no("extension"),
        Case::served(
            "chunk size in upper and lower case",
            "9112 7.1",
            chunked("A\r\n0123456789\r\nb\r\n0123456789!\r\n0\r\n\r\n"),
        )
        .sees_body("01234567890123456789!"),
        Case::served("chunk size with leading zeros", "9112 7.1", chunked("0005\r\nhello\r\n0\r\n\r\n"))
            .sees_body("hello"),
        Case::served("last chunk of several zeros", "9112 7.1", chunked("5\r\nhello\r\n000\r\n\r\n"))
            .sees_body("hello"),
        Case::served("no chunk but the last", "9112 7.1", chunked("0\r\n\r\n")).sees_body(""),
        Case::served("several chunks", "9112 7.1", chunked("2\r\nhe\r\n1\r\nl\r\n2\r\nlo\r\n0\r\n\r\n"))
            .sees_body("hello"),
        Case::served(
            "line ends in a chunk are data",
            "9112 7.1",
            chunked("9\r\n\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n"),
        )
        .sees_body("\r\n0\r\n\r\n\r\n"),
        Case::served("chunks byte by byte", "9112 7.1", "")
            .steps(
                chunked("5;a=b\r\nhello\r\n0\r\nX-A: b\r\n\r\n")
                    .chunks(1)
                    .map(|byte| Step::Send(byte.to_vec()))
                    .collect(),
            )
            .sees_body("hello"),
    ]
}
