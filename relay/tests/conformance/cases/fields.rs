//! Field lines of a request (RFC 9112, section 5; RFC 9110, sections 5.1 and 5.5).

use crate::case::{Case, get, post};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::bad("space before a colon", "9112 5.1", get("X-A : b\r\n")),
        Case::bad("tab before a colon", "9112 5.1", get("X-A\t: b\r\n")),
        Case::bad("space before the colon of Host", "9112 5.1", "GET / HTTP/1.1\r\nHost : a.example\r\n\r\n"),
        Case::bad(
            "space before the colon of Content-Length",
            "9112 5.1",
            post("Content-Length : 5\r\n", "hello"),
        ),
        Case::bad(
            "space before the colon of Transfer-Encoding",
            "9112 5.1",
            post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"),
        ),
        Case::bad("space before the first field", "9112 2.2", "GET / HTTP/1.1\r\n Host: a.example\r\n\r\n"),
        Case::bad(
            "tab before the first field",
            "9112 2.2",
            "GET / HTTP/1.1\r\n\tX: y\r\nHost: a.example\r\n\r\n",
        ),
        Case::bad(
            "a line of space before the first field",
            "9112 2.2",
            "GET / HTTP/1.1\r\n \r\nHost: a.example\r\n\r\n",
        ),
        Case::bad("folded with a space", "9112 5.2", get("X-A: b\r\n c\r\n")),
        Case::bad("folded with a tab", "9112 5.2", get("X-A: b\r\n\tc\r\n")),
        Case::bad(
            "folded before its value",
            "9112 5.2",
            post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"),
        ),
        Case::bad("folded into a field", "9112 5.2", post("X-A: b\r\n Content-Length: 5\r\n", "hello")),
        Case::bad("folded with nothing", "9112 5.2", get("X-A: b\r\n \r\n")),
        Case::bad("bare CR in a value", "9112 2.2", get("X-A: b\rc\r\n")),
        Case::bad("bare CR that hides a field", "9112 2.2", get("X-A: b\rContent-Length: 5\r\n")),
        Case::bad("bare CR in a name", "9112 2.2", get("X\rA: b\r\n")),
        Case::bad("bare CR before a name", "9112 2.2", get("\rX-A: b\r\n")),
        Case::bad("two CR at the end of a line", "9112 2.2", get("X-A: b\r\r\n")),
        Case::bad("bare CR for a line end", "9112 2.2", get("X-A: b\rX-B: c\r\n")),
        Case::bad(
            "bare CR for the last line end",
            "9112 2.2",
            "GET / HTTP/1.1\r\nHost: a.example\r\n\r\r\n\r\n",
        ),
        Case::bad("NUL in a value", "9110 5.5", get("X-A: b\0c\r\n")),
        Case::bad("NUL in a name", "9110 5.1", get("X\0A: b\r\n")),
        Case::bad("control 0x01 in a value", "9110 5.5", get("X-A: b\x01c\r\n")),
        Case::bad("backspace in a value", "9110 5.5", get("X-A: b\x08c\r\n")),
        Case::bad("vertical tab in a value", "9110 5.5", get("X-A: b\x0bc\r\n")),
        Case::bad("form feed in a value", "9110 5.5", get("X-A: b\x0cc\r\n")),
        Case::bad("escape in a value", "9110 5.5", get("X-A: b\x1bc\r\n")),
        Case::bad("control 0x1f in a value", "9110 5.5", get("X-A: b\x1fc\r\n")),
        Case::bad("DEL in a value", "9110 5.5", get("X-A: b\x7fc\r\n")),
        Case::bad("control in a name", "9110 5.1", get("X\x01A: b\r\n")),
        Case::bad("DEL in a name", "9110 5.1", get("X\x7fA: b\r\n")),
        Case::bad("space in a name", "9110 5.1", get("X A: b\r\n")),
        Case::bad("parenthesis in a name", "9110 5.1", get("X(A: b\r\n")),
        Case::bad("slash in a name", "9110 5.1", get("X/A: b\r\n")),
        Case::bad("at sign in a name", "9110 5.1", get("X@A: b\r\n")),
        Case::bad("quote in a name", "9110 5.1", get("\"X\": b\r\n")),
        Case::bad("letter beyond ASCII in a name", "9110 5.1", get("Xé: b\r\n")),
        Case::bad("no name", "9110 5.1", get(": b\r\n")),
        Case::bad("no colon", "9112 5", get("X-A\r\n")),
        Case::bad("no colon in a line that was meant for a request", "9112 5", get("GET / HTTP/1.1\r\n")),
        Case::bad("Content_Length", "proxies that take _ for -", post("Content_Length: 5\r\n", "")),
        Case::bad(
            "Transfer_Encoding",
            "proxies that take _ for -",
            post("Transfer_Encoding: chunked\r\n", "0\r\n\r\n"),
        ),
        Case::bad(
            "Content_Length beside Content-Length",
            "proxies that take _ for -",
            post("Content-Length: 5\r\nCONTENT_LENGTH: 0\r\n", "hello"),
        ),
        Case::served("obs-text in a value", "9110 5.5", get(b"X-A: b\xe9\xffc\r\n"))
            .sees("\r\nx-a: b\u{fffd}\u{fffd}c\r\n"),
        Case::served("UTF-8 in a value", "9110 5.5", get("X-A: é\r\n")).sees("\r\nx-a: é\r\n"),
        Case::served("tab in a value", "9110 5.5", get("X-A: b\tc\r\n")).sees("\r\nx-a: b\tc\r\n"),
        Case::served("empty value", "9110 5.5", get("X-A:\r\n")).sees("\r\nx-a:"),
        Case::served("value of nothing but space", "9112 5.1", get("X-A: \t \r\n")).sees("\r\nx-a:"),
        Case::served("space around a value ends here", "9112 5.1", get("X-A:\t  b  c \t\r\n"))
            .sees("x-a: b  c\r\n"),
        Case::served("no space before a value", "9112 5.1", get("X-A:b\r\n")).sees("x-a: b\r\n"),
        Case::served("colon in a value", "9112 5", get("X-A: :b: c\r\n")).sees("x-a: :b: c\r\n"),
        Case::served("name of every token character", "9110 5.6.2", get("!#$%&'*+-.^_`|~09az: b\r\n"))
            .sees("!#$%&'*+-.^_`|~09az: b\r\n"),
        Case::served("underscore in another name", "9110 5.1", get("X_A: b\r\n")).sees("\r\nx_a: b\r\n"),
        Case::served(
            "one field in several lines keeps its order",
            "9110 5.3",
            get("X-A: b\r\nX-B: c\r\nX-A: d\r\n"),
        )
        .sees("x-a: b\r\n")
        .sees("x-a: d\r\n"),
    ]
}
