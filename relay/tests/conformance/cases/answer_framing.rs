//! Where an answer ends (RFC 9112, section 6.3): what is doubtful becomes a 502, the rest passes.

use crate::case::{Case, Link, Then, ok};

const BODY: &str = "5\r\nhello\r\n0\r\n\r\n";

pub(crate) fn cases() -> Vec<Case> {
    let sized = |value: &str| ok(format!("Content-Length: {value}\r\n"), "hello");
    let coded = |value: &str| ok(format!("Transfer-Encoding: {value}\r\n"), BODY);
    vec![
        Case::rejected(
            "length and coding of an answer",
            "9112 6.3",
            ok("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", BODY),
        ),
        Case::rejected(
            "coding and length of an answer",
            "9112 6.3",
            ok("Transfer-Encoding: chunked\r\nContent-Length: 15\r\n", BODY),
        ),
        Case::rejected(
            "length of an answer twice, differing",
            "9112 6.3",
            ok("Content-Length: 5\r\nContent-Length: 6\r\n", "hello!"),
        ),
        Case::rejected("length of an answer as a list, alike", "9112 6.3", sized("5, 5")),
        Case::rejected("length of an answer as a list, differing", "9112 6.3", sized("5, 6")),
        Case::rejected("length of an answer with a plus", "9110 8.6", sized("+5")),
        Case::rejected("length of an answer with a minus", "9110 8.6", sized("-5")),
        Case::rejected("length of an answer in hex", "9110 8.6", sized("0x5")),
        Case::rejected("length of an answer with a letter", "9110 8.6", sized("5a")),
        Case::rejected("length of an answer with a space inside", "9110 8.6", sized("5 5")),
        Case::rejected("empty length of an answer", "9110 8.6", sized("")),
        Case::rejected("length of an answer over 64 bits", "9112 6.3", sized("18446744073709551621")),
        Case::rejected("answer in gzip", "9112 6.1", coded("gzip")),
        Case::rejected("answer in gzip, chunked", "9112 6.1", coded("gzip, chunked")),
        Case::rejected("answer in chunked, gzip", "9112 6.1", coded("chunked, gzip")),
        Case::rejected("answer in identity", "9112 7", coded("identity")),
        Case::rejected("answer in an empty coding", "9112 6.1", coded("")),
        Case::rejected(
            "answer chunked in two lines",
            "9112 6.1",
            ok("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", BODY),
        ),
        Case::rejected(
            "answer chunked in 1.0",
            "9112 6.1",
            format!("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{BODY}"),
        ),
        Case::passed(
            "length of an answer twice, alike, is one or none",
            "9112 6.3",
            ok("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"),
        )
        .status(&[200, 502])
        .reply_lacks("content-length: 5\r\ncontent-length: 5")
        .link(Link::Any),
        Case::passed("answer by length", "9112 6.3", sized("5")).reads("hello"),
        Case::passed("answer of length zero", "9112 6.3", ok("Content-Length: 0\r\n", "")).reads(""),
        Case::passed("answer in chunks", "9112 7.1", coded("chunked")).reads("hello"),
        Case::passed("answer in Chunked", "9112 7", coded("Chunked")).reads("hello"),
        Case::passed(
            "extensions of an answer end here",
            "9112 7.1.1",
            ok("Transfer-Encoding: chunked\r\n", "5;a=b\r\nhello\r\n0;c\r\n\r\n"),
        )
        .reads("hello"),
        Case::passed(
            "trailer of an answer",
            "9112 7.1.2",
            ok("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\nX-Sum: 1234\r\n\r\n"),
        )
        .request("GET / HTTP/1.1\r\nHost: a.example\r\nConnection: TE\r\nTE: trailers\r\n\r\n")
        .reads("hello")
        .reply_has("x-sum: 1234\r\n"),
        Case::passed("answer up to the close becomes chunks", "9112 6.3", ok("", "hello"))
            .then(Then::Close)
            .reads("hello")
            .reply_has("transfer-encoding: chunked\r\n")
            .link(Link::Ended),
        Case::passed("204 has no body", "9110 15.3.5", "HTTP/1.1 204 No Content\r\n\r\n").status(&[204]),
        Case::passed(
            "304 has no body",
            "9110 15.4.5",
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\nETag: \"a\"\r\n\r\n",
        )
        .status(&[304])
        .reply_has("etag: \"a\"\r\n"),
        Case::passed(
            "length of a 204 ends here",
            "9110 8.6",
            "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
        )
        .status(&[204])
        .reply_lacks("content-length"),
        Case::passed(
            "coding of a 204 ends here",
            "9112 6.1",
            "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
        )
        .status(&[204])
        .reply_lacks("transfer-encoding")
        // A service that names a coding here may well send its chunks too.
        .link(Link::Any),
        Case::passed("length of the answer to HEAD passes", "9110 9.3.2", ok("Content-Length: 100\r\n", ""))
            .request("HEAD / HTTP/1.1\r\nHost: a.example\r\n\r\n")
            .bodiless()
            .reply_has("content-length: 100\r\n"),
        Case::passed(
            "chunked answer to HEAD has no chunks",
            "9110 9.3.2",
            ok("Transfer-Encoding: chunked\r\n", ""),
        )
        .request("HEAD / HTTP/1.1\r\nHost: a.example\r\n\r\n")
        .bodiless(),
        Case::passed("answer to HEAD without a length is over at once", "9112 6.3", ok("", ""))
            .request("HEAD / HTTP/1.1\r\nHost: a.example\r\n\r\n")
            .bodiless(),
        Case::passed(
            "answer of 100 KiB by length",
            "9112 6.3",
            ok("Content-Length: 102400\r\n", "b".repeat(102_400)),
        )
        .reads("b".repeat(102_400)),
        Case::passed(
            "answer of 100 KiB in one chunk",
            "9112 7.1",
            ok("Transfer-Encoding: chunked\r\n", format!("19000\r\n{}\r\n0\r\n\r\n", "b".repeat(102_400))),
        )
        .reads("b".repeat(102_400)),
    ]
}
