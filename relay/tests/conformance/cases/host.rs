//! The Host field (RFC 9112, section 3.2; RFC 9110, section 7.2).

use crate::case::{Case, Ending};

pub(crate) fn cases() -> Vec<Case> {
    let hosts = |lines: &str| format!("GET / HTTP/1.1\r\n{lines}\r\n");
    let host = |value: &str| format!("GET / HTTP/1.1\r\nHost: {value}\r\n\r\n");
    vec![
        Case::bad("no Host", "9112 3.2", hosts("X-A: b\r\n")),
        Case::bad("Host twice, differing", "9112 3.2", hosts("Host: a.example\r\nHost: b.example\r\n")),
        Case::bad("Host twice, alike", "9112 3.2", hosts("Host: a.example\r\nHost: a.example\r\n")),
        Case::bad("Host twice, one empty", "9112 3.2", hosts("Host: a.example\r\nHost:\r\n")),
        Case::bad(
            "Host twice, far apart and in other case",
            "9112 3.2",
            hosts("Host: a.example\r\nX-A: b\r\nhOST: b.example\r\n"),
        ),
        Case::bad(
            "Host twice in 1.0",
            "9112 3.2",
            "GET / HTTP/1.0\r\nHost: a.example\r\nHost: b.example\r\n\r\n",
        ),
        Case::bad("Host with a space", "9112 3.2", host("a b")),
        Case::bad("Host with a slash", "9112 3.2", host("a.example/b")),
        Case::bad("Host with a backslash", "9112 3.2", host("a.example\\b")),
        Case::bad("Host with a question mark", "9112 3.2", host("a.example?b")),
        Case::bad("Host with a hash", "9112 3.2", host("a.example#b")),
        Case::bad("Host with user information", "9112 3.2", host("u@a.example")),
        Case::bad("Host that is a URI", "9112 3.2", host("http://a.example")),
        Case::bad("Host that is a list", "9112 3.2", host("a.example, b.example")),
        Case::bad("Host with a word for a port", "9112 3.2", host("a.example:http")),
        Case::bad("Host with a signed port", "9112 3.2", host("a.example:+80")),
        Case::bad("Host with two ports", "9112 3.2", host("a.example:80:80")),
        Case::bad("Host with an open bracket", "9112 3.2", host("[::1")),
        Case::bad("Host with a word after the bracket", "9112 3.2", host("[::1]a")),
        Case::bad("Host with a letter beyond ASCII", "9112 3.2", host("é.example")),
        Case::bad("invalid Host in 1.0", "9112 3.2", "GET / HTTP/1.0\r\nHost: a b\r\n\r\n"),
        Case::served("Host with a port", "9110 7.2", host("a.example:8080"))
            .sees("\r\nhost: a.example:8080\r\n"),
        Case::served("Host that is an IPv4 address", "9110 7.2", host("192.0.2.1"))
            .sees("\r\nhost: 192.0.2.1\r\n"),
        Case::served("Host that is an IPv6 address", "9110 7.2", host("[2001:db8::1]:80"))
            .sees("\r\nhost: [2001:db8::1]:80\r\n"),
        Case::served("Host with space around it", "9112 5.1", hosts("Host: \t a.example \t\r\n"))
            .sees("\r\nhost: a.example\r\n"),
        Case::served("Host need not come first", "9110 5.3", hosts("X-A: b\r\nHost: a.example\r\n"))
            .sees("\r\nhost: a.example\r\n"),
        Case::served("1.0 may lack Host, the service never", "9112 3.2", "GET / HTTP/1.0\r\n\r\n")
            .ending(Ending::Closed)
            .sees("GET / HTTP/1.1\r\n")
            .sees("\r\nhost:"),
    ]
}
