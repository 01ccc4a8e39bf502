//! Limits of a request's head: 16 KiB, 100 fields (RFC 9112, section 3; RFC 9110, section 5.4).

use crate::case::{Case, get};

pub(crate) fn cases() -> Vec<Case> {
    let target = |length: usize| format!("GET /{} HTTP/1.1\r\nHost: a.example\r\n\r\n", "a".repeat(length));
    let field = |length: usize| get(format!("X-A: {}\r\n", "b".repeat(length)));
    let fields = |count: usize| {
        let lines: String = (0..count).map(|index| format!("X-{index}: b\r\n")).collect();
        get(lines)
    };
    let wide = |count: usize, length: usize| {
        let lines: String =
            (0..count).map(|index| format!("X-{index}: {}\r\n", "b".repeat(length))).collect();
        get(lines)
    };
    vec![
        Case::refused("target of 20 KiB", "9112 3", target(20 * 1024), &[414]),
        Case::refused("target of 100 KiB", "9112 3", target(100 * 1024), &[414]),
        Case::refused(
            "query of 20 KiB",
            "9112 3",
            format!("GET /?{} HTTP/1.1\r\nHost: a.example\r\n\r\n", "a".repeat(20 * 1024)),
            &[414],
        ),
        Case::refused(
            "method of 20 KiB",
            "9112 3",
            format!("{} / HTTP/1.1\r\nHost: a.example\r\n\r\n", "A".repeat(20 * 1024)),
            &[400, 414, 501],
        ),
        Case::refused("field of 20 KiB", "6585 5", field(20 * 1024), &[431]),
        Case::refused("field of 100 KiB", "6585 5", field(100 * 1024), &[431]),
        Case::refused(
            "field name of 20 KiB",
            "6585 5",
            get(format!("{}: b\r\n", "X".repeat(20 * 1024))),
            &[431],
        ),
        Case::refused("fields of 20 KiB together", "6585 5", wide(20, 1024), &[431]),
        Case::refused("101 fields", "6585 5", fields(100), &[431]),
        Case::refused("1000 fields", "6585 5", fields(1000), &[431]),
        Case::refused(
            "head that never ends",
            "6585 5",
            format!("GET / HTTP/1.1\r\nHost: a.example\r\n{}", "X-A: b\r\n".repeat(8 * 1024)),
            &[431],
        ),
        Case::refused(
            "20 KiB of empty lines before a request",
            "9112 2.2",
            [b"\r\n".repeat(10 * 1024), get("")].concat(),
            &[400, 414, 431],
        ),
        Case::served("100 fields", "6585 5", fields(99)).sees("\r\nx-98: b\r\n"),
        Case::served("target of 8000 bytes", "9112 3", target(7999)),
        Case::served("field of 8000 bytes", "9110 5.4", field(8000)),
        Case::served("field of 15 KiB", "9110 5.4", field(15 * 1024)),
        Case::served("fields of 12 KiB together", "9110 5.4", wide(12, 1000)).sees("\r\nx-11: "),
    ]
}
