//! Interim answers and protocol switches (RFC 9110, sections 15.2 and 7.8).

use crate::case::{Answer, Case, Ending, Link, answer, ok};

const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";
const DONE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// More than any service has a reason for; the bound is well below.
const FLOOD: usize = 300;

pub(crate) fn cases() -> Vec<Case> {
    let then_done = |interim: &str, count: usize| format!("{}{DONE}", interim.repeat(count));
    let flooded = |name, interim: &str| {
        Case::passed(name, "9110 15.2", then_done(interim, FLOOD))
            .interim_passed_over()
            .status(&[0, 502])
            .ending(Ending::Any)
            .link(Link::Ended)
    };
    vec![
        Case::passed("103 passes", "9110 15.2", then_done(HINTS, 1)).replies(&[103, 200]).reads("ok"),
        Case::passed("fields of a 103 pass", "8297 2", then_done(HINTS, 1))
            .replies(&[103, 200])
            .first_reply_has("link: </a.css>; rel=preload\r\n"),
        Case::passed("several 103 pass", "9110 15.2", then_done(HINTS, 3))
            .replies(&[103, 103, 103, 200])
            .reads("ok"),
        Case::passed("unknown interim status passes", "9110 15.2", then_done("HTTP/1.1 199 Hm\r\n\r\n", 1))
            .replies(&[199, 200])
            .reads("ok"),
        Case::passed("102 passes", "9110 15.2", then_done("HTTP/1.1 102 Processing\r\n\r\n", 1))
            .replies(&[102, 200])
            .reads("ok"),
        Case::passed("103 before the body has come", "9110 15.2", "")
            .request("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello")
            .answers(&[Answer {
                at_head: HINTS.as_bytes().to_vec(),
                at_end: Some(DONE.as_bytes().to_vec()),
                ..Answer::default()
            }])
            .replies(&[103, 200])
            .sees_body("hello"),
        Case::passed(
            "length of an interim answer means nothing",
            "9112 6.3",
            then_done("HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n", 1),
        )
        .interim_passed_over()
        .status(&[200, 502])
        .link(Link::Any)
        .ending(Ending::Any)
        .reply_lacks("content-length: 5"),
        Case::rejected("body after an interim answer", "9112 6.3", format!("{HINTS}hello{DONE}"))
            .interim_passed_over(),
        Case::passed("32 interim answers are no flood", "9110 15.2", then_done(HINTS, 32))
            .interim_passed_over()
            .reads("ok"),
        flooded("flood of 103", HINTS),
        flooded("flood of 100", "HTTP/1.1 100 Continue\r\n\r\n"),
        Case::rejected("101 that was not asked for", "9110 15.2.2", SWITCH),
        Case::rejected(
            "101 that was not asked for, with an answer behind it",
            "9110 15.2.2",
            format!("{SWITCH}{DONE}"),
        ),
        Case::rejected("101 though Connection does not name Upgrade", "9110 7.8", SWITCH)
            .request("GET / HTTP/1.1\r\nHost: a.example\r\nUpgrade: echo\r\n\r\n"),
        Case::rejected("101 to 1.0", "9110 7.8", SWITCH)
            .request("GET / HTTP/1.0\r\nHost: a.example\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"),
        Case::served(
            "upgrade that the service declines",
            "9110 7.8",
            "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n",
        )
        .answers(&[answer(ok("Content-Length: 2\r\n", "ok"))])
        .reads("ok"),
    ]
}
