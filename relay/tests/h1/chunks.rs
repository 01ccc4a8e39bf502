//! Chunked bodies.

use relay::h1::{Body, EXTENSION_BYTES_MAX, Fault, Framing, Taken};

/// Takes as a proxy does: until nothing more can be taken. Gives what was kept, what was left over, and the
/// body or what is wrong with it.
fn take(keep_framing: bool, bytes: impl AsRef<[u8]>) -> (Vec<u8>, Vec<u8>, Result<Body, Fault>) {
    let mut body = Body::new(Framing::Chunked, keep_framing);
    let mut rest = bytes.as_ref().to_vec();
    let mut kept = Vec::new();
    while !rest.is_empty() && !body.is_done() {
        match body.take(&mut rest) {
            Err(fault) => return (kept, rest, Err(fault)),
            Ok(taken) => {
                kept.extend_from_slice(&rest[..taken.kept]);
                rest.drain(..taken.taken);
                if body.needs_more() {
                    break;
                }
                assert!(taken.taken > 0, "no progress");
            }
        }
    }
    (kept, rest, Ok(body))
}

#[track_caller]
fn passes(bytes: &str, kept: &str, data: &str) {
    let (actual, rest, body) = take(true, bytes);
    let is_whole = |body: Body, framing: usize| body.is_done() && body.framing_bytes() == framing as u64;
    assert!(body.is_ok_and(|body| is_whole(body, kept.len() - data.len())), "{bytes:?}");
    assert_eq!(String::from_utf8(actual).expect("UTF-8"), kept);
    assert_eq!(rest, b"");
    let (actual, _, body) = take(false, bytes);
    assert!(body.is_ok_and(|body| is_whole(body, 0)), "{bytes:?}");
    assert_eq!(String::from_utf8(actual).expect("UTF-8"), data);
}

#[track_caller]
fn is_refused(bytes: &str) {
    for keep_framing in [true, false] {
        let (kept, _, body) = take(keep_framing, bytes);
        assert_eq!(body.expect_err(bytes).status, 400, "{bytes:?}");
        assert!(kept.len() < bytes.len());
    }
}

#[test]
fn a_plain_body_passes_as_it_is_or_as_its_data() {
    for (body, data) in [
        ("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world"),
        ("0\r\n\r\n", ""),
        ("000\r\n\r\n", ""),
        ("1\r\n\n\r\n2\r\n\r\n\r\n0\r\n\r\n", "\n\r\n"),
        ("0000000000000001\r\na\r\n0000000000000000\r\n\r\n", "a"),
        ("A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789"),
    ] {
        passes(body, body, data);
    }
}

#[test]
fn what_follows_the_body_is_left() {
    for keep_framing in [true, false] {
        let (_, rest, body) = take(keep_framing, "1\r\na\r\n0\r\n\r\nGET / HTTP/1.1\r\n");
        assert!(body.unwrap().is_done());
        assert_eq!(rest, b"GET / HTTP/1.1\r\n");
    }
}

#[test]
fn a_plain_body_is_not_moved() {
    let mut bytes = *b"3\r\nabc\r\n0\r\n\r\n";
    let mut body = Body::new(Framing::Chunked, true);
    assert_eq!(body.take(&mut bytes), Ok(Taken { taken: 13, kept: 13 }));
    assert_eq!(&bytes, b"3\r\nabc\r\n0\r\n\r\n");
}

#[test]
fn a_body_that_is_not_whole_has_not_ended() {
    let bytes = "3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\n";
    for length in 0..bytes.len() {
        let (_, _, body) = take(true, &bytes[..length]);
        let mut body = body.unwrap();
        assert!(!body.is_done(), "{length}");
        assert!(body.end().is_err(), "{length}");
    }
}

#[test]
fn malformed_sizes_are_refused() {
    for size in [
        "",
        " 1",
        "-1",
        "+1",
        "0x1",
        "1_0",
        "g",
        "1g",
        "1 ",
        "1\t",
        "1\n",
        "\n",
        "1\r",
        "1\0",
        "\r\n1",
        "00000000000000001",
        "8000000000000000",
        "FFFFFFFFFFFFFFFF",
        "10000000000000000",
        "1.",
        "1,",
        "\u{661}",
        "1\r\r",
    ] {
        is_refused(&format!("{size}\r\na\r\n0\r\n\r\n"));
    }
    is_refused("1\na\r\n0\r\n\r\n");
    let (_, _, body) = take(true, "7fffffffffffffff\r\nabc");
    assert!(!body.unwrap().is_done());
}

#[test]
fn data_ends_where_its_size_says() {
    for bytes in [
        "1\r\nab\r\n0\r\n\r\n",
        "2\r\na\r\n0\r\n\r\n",
        "1\r\na\n0\r\n\r\n",
        "1\r\na\r0\r\n\r\n",
        "1\r\na0\r\n\r\n",
        "1\r\na\rX0\r\n\r\n",
        "1\r\na\r\n\r\n0\r\n\r\n",
    ] {
        is_refused(bytes);
    }
}

#[test]
fn extensions_do_not_pass() {
    for extension in [
        ";a",
        ";a=b",
        ";a=\"b\"",
        ";a;b",
        "; a = b ; c",
        " ;a",
        "\t; \ta\t=\t\"b\"",
        ";a=\"x;y=z\"",
        ";a=\"\\\"\"",
        ";a=\"\"",
        ";a=\"\\\\\" ;b",
        ";a=\"\u{e9}\t\"",
        ";chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    ] {
        passes(
            &format!("3{extension}\r\nabc\r\n10{extension}\r\n0123456789abcdef\r\n0{extension}\r\n\r\n"),
            "3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n",
            "abc0123456789abcdef",
        );
    }
}

#[test]
fn malformed_extensions_are_refused() {
    for extension in [
        ";",
        "; ",
        ";;a",
        ";a;",
        ";a=",
        ";a= ",
        ";=b",
        ";a=b=c",
        ";a b",
        ";a=b c",
        ";a\n",
        ";a=\"b\n\"",
        ";a=\"b",
        ";a=\"b\r\n\"",
        ";a\r",
        ";a\0",
        ";a=\x7f",
        ";a=\"\x01\"",
        ";a=\"b\"c",
        ";a=\"b\\",
        ";\u{e9}",
        ";a=\u{e9}",
        ";a ",
        ";a=b ",
        ";a=\"b\" ",
        " a",
        " ",
        ";a(",
        ";a=\"\\\r\n\"",
    ] {
        is_refused(&format!("3{extension}\r\nabc\r\n0\r\n\r\n"));
    }
}

#[test]
fn extensions_have_a_bound_that_data_raises() {
    let line = |extension: u64| format!("{:x};{}\r\n", 1, "a".repeat(extension as usize - 2));
    // With the semicolon and the CR.
    passes(&format!("{}a\r\n0\r\n\r\n", line(EXTENSION_BYTES_MAX)), "1\r\na\r\n0\r\n\r\n", "a");
    is_refused(&format!("{}a\r\n0\r\n\r\n", line(EXTENSION_BYTES_MAX + 2)));
    // A small extension on each of many small chunks adds up.
    is_refused(&format!("{}0\r\n\r\n", "1;abcdefgh\r\na\r\n".repeat(1000)));
    // Signatures of large chunks do not.
    let chunk = format!("400;chunk-signature={}\r\n{}\r\n", "0".repeat(64), "x".repeat(1024));
    let (kept, _, body) = take(false, format!("{}0\r\n\r\n", chunk.repeat(200)));
    assert!(body.unwrap().is_done());
    assert_eq!(kept.len(), 200 * 1024);
}

#[test]
fn what_came_before_a_fault_is_kept_and_nothing_after_it() {
    let bytes = "3\r\nabc\r\nx\r\nevil\r\n0\r\n\r\n";
    let (kept, rest, body) = take(true, bytes);
    assert_eq!(kept, b"3\r\nabc\r\n");
    assert_eq!(rest, b"x\r\nevil\r\n0\r\n\r\n");
    assert!(body.is_err());
    let (kept, _, body) = take(false, bytes);
    assert_eq!(kept, b"abc");
    assert!(body.is_err());
}

#[test]
fn a_fault_stays() {
    let mut body = Body::new(Framing::Chunked, true);
    let fault = body.take(&mut b"x".to_owned()).expect_err("a fault");
    assert_eq!(body.take(&mut b"0\r\n\r\n".to_owned()), Err(fault));
    assert_eq!(body.end(), Err(fault));
    assert!(!body.is_done());
}
