//! Content-Length of a request (RFC 9112, section 6.3; RFC 9110, section 8.6).

use crate::case::{Case, get, post};

pub(crate) fn cases() -> Vec<Case> {
    let sized = |value: &str| post(format!("Content-Length: {value}\r\n"), "hello");
    vec![
        Case::bad(
            "length twice, differing",
            "9112 6.3",
            post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello!"),
        ),
        Case::bad(
            "length twice, alike",
            "9112 6.3",
            post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"),
        ),
        Case::bad(
            "length twice, alike as numbers",
            "9112 6.3",
            post("Content-Length: 5\r\nContent-Length: 05\r\n", "hello"),
        ),
        Case::bad(
            "length twice, one empty",
            "9112 6.3",
            post("Content-Length:\r\nContent-Length: 5\r\n", "hello"),
        ),
        Case::bad(
            "length twice, far apart and in other case",
            "9112 6.3",
            post("Content-Length: 5\r\nX-A: b\r\ncONTENT-lENGTH: 0\r\n", "hello"),
        ),
        Case::bad("length as a list, alike", "9112 6.3", sized("5, 5")),
        Case::bad("length as a list, differing", "9112 6.3", sized("5, 6")),
        Case::bad("length with an empty list member", "9112 6.3", sized("5,")),
        Case::bad("length with a plus", "9110 8.6", sized("+5")),
        Case::bad("length with a minus", "9110 8.6", sized("-5")),
        Case::bad("length minus zero", "9110 8.6", sized("-0")),
        Case::bad("length with a space inside", "9110 8.6", sized("5 5")),
        Case::bad("length with an underscore", "9110 8.6", sized("5_0")),
        Case::bad("length with a point", "9110 8.6", sized("5.0")),
        Case::bad("length with an exponent", "9110 8.6", sized("5e0")),
        Case::bad("length in hex", "9110 8.6", sized("0x5")),
        Case::bad("length with a letter", "9110 8.6", sized("5a")),
        Case::bad("length that is a word", "9110 8.6", sized("five")),
        Case::bad("length in quotes", "9110 8.6", sized("\"5\"")),
        Case::bad("length with a parameter", "9110 8.6", sized("5;a=b")),
        Case::bad("empty length", "9110 8.6", sized("")),
        Case::bad("length with a vertical tab", "9110 8.6", sized("\x0b5")),
        Case::bad("length in other digits", "9110 8.6", sized("５")),
        Case::bad("length over 64 bits", "9112 6.3", sized("18446744073709551621")),
        Case::bad("length of 40 digits", "9112 6.3", sized("1000000000000000000000000000000000000005")),
        Case::bad("length of a GET with a plus", "9110 8.6", get("Content-Length: +0\r\n")),
        Case::served("body by length", "9112 6.2", sized("5"))
            .sees_body("hello")
            .sees("\r\ncontent-length: 5\r\n"),
        Case::served("body by length, space around it", "9112 5.1", sized(" \t5\t ")).sees_body("hello"),
        Case::served("length with leading zeros is decimal", "9110 8.6", sized("0005")).sees_body("hello"),
        Case::served("length zero", "9112 6.2", post("Content-Length: 0\r\n", "")).sees_body(""),
        Case::served("length zero of a GET", "9112 6.2", get("Content-Length: 0\r\n")).sees_body(""),
        Case::served(
            "GET with a body",
            "9110 9.3.1",
            [get("Content-Length: 5\r\n"), b"hello".to_vec()].concat(),
        )
        .sees_body("hello"),
        Case::served(
            "DELETE with a body",
            "9110 9.3.5",
            "DELETE /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello",
        )
        .sees_body("hello"),
        Case::served("POST without a length has no body", "9112 6.3", post("", "")).sees_body(""),
        Case::served(
            "a request in a body is a body",
            "9112 6.2",
            post("Content-Length: 47\r\n", "GET /smuggled HTTP/1.1\r\nHost: evil.example\r\n\r\n."),
        )
        .sees_no("/smuggled"),
    ]
}
