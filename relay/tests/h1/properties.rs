//! Messages that are nearly good, cut anywhere. What must hold is in `check`.

use proptest::prelude::*;
use relay::h1::Limits;

use crate::check;

/// Pieces that a message may be made of, in an order in which a good one can come about.
const REQUEST_LINES: &[&str] = &[
    "GET / HTTP/1.1\r\n",
    "POST /a?b HTTP/1.1\r\n",
    "\r\n\nPUT http://a HTTP/1.1\n",
    "OPTIONS * HTTP/1.1\r\n",
    "POST http://u@a?q HTTP/1.0\r\n",
    "GET / HTTP/2.0\r\n",
    "CONNECT a:1 HTTP/1.1\r\n",
];
const STATUS_LINES: &[&str] = &[
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.1 204 \r\n",
    "HTTP/1.0 200\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 d\u{e9}j\u{e0}\r\n",
    "HTTP/1.1 304 Not Modified\r\n",
];
const FIELDS: &[&str] = &[
    "Host: a\r\n",
    "Host: a\r\n",
    "Host: b\r\n",
    "Content-Length: 3\r\n",
    "Content-Length: 11\r\n",
    "Transfer-Encoding: chunked\r\n",
    "transfer-encoding:\tChunked \n",
    "Transfer-Encoding: gzip\r\n",
    "Connection: close, x-a\r\n",
    "Connection: upgrade\r\nUpgrade: websocket\r\n",
    "Connection: content-length, transfer-encoding, host, via\r\n",
    "X-A: \u{e9}\r\n",
    "Via:1.1 x\n",
    "Expect: 100-continue\r\n",
    "TE: trailers\r\n",
    "X: folded\r\n y\r\n",
    "Content_Length: 3\r\n",
];
const BODIES: &[&str] = &["", "abc", "hello world", "5\r\nhello\r\n0\r\n\r\n"];
const CHUNKS: &[&str] = &[
    "5\r\nhello\r\n",
    "1;a=\"b;\\\"\"\r\n\n\r\n",
    "00b ; x = y ; z\r\nhello world\r\n",
    "10\r\n0\r\n\r\n0123456789a\r\n",
    "2\r\n\r\n\r\n",
    "3\r\nabcd\r\n",
];
const ENDS: &[&str] = &[
    "0\r\n\r\n",
    "000;a\r\n\r\n",
    "0\r\nX: y\r\nETag: z\r\n\r\n",
    "0\r\nHost: y\r\n\r\n",
    "0\r\nX: y\n\r\n",
    "",
];

fn one_of(texts: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    proptest::sample::select(texts).prop_map(|text| text.as_bytes().to_vec())
}

fn some_of(texts: &'static [&'static str], most: usize) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(one_of(texts), 0..=most).prop_map(|texts| texts.concat())
}

fn chunked() -> impl Strategy<Value = Vec<u8>> {
    (some_of(CHUNKS, 5), one_of(ENDS)).prop_map(|(chunks, end)| [chunks, end].concat())
}

fn message(start_lines: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let body = prop_oneof![one_of(BODIES), chunked()];
    (one_of(start_lines), one_of(&["Host: a\r\n", ""]), some_of(FIELDS, 4), body)
        .prop_map(|(line, host, fields, body)| [line, host, fields, b"\r\n".to_vec(), body].concat())
}

/// Up to two bytes are changed, put in or taken out.
fn damaged(bytes: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let byte =
        prop_oneof![proptest::sample::select(&b"\r\n\t :;,=\"\\\0\x7f_-+0123aAfFgGx\xff"[..]), any::<u8>()];
    let damage = (0..3_u8, any::<proptest::sample::Index>(), byte);
    (bytes, proptest::collection::vec(damage, 0..=2)).prop_map(|(mut bytes, damages)| {
        for (what, at, byte) in damages {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match what {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        bytes
    })
}

fn pieces() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![Just(vec![1]), proptest::collection::vec(1..40_usize, 1..6)]
}

fn limits() -> impl Strategy<Value = Limits> {
    let roomy = Limits { head_bytes_max: 16 * 1024, fields_max: 100 };
    let narrow = (1..120_usize, 0..6_usize);
    let narrow = narrow.prop_map(|(head_bytes_max, fields_max)| Limits { head_bytes_max, fields_max });
    prop_oneof![3 => Just(roomy), 1 => narrow]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn requests_are_the_same_however_they_come_in(
        bytes in damaged(proptest::collection::vec(message(REQUEST_LINES), 1..4).prop_map(|all| all.concat())),
        pieces in pieces(),
        limits in limits(),
    ) {
        check::requests(&bytes, &pieces, limits);
    }

    #[test]
    fn responses_are_the_same_however_they_come_in(
        bytes in damaged(proptest::collection::vec(message(STATUS_LINES), 1..4).prop_map(|all| all.concat())),
        pieces in pieces(),
        limits in limits(),
        to_head: bool,
    ) {
        check::responses(&bytes, &pieces, limits, to_head);
    }

    #[test]
    fn chunks_are_the_same_however_they_come_in(bytes in damaged(chunked()), pieces in pieces()) {
        check::chunks(&bytes, &pieces);
    }

    #[test]
    fn any_bytes_are_the_same_however_they_come_in(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        pieces in pieces(),
        limits in limits(),
    ) {
        check::requests(&bytes, &pieces, limits);
        check::responses(&bytes, &pieces, limits, false);
        check::chunks(&bytes, &pieces);
    }
}
