//! Transfer-Encoding of a request (RFC 9112, sections 6.1, 6.3 and 7).

use crate::case::{Case, chunked, post};

const BODY: &str = "5\r\nhello\r\n0\r\n\r\n";

pub(crate) fn cases() -> Vec<Case> {
    let coded = |value: &str| post(format!("Transfer-Encoding: {value}\r\n"), BODY);
    let old = |lines: &str| format!("POST / HTTP/1.0\r\nHost: a.example\r\n{lines}\r\n{BODY}");
    vec![
        Case::bad(
            "length and coding",
            "9112 6.3",
            post("Content-Length: 15\r\nTransfer-Encoding: chunked\r\n", BODY),
        ),
        Case::bad(
            "coding and length",
            "9112 6.3",
            post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", BODY),
        ),
        Case::bad(
            "coding and length zero",
            "9112 6.3",
            post("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", BODY),
        ),
        Case::bad(
            "coding and length, in other case",
            "9112 6.3",
            post("content-length: 15\r\ntRANSFER-eNCODING: chunked\r\n", BODY),
        ),
        Case::refused(
            "length and an unknown coding",
            "9112 6.3",
            post("Content-Length: 15\r\nTransfer-Encoding: gzip\r\n", BODY),
            &[400, 501],
        ),
        Case::bad(
            "chunked in two lines",
            "9112 6.3",
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", BODY),
        ),
        Case::bad(
            "chunked and identity in two lines",
            "9112 6.3",
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", BODY),
        ),
        Case::bad(
            "two lines, one of them empty",
            "9112 6.3",
            post("Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n", BODY),
        ),
        Case::bad(
            "chunked in 1.0",
            "9112 6.1",
            "POST / HTTP/1.0\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        ),
        Case::bad(
            "length and coding in 1.0",
            "9112 6.1",
            old("Content-Length: 15\r\nTransfer-Encoding: chunked\r\n"),
        ),
        Case::refused("gzip", "9112 6.1", coded("gzip"), &[501]),
        Case::refused("gzip, chunked", "9112 6.1", coded("gzip, chunked"), &[501]),
        Case::refused("identity", "9112 7", coded("identity"), &[501]),
        Case::refused("chunked with a letter before it", "9112 6.1", coded("xchunked"), &[501]),
        Case::refused("chunked with a letter after it", "9112 6.1", coded("chunkedx"), &[501]),
        Case::refused("chunked, gzip", "9112 6.3", coded("chunked, gzip"), &[400, 501]),
        Case::refused("chunked, chunked", "9112 6.1", coded("chunked, chunked"), &[400, 501]),
        Case::refused("chunked, identity", "9112 7", coded("chunked, identity"), &[400, 501]),
        Case::refused("identity, chunked", "9112 7", coded("identity, chunked"), &[400, 501]),
        Case::refused("chunked in quotes", "9112 6.1", coded("\"chunked\""), &[400, 501]),
        Case::refused("chunked with a parameter", "9112 7.1", coded("chunked;a=b"), &[400, 501]),
        Case::refused("chunked and an empty list member", "9112 6.1", coded("chunked,"), &[400, 501]),
        Case::refused("an empty list member and chunked", "9112 6.1", coded(", chunked"), &[400, 501]),
        Case::refused("chunk ed", "9112 6.1", coded("chunk ed"), &[400, 501]),
        Case::refused("empty coding", "9112 6.1", coded(""), &[400, 501]),
        Case::bad("chunked after a vertical tab", "9110 5.5", coded("\x0bchunked")),
        Case::bad("chunked before a NUL", "9110 5.5", coded("chunked\0")),
        Case::refused(
            "chunked after a no-break space",
            "9112 6.1",
            post(b"Transfer-Encoding: \xa0chunked\r\n", BODY),
            &[400, 501],
        ),
        Case::served("chunked body", "9112 7.1", chunked(BODY)).sees_body("hello"),
        Case::served("chunked in mixed case", "9112 7", coded("Chunked")).sees_body("hello"),
        Case::served("chunked with space around it", "9112 5.1", coded(" \tchunked\t ")).sees_body("hello"),
        Case::served(
            "chunked GET",
            "9112 6",
            "GET / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        )
        .sees_body("hello"),
    ]
}
