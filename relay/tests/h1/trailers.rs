//! Trailer sections.

use relay::h1::{Body, Fault, Framing, TRAILERS_BYTES_MAX, TRAILERS_MAX, Taken};

/// Takes the last chunk and this section, which gives the bytes kept of the section and the body.
fn take(keep_framing: bool, section: impl AsRef<[u8]>) -> Result<(Vec<u8>, Body), Fault> {
    let mut body = Body::new(Framing::Chunked, keep_framing);
    let mut last = *b"0\r\n";
    assert_eq!(body.take(&mut last)?, Taken { taken: 3, kept: if keep_framing { 3 } else { 0 } });
    let mut bytes = section.as_ref().to_vec();
    let taken = body.take(&mut bytes)?;
    bytes.truncate(taken.kept);
    Ok((bytes, body))
}

#[test]
fn a_section_passes_with_its_framing_or_is_kept_aside() {
    for lines in [
        "",
        "X: y\r\n",
        "Digest: a, b\r\nServer-Timing: x;dur=1\r\nGrpc-Status: 0\r\nSet-Cookie: a=b\r\nETag:\r\n",
    ] {
        let section = format!("{lines}\r\n");
        let (kept, body) = take(true, &section).unwrap();
        assert!(body.is_done());
        assert_eq!(kept, section.as_bytes());
        assert_eq!(body.trailers(), b"");
        let (kept, body) = take(false, &section).unwrap();
        assert!(body.is_done());
        assert_eq!(kept, b"");
        assert_eq!(body.trailers(), lines.as_bytes());
    }
}

#[test]
fn a_section_that_is_not_whole_is_left_until_it_is() {
    let section = b"X: y\r\nZ: z\r\n\r\n";
    for length in 0..section.len() {
        let mut body = Body::new(Framing::Chunked, true);
        let mut bytes = [b"0\r\n", &section[..length]].concat();
        assert_eq!(body.take(&mut bytes), Ok(Taken { taken: 3, kept: 3 }), "{length}");
        assert!(body.needs_more() && !body.is_done());
        let mut bytes = [section, &b"GET /"[..]].concat();
        assert_eq!(body.take(&mut bytes), Ok(Taken { taken: section.len(), kept: section.len() }));
        assert!(body.is_done() && !body.needs_more());
    }
}

#[test]
fn malformed_lines_are_refused() {
    for line in [
        "X : y\r\n",
        " X: y\r\n",
        "\tX: y\r\n",
        ": y\r\n",
        "X\r\n",
        "X: y\n",
        "X: a\rb\r\n",
        "X: a\0b\r\n",
        "X: a\x7f\r\n",
        "X: y\r\n z\r\n",
        "X y: z\r\n",
        "\u{e9}: z\r\n",
        "\n",
        "\r\r\n",
        "X: y\r\r\n",
    ] {
        for keep_framing in [true, false] {
            let fault = take(keep_framing, format!("A: b\r\n{line}\r\n")).expect_err(line);
            assert_eq!(fault.status, 400, "{line:?}");
        }
    }
}

#[test]
fn fields_that_belong_into_the_head_are_refused() {
    for name in [
        "Content-Length",
        "Transfer-Encoding",
        "Host",
        "Authorization",
        "Connection",
        "TE",
        "Trailer",
        "Content-Encoding",
        "Content-Type",
        "Content-Range",
        "Upgrade",
        "Expect",
        "Keep-Alive",
        "Proxy-Authorization",
        "Cookie",
        "Range",
        "If-None-Match",
        "Cache-Control",
        "Via",
        "Forwarded",
        "X-Forwarded-For",
        "X_Forwarded_For",
        "x-accordion-token",
        "x-accordion-lost",
        "x-accordion-anything",
        "Content_Length",
        "transfer_encoding",
        "WWW-Authenticate",
        "Location",
    ] {
        for name in [name.to_owned(), name.to_ascii_lowercase(), name.to_ascii_uppercase()] {
            let fault = take(true, format!("A: b\r\n{name}: 3\r\n\r\n")).expect_err(&name);
            assert_eq!(fault.status, 400, "{name}");
        }
    }
}

#[test]
fn a_section_has_bounds() {
    let lines = |count: usize| format!("{}\r\n", "X: y\r\n".repeat(count));
    assert!(take(true, lines(TRAILERS_MAX)).is_ok());
    assert_eq!(take(true, lines(TRAILERS_MAX + 1)).expect_err("too many").status, 431);
    // Two line ends, and the name with its colon.
    let bytes = |length: usize| format!("X:{}\r\n\r\n", "y".repeat(length - 6));
    assert!(take(true, bytes(TRAILERS_BYTES_MAX)).is_ok());
    assert_eq!(take(true, bytes(TRAILERS_BYTES_MAX + 1)).expect_err("too large").status, 431);
    let endless = "y".repeat(TRAILERS_BYTES_MAX);
    assert!(take(true, &endless[1..]).is_ok_and(|(_, body)| body.needs_more()));
    assert_eq!(take(true, endless).expect_err("too large").status, 431);
}
