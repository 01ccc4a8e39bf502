//! Expect (RFC 9110, section 10.1.1): the word to go on comes from the service.

use crate::case::{Answer, Case, Ending, Step, Then, get, post};

const ASKS: &str = "Expect: 100-continue\r\nContent-Length: 5\r\n";
const GO_ON: &str = "HTTP/1.1 100 Continue\r\n\r\n";

pub(crate) fn cases() -> Vec<Case> {
    let refused = |name, value: &str| {
        Case::refused(
            name,
            "9110 10.1.1",
            post(format!("Expect: {value}\r\nContent-Length: 5\r\n"), "hello"),
            &[417],
        )
    };
    let going_on = || Answer { at_head: GO_ON.as_bytes().to_vec(), ..Answer::default() };
    let ask = |name, lines: &str| {
        Case::served(name, "9110 10.1.1", "")
            .steps(vec![Step::Send(post(lines, "")), Step::Read, Step::Send(b"hello".to_vec())])
            .answers(&[going_on()])
            .replies(&[100, 200])
            .sees_body("hello")
    };
    vec![
        refused("unknown expectation", "200-ok"),
        refused("expectation with a parameter", "100-continue;a=b"),
        refused("expectation and another", "100-continue, 200-ok"),
        refused("expectation that begins well", "100-continued"),
        Case::refused("unknown expectation of a GET", "9110 10.1.1", get("Expect: b\r\n"), &[417]),
        ask("the service says go on", ASKS).sees("\r\nexpect: 100-continue\r\n"),
        ask("the service says go on, asked in other case", "eXPECT: 100-Continue\r\nContent-Length: 5\r\n"),
        Case::served("the service says go on to chunks", "9110 10.1.1", "")
            .steps(vec![
                Step::Send(post("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n", "")),
                Step::Read,
                Step::Send(b"5\r\nhello\r\n0\r\n\r\n".to_vec()),
            ])
            .answers(&[going_on()])
            .replies(&[100, 200])
            .sees_body("hello"),
        Case::served("the service says no before the body", "9110 10.1.1", "")
            .steps(vec![Step::Send(post(ASKS, "")), Step::Read, Step::Send(b"GET /".to_vec())])
            .answers(&[Answer {
                at_head: b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n".to_vec(),
                then: Then::Rest,
                ..Answer::default()
            }])
            .status(&[413])
            .ending(Ending::Any)
            .requests(1),
        Case::served("the body does not wait for the word", "9110 10.1.1", post(ASKS, "hello"))
            .interim_passed_over()
            .sees_body("hello"),
        Case::served("expectation without a body", "9110 10.1.1", get("Expect: 100-continue\r\n"))
            .interim_passed_over(),
        Case::served(
            "expectation of 1.0 is ignored",
            "9110 10.1.1",
            "POST / HTTP/1.0\r\nHost: a.example\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
        )
        .ending(Ending::Closed)
        .sees_body("hello"),
    ]
}
