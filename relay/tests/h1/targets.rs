//! Request targets and what is left of them.

use relay::h1::Target;

use crate::{request, request_fault};

fn read(line: &str, host: &str) -> (String, String) {
    request(format!("{line} HTTP/1.1\r\nHost: {host}\r\n\r\n"), |request| {
        let mut written = Vec::new();
        request.target.write(&mut written);
        assert_eq!(written, request.target.to_string().as_bytes());
        (request.target.to_string(), String::from_utf8(request.host.to_vec()).expect("UTF-8"))
    })
}

#[test]
fn the_origin_form_stays_as_it_is() {
    for target in ["/", "/a/b?c=d&e", "//a", "/%41%zz", "/a?http://b", "/\"<>[]^`{|}\\", "/*"] {
        assert_eq!(read(&format!("GET {target}"), "h"), (target.to_owned(), "h".to_owned()));
    }
}

#[test]
fn the_absolute_form_is_reduced_to_the_origin_form() {
    for (target, host, expected) in [
        ("http://h/", "h", "/"),
        ("http://h", "h", "/"),
        ("http://h?x=/y", "h", "/?x=/y"),
        ("http://h/a?b", "h", "/a?b"),
        ("HTTPS://h:443/a", "h:443", "/a"),
        ("http://h/a@b", "h", "/a@b"),
        ("http://[::1]:80/", "[::1]:80", "/"),
        ("http://h//x", "h", "//x"),
    ] {
        assert_eq!(read(&format!("GET {target}"), host), (expected.to_owned(), host.to_owned()), "{target}");
    }
}

#[test]
fn the_authority_of_the_absolute_form_is_the_host() {
    assert_eq!(read("GET http://H.example/", "h.EXAMPLE").1, "H.example");
    request("GET http://h/ HTTP/1.0\r\n\r\n", |request| assert_eq!(request.host, b"h"));
    for host in ["other", "h:80", "", "user@h", "h.", "h, h"] {
        let head = format!("GET http://h/ HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_eq!(request_fault(head).status, 400, "{host:?}");
    }
}

#[test]
fn the_asterisk_goes_with_options() {
    request("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", |request| assert_eq!(request.target, Target::Asterisk));
    assert_eq!(read("OPTIONS http://h", "h").0, "*");
    assert_eq!(read("OPTIONS http://h/", "h").0, "/");
    assert_eq!(read("OPTIONS http://h?x", "h").0, "/?x");
    for line in ["GET *", "options *", "OPTIONS **", "OPTIONS *?x"] {
        assert_eq!(request_fault(format!("{line} HTTP/1.1\r\nHost: h\r\n\r\n")).status, 400, "{line}");
    }
}

#[test]
fn other_targets_are_refused() {
    for target in [
        "h:80",
        "h",
        "a/b",
        "?x",
        "ftp://h/",
        "http:/h",
        "http:h",
        "http://",
        "http:///a",
        "http://?x",
        "://h/",
        "ws://h/",
        "http://a b/",
        "http://a@b@h/",
        "http://h:x/",
        "http://h:99999/",
        "http://[::1/",
        "http://:80/",
        "/a#b",
        "http://h/#",
        "http://h#x",
        "/\u{e9}",
        "http://\u{e9}/",
        "http://a\\b/",
        "http://@/",
        "javascript://h/",
    ] {
        let head = format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_eq!(request_fault(head).status, 400, "{target}");
    }
    assert_eq!(request_fault(b"GET /\xff\xfe HTTP/1.1\r\nHost: h\r\n\r\n").status, 400);
}

#[test]
fn no_control_character_is_in_a_target() {
    for byte in (0..=b' ').chain(0x7f..=u8::MAX) {
        let mut head = b"GET /0123456789abcdef".to_vec();
        head.push(byte);
        head.extend_from_slice(b"0123456789abcdef0123456789abcdef HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_eq!(request_fault(head).status, 400, "{byte:#x}");
    }
}
