//! Answers that break off (RFC 9112, section 8): the client must be able to tell, so its connection may not
//! end as though the answer had.

use crate::case::{Case, Then, ok};

const OLD: &str = "GET / HTTP/1.0\r\nHost: a.example\r\n\r\n";

pub(crate) fn cases() -> Vec<Case> {
    let chunks = |body: &str| ok("Transfer-Encoding: chunked\r\n", body);
    let cut = |name, body: &str| Case::truncated(name, "9112 8", chunks(body));
    let broken = |name, body: &str| Case::truncated(name, "9112 7.1", chunks(body)).then(Then::Keep);
    vec![
        Case::truncated("answer shorter than its length", "9112 8", ok("Content-Length: 10\r\n", "hello")),
        Case::truncated(
            "answer shorter than its length, reset",
            "9112 8",
            ok("Content-Length: 10\r\n", "hello"),
        )
        .then(Then::Reset),
        Case::truncated("nothing of a length", "9112 8", ok("Content-Length: 10\r\n", "")),
        Case::truncated(
            "long answer shorter than its length",
            "9112 8",
            ok("Content-Length: 200000\r\n", "b".repeat(150_000)),
        ),
        cut("end in a chunk", "9\r\nhello"),
        cut("end before the CRLF of a chunk", "5\r\nhello"),
        cut("end between chunks", "5\r\nhello\r\n"),
        cut("end in a chunk size", "5\r\nhello\r\n1"),
        cut("end in the last chunk's line", "5\r\nhello\r\n0\r\n"),
        cut("end in the trailers", "5\r\nhello\r\n0\r\nX-A: b"),
        broken("chunk size of an answer is no number", "5\r\nhello\r\nzz\r\nhello\r\n0\r\n\r\n"),
        broken("first chunk size of an answer is no number", "zz\r\nhello\r\n0\r\n\r\n"),
        broken("chunk size of an answer is signed", "5\r\nhello\r\n-5\r\nhello\r\n0\r\n\r\n"),
        broken("chunk size of an answer overflows", "5\r\nhello\r\nFFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n"),
        broken("chunk of an answer lacks its CRLF", "5\r\nhello5\r\nhello\r\n0\r\n\r\n"),
        broken("chunk size of an answer ends in a bare LF", "5\nhello\r\n0\r\n\r\n"),
        Case::truncated(
            "1.0 reads an answer shorter than its length",
            "9112 8",
            ok("Content-Length: 10\r\n", "hello"),
        )
        .request(OLD),
        // A client that reads up to the close learns of it by a reset alone.
        Case::truncated("1.0 reads chunks that break off", "9112 8", chunks("5\r\nhello\r\n")).request(OLD),
        Case::truncated("answer up to the close that is reset", "9112 8", ok("", "hello")).then(Then::Reset),
    ]
}
