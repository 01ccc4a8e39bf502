//! Request heads: the request line, `Host`, framing, expectations.

use relay::h1::{Framing, Kind, Slots, Version, parse_request};

use crate::{LIMITS, get, request, request_fault};

#[test]
fn a_plain_request_is_read() {
    let head = "POST /a?b HTTP/1.1\r\nHost: h:80\r\nContent-Length: 3\r\nX-A:  v \t\r\nX-E:\r\n\r\n";
    request(format!("{head}abcGET /"), |request| {
        assert_eq!(request.method, "POST");
        assert_eq!(request.target.to_string(), "/a?b");
        assert_eq!(request.version, Version::Http11);
        assert_eq!(request.host, b"h:80");
        assert_eq!(request.framing, Framing::Length(3));
        assert_eq!(request.head_bytes, head.len());
        assert!(request.keep_alive);
        assert!(!request.expects_continue);
        assert!(!request.accepts_trailers);
        assert_eq!(request.upgrade, None);
        let fields: Vec<_> =
            request.fields.iter().map(|field| (field.kind, field.name, field.value)).collect();
        let expected: [(Kind, &str, &[u8]); 4] = [
            (Kind::Host, "Host", b"h:80"),
            (Kind::ContentLength, "Content-Length", b"3"),
            (Kind::Other, "X-A", b"v"),
            (Kind::Other, "X-E", b""),
        ];
        assert_eq!(fields, expected);
        assert_eq!(request.fields.get(Kind::Host), Some(&b"h:80"[..]));
        assert_eq!(request.fields.get(Kind::Via), None);
    });
}

#[test]
fn a_head_is_incomplete_up_to_its_last_byte() {
    let head = "\r\nGET http://a/ HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n";
    for length in 0..head.len() {
        let mut slots = Slots::new();
        let request = parse_request(&head.as_bytes()[..length], LIMITS, &mut slots);
        assert!(request.unwrap().is_none(), "{length}");
    }
    request(head, |request| assert_eq!(request.head_bytes, head.len()));
}

#[test]
fn empty_lines_before_the_request_line_are_skipped() {
    request("\r\n\n\r\nGET / HTTP/1.0\r\n\r\n", |request| assert_eq!(request.head_bytes, 23));
    assert_eq!(request_fault("\rGET / HTTP/1.0\r\n\r\n").status, 400);
}

#[test]
fn a_line_feed_alone_ends_a_line_of_the_head() {
    request("GET / HTTP/1.1\nHost: a\n\n", |request| assert_eq!(request.host, b"a"));
}

#[test]
fn malformed_request_lines_are_refused() {
    for line in [
        "GET /",
        "GET  / HTTP/1.1",
        "GET / HTTP/1.1 ",
        "GET /  HTTP/1.1",
        " GET / HTTP/1.1",
        "GET\t/ HTTP/1.1",
        "G@T / HTTP/1.1",
        "GET / a HTTP/1.1",
        "GET / http/1.1",
        "GET / HTTP/1",
        "GET / HTTP/1.1x",
        "/ HTTP/1.1",
        "GET / HTTP/11",
        "GET / HTTP/1.10",
        "GET / HTTP/ 1.1",
        "GET / XTTP/2.0",
        "GET / HTTP/2",
        "GET / HTTP/2.0 x",
        "GET / HTTP/1.1\r",
        "G\rET / HTTP/1.1",
        "GET /\rx HTTP/1.1",
        "GET /\0 HTTP/1.1",
        "GET /\x7f HTTP/1.1",
        "G\u{e9}T / HTTP/1.1",
        "",
    ] {
        assert_eq!(request_fault(format!("{line}\r\n: x\r\nHost: a\r\n\r\n")).status, 400, "{line:?}");
    }
}

#[test]
fn other_versions_are_refused_as_such() {
    for version in ["HTTP/2.0", "HTTP/1.2", "HTTP/0.9", "HTTP/3.0", "HTTP/9.9"] {
        assert_eq!(request_fault(format!("GET / {version}\r\nHost: a\r\n\r\n")).status, 505, "{version}");
        assert_eq!(request_fault(format!("\r\nGET / {version}\nHost: a\n\n")).status, 505, "{version}");
    }
    assert_eq!(request_fault("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").status, 505);
}

#[test]
fn connect_and_trace_are_not_allowed() {
    assert_eq!(request_fault("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n").status, 405);
    assert_eq!(request_fault("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n").status, 405);
    request("PURGE / HTTP/1.1\r\nHost: a\r\n\r\n", |request| assert_eq!(request.method, "PURGE"));
}

#[test]
fn malformed_field_lines_are_refused() {
    for line in [
        "X : y",
        "X\t: y",
        " X: y",
        "\tX: y",
        ": y",
        "X",
        "X y",
        "X\r: y",
        "X(: y",
        "X\0: y",
        "X\x7f: y",
        "X: a\rb",
        "X: a\0b",
        "X: a\x01b",
        "X: a\x7fb",
        "X: \x0b",
        "X: a\r",
        "X: a\r\n b",
        "X: a\n\tb",
        "X:\r\n b",
        "\u{e9}: y",
        "\x1fX: y",
        "X: y\r\r",
        "Host : a",
        "Content-Length : 3",
        "Transfer-Encoding\x0b: chunked",
    ] {
        assert_eq!(request_fault(get(&format!("{line}\r\n"))).status, 400, "{line:?}");
    }
    assert_eq!(request_fault("GET / HTTP/1.1\r\n Host: a\r\n\r\n").status, 400);
}

#[test]
fn every_byte_of_a_value_but_control_characters_is_allowed() {
    for byte in 0..=u8::MAX {
        let mut head = b"GET / HTTP/1.1\r\nHost: a\r\nX: 0123456789abcdef".to_vec();
        head.push(byte);
        head.extend_from_slice(b"0123456789abcdef0123456789abcdef\r\n\r\n");
        let mut slots = Slots::new();
        let is_good = parse_request(&head, LIMITS, &mut slots).is_ok();
        // The rest of the line after a line feed is no field.
        assert_eq!(is_good, byte == b'\t' || (byte >= b' ' && byte != 0x7f), "{byte:#x}");
    }
}

#[test]
fn every_name_is_a_token() {
    for byte in 0..=u8::MAX {
        let mut head = b"GET / HTTP/1.1\r\nHost: a\r\nX0123456789".to_vec();
        head.push(byte);
        head.extend_from_slice(b"0123456789abcdef0123456789: y\r\n\r\n");
        let mut slots = Slots::new();
        let is_good = parse_request(&head, LIMITS, &mut slots).is_ok();
        let is_token = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        // A colon ends the name, and what follows is the value.
        assert_eq!(is_good, is_token || byte == b':', "{byte:#x}");
    }
}

#[test]
fn exactly_one_host_is_asked_for() {
    assert_eq!(request_fault("GET / HTTP/1.1\r\n\r\n").status, 400);
    assert_eq!(request_fault("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n").status, 400);
    assert_eq!(request_fault("GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n").status, 400);
    assert_eq!(request_fault("GET http://a/ HTTP/1.1\r\n\r\n").status, 400);
    request("GET / HTTP/1.0\r\n\r\n", |request| assert_eq!(request.host, b""));
    request("GET / HTTP/1.0\r\nHost: a\r\n\r\n", |request| assert_eq!(request.host, b"a"));
}

#[test]
fn a_host_is_a_name_or_an_address_with_perhaps_a_port() {
    for host in
        ["a", "a.example:8080", "192.0.2.1:80", "[::1]", "[2001:db8::1]:443", "a:", "x_y-z~.a", "a%20b", ""]
    {
        request(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"), |request| {
            assert_eq!(request.host, host.as_bytes());
        });
    }
    for host in [
        "a b",
        "a/b",
        "a@b",
        "a:b",
        "a:80:80",
        "a:-1",
        "a:65536",
        "a:000080",
        ":80",
        "[::1",
        "::1",
        "[a]",
        "[]",
        "[::1]a",
        "[::1%25eth0]",
        "a\\b",
        "a?b",
        "a#b",
        "a%2",
        "a%zz",
        "\u{e9}.example",
        "a\"b",
        "<a>",
        "a, b",
        "http://a",
    ] {
        let fault = request_fault(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(fault.status, 400, "{host:?}");
    }
}

#[test]
fn a_length_is_digits_and_nothing_else() {
    for (value, length) in [("0", 0), ("3", 3), ("007", 7), ("9223372036854775807", i64::MAX as u64)] {
        request(get(&format!("Content-Length: {value}\r\n")), |request| {
            assert_eq!(request.framing, Framing::Length(length));
        });
    }
    for value in [
        "",
        "+3",
        "-3",
        "3_0",
        "3 0",
        "0x3",
        "3,3",
        "3, 3",
        "3;",
        "a",
        "3.0",
        "\u{663}",
        "9223372036854775808",
        "18446744073709551616",
        "18446744073709551619",
        "99999999999999999999999",
        ":",
        "3:",
        "/",
    ] {
        assert_eq!(request_fault(get(&format!("Content-Length: {value}\r\n"))).status, 400, "{value:?}");
    }
}

#[test]
fn a_second_length_is_refused_even_if_it_is_the_same() {
    for second in ["3", "4", ""] {
        let lines = format!("Content-Length: 3\r\ncontent-length: {second}\r\n");
        assert_eq!(request_fault(get(&lines)).status, 400);
    }
}

#[test]
fn chunked_alone_is_the_one_transfer_coding() {
    for value in ["chunked", "Chunked", " \t chunked \t "] {
        request(get(&format!("transfer-encoding:{value}\r\n")), |request| {
            assert_eq!(request.framing, Framing::Chunked);
        });
    }
    for value in [
        "",
        "gzip",
        "gzip, chunked",
        "chunked, gzip",
        "chunked, chunked",
        "chunked,",
        ",chunked",
        "identity",
        "xchunked",
        "chunked;a=b",
        "\"chunked\"",
        "chunke",
        "chunked\u{a0}",
    ] {
        assert_eq!(request_fault(get(&format!("Transfer-Encoding: {value}\r\n"))).status, 501, "{value:?}");
    }
    let twice = "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n";
    assert_eq!(request_fault(get(twice)).status, 400);
}

#[test]
fn a_length_beside_a_coding_is_refused() {
    for lines in [
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
        "Transfer-Encoding: gzip\r\nContent-Length: 3\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: x\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
    ] {
        assert_eq!(request_fault(get(lines)).status, 400, "{lines:?}");
    }
}

#[test]
fn http_1_0_has_no_transfer_coding() {
    assert_eq!(request_fault("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n").status, 400);
    request("POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\n", |request| {
        assert_eq!(request.framing, Framing::Length(2));
    });
}

#[test]
fn without_a_length_or_a_coding_there_is_no_body() {
    request("POST / HTTP/1.1\r\nHost: a\r\n\r\n", |request| assert_eq!(request.framing, Framing::None));
}

#[test]
fn names_that_a_service_takes_for_framing_are_refused() {
    for name in ["Content_Length", "content_length", "Transfer_Encoding", "TRANSFER_ENCODING"] {
        assert_eq!(request_fault(get(&format!("{name}: 3\r\n"))).status, 400, "{name}");
    }
    request(get("My_Field: 3\r\nContent_Type: x\r\n"), |request| {
        assert!(request.fields.iter().skip(1).all(|field| field.kind == Kind::Other));
    });
}

#[test]
fn only_a_100_is_waited_for_and_only_before_a_body() {
    let post = |version: &str, lines: &str| format!("POST / {version}\r\nHost: a\r\n{lines}\r\n");
    for (version, lines, expected) in [
        ("HTTP/1.1", "Expect: 100-continue\r\nContent-Length: 3\r\n", true),
        ("HTTP/1.1", "Expect: 100-Continue\r\nTransfer-Encoding: chunked\r\n", true),
        ("HTTP/1.1", "Expect: 100-continue\r\nContent-Length: 0\r\n", false),
        ("HTTP/1.1", "Expect: 100-continue\r\n", false),
        ("HTTP/1.1", "Content-Length: 3\r\n", false),
        ("HTTP/1.0", "Expect: 100-continue\r\nContent-Length: 3\r\n", false),
        ("HTTP/1.0", "Expect: other\r\nContent-Length: 3\r\n", false),
    ] {
        request(post(version, lines), |request| assert_eq!(request.expects_continue, expected, "{lines:?}"));
    }
    let head = post("HTTP/1.0", "Expect: other\r\nexpect: 100-continue\r\n");
    request(head, |request| assert_eq!(request.fields.get(Kind::Expect), None));
    for value in ["other", "100-continue, other", "100-continue; a=b", "", "200-ok"] {
        assert_eq!(request_fault(get(&format!("Expect: {value}\r\n"))).status, 417, "{value:?}");
        let twice = format!("Expect: 100-continue\r\nExpect: {value}\r\n");
        assert_eq!(request_fault(get(&twice)).status, 417, "{value:?}");
        let twice = format!("Expect: {value}\r\nExpect: 100-continue\r\n");
        assert_eq!(request_fault(get(&twice)).status, 417, "{value:?}");
    }
}

#[test]
fn trailers_are_accepted_by_those_who_say_so() {
    for (value, expected) in [
        ("trailers", true),
        ("Trailers", true),
        ("gzip;q=0.5, trailers", true),
        ("deflate", false),
        ("trailers;q=1", false),
        ("", false),
    ] {
        request(get(&format!("TE: {value}\r\n")), |request| {
            assert_eq!(request.accepts_trailers, expected, "{value:?}");
        });
    }
}

#[test]
fn a_fault_reads_as_a_short_sentence() {
    for head in ["GET", " /", "GET / HTTP/1.1\r\n\r\n", &get("Content-Length: x\r\n"), &get("Expect: x\r\n")]
    {
        let mut slots = Slots::new();
        if let Err(fault) = parse_request(head.as_bytes(), LIMITS, &mut slots) {
            assert!(fault.text.starts_with(|first: char| first.is_ascii_lowercase()), "{}", fault.text);
            assert!(!fault.text.ends_with('.') && fault.text.len() < 80, "{}", fault.text);
        }
    }
}
