//! The request target in its four forms (RFC 9112, section 3.2).

use crate::case::{Case, Ending};

pub(crate) fn cases() -> Vec<Case> {
    let to = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: a.example\r\n\r\n");
    let any = |line: &str| format!("{line}\r\nHost: a.example\r\n\r\n");
    vec![
        Case::bad("space in the target", "9112 3.2", to("/a b")),
        Case::bad("tab in the target", "9112 3.2", to("/a\tb")),
        Case::bad("NUL in the target", "9112 3.2", to("/a\0b")),
        Case::bad("control in the target", "9112 3.2", to("/a\x01b")),
        Case::bad("DEL in the target", "9112 3.2", to("/a\x7fb")),
        Case::bad("bare CR in the target", "9112 2.2", to("/a\rb")),
        Case::bad("letter beyond ASCII in the target", "3986 2", to("/é")),
        Case::bad("fragment in the target", "9112 3.2", to("/a#b")),
        Case::bad("fragment in the query", "9112 3.2", to("/a?b#c")),
        Case::bad("path without its slash", "9112 3.2.1", to("index.html")),
        Case::bad("query alone", "9112 3.2.1", to("?a=b")),
        Case::bad("authority without CONNECT", "9112 3.2.3", to("a.example:80")),
        Case::bad("asterisk without OPTIONS", "9112 3.2.4", to("*")),
        Case::bad("asterisk and more", "9112 3.2.4", any("OPTIONS *a HTTP/1.1")),
        Case::bad("asterisk with a query", "9112 3.2.4", any("OPTIONS *?a HTTP/1.1")),
        Case::bad("absolute form whose host is not in Host", "9112 3.2.2", to("http://b.example/")),
        Case::bad("absolute form whose port is not in Host", "9112 3.2.2", to("http://a.example:8080/")),
        Case::bad("absolute form without a host", "9110 4.2.1", to("http:///a")),
        Case::bad("absolute form with user information", "9110 4.2.4", to("http://u:p@a.example/")),
        Case::bad("absolute form with a broken port", "3986 3.2.3", to("http://a.example:8x/")),
        Case::bad("absolute form without Host in 1.1", "9112 3.2", "GET http://a.example/ HTTP/1.1\r\n\r\n"),
        Case::refused(
            "CONNECT",
            "9110 9.3.6",
            "CONNECT a.example:80 HTTP/1.1\r\nHost: a.example:80\r\n\r\n",
            &[405],
        )
        .reply_has("\r\nallow:"),
        Case::refused("CONNECT to a path", "9112 3.2.3", any("CONNECT / HTTP/1.1"), &[400, 405]),
        Case::refused("TRACE", "9110 9.3.8", any("TRACE / HTTP/1.1"), &[405]).reply_has("\r\nallow:"),
        Case::served("absolute form becomes origin form", "9112 3.2.2", to("http://a.example/a?b=c"))
            .sees("GET /a?b=c HTTP/1.1\r\n")
            .sees("\r\nhost: a.example\r\n")
            .sees_no("http://"),
        Case::served("scheme and host are compared in any case", "9110 4.2.3", to("HTTP://A.EXAMPLE/a"))
            .sees("GET /a HTTP/1.1\r\n"),
        Case::served("absolute form without a path asks for /", "9112 3.2.1", to("http://a.example"))
            .sees("GET / HTTP/1.1\r\n"),
        Case::served(
            "absolute form with a query alone asks for /?",
            "9112 3.2.1",
            to("http://a.example?b=c"),
        )
        .sees("GET /?b=c HTTP/1.1\r\n"),
        Case::served(
            "absolute form with the port of Host",
            "9112 3.2.2",
            "GET http://a.example:81/ HTTP/1.1\r\nHost: a.example:81\r\n\r\n",
        )
        .sees("\r\nhost: a.example:81\r\n"),
        Case::served(
            "absolute form in 1.0 gives the Host",
            "9112 3.2.2",
            "GET http://a.example/a HTTP/1.0\r\n\r\n",
        )
        .ending(Ending::Closed)
        .sees("GET /a HTTP/1.1\r\n")
        .sees("\r\nhost: a.example\r\n"),
        Case::served("OPTIONS *", "9112 3.2.4", any("OPTIONS * HTTP/1.1")).sees("OPTIONS * HTTP/1.1\r\n"),
        Case::served(
            "OPTIONS of a server in absolute form becomes *",
            "9112 3.2.4",
            any("OPTIONS http://a.example HTTP/1.1"),
        )
        .sees("OPTIONS * HTTP/1.1\r\n"),
        Case::served("OPTIONS of a path", "9110 9.3.7", any("OPTIONS /a HTTP/1.1"))
            .sees("OPTIONS /a HTTP/1.1\r\n"),
        Case::served("percent-encoding is left alone", "9112 3.2.1", to("/%2e%2F%7e?%20=%zz"))
            .sees("GET /%2e%2f%7e?%20=%zz "),
        Case::served("dot segments are left alone", "9112 3.2.1", to("/a/../b/./c")).sees("GET /a/../b/./c "),
        Case::served("double slashes are left alone", "9112 3.2.1", to("//a//b")).sees("GET //a//b "),
        Case::served("an empty query is left alone", "9112 3.2.1", to("/a?")).sees("GET /a? "),
    ]
}
