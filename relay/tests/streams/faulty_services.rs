//! Services that reset, stall, lie about their length or talk nonsense: what the client gets, who is blamed, and
//! whether another copy is asked. The other copy is always there and always well.

use std::time::Duration;

use relay::{Failure, Settings};

use crate::peer::{Close, Peer};
use crate::rig::{GET, OK, Origin, Rig, Told, upstream};

const POST: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";

/// What the client sees.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    /// The other copy's answer.
    Other,
    /// An answer of the relay's own.
    Refused(u16, &'static str),
    /// A 200 with this body.
    Whole(&'static str),
    /// A 200 with this much of its body, and a reset.
    Broken(&'static str),
}

/// A faulty service, a request that meets it, and what comes of that.
fn meets(request: &str, plays: impl Fn(Peer), seen: Seen, blamed: &[Failure]) {
    let (faulty, well) = (Origin::start(), Origin::start());
    let upstreams = [upstream("faulty", faulty.address), upstream("well", well.address)];
    let settings = Settings { first_byte_timeout: Duration::from_millis(150), ..Settings::default() };
    let rig = Rig::with(Told::in_order(&upstreams.each_ref()), settings);
    let mut client = rig.client();
    client.send(request);
    let mut connection = faulty.accept();
    connection.message();
    plays(connection);
    if seen == Seen::Other {
        let mut other = well.accept();
        other.message();
        other.send(OK);
        let answer = client.message();
        assert_eq!((answer.status(), answer.header("x-accordion-served-by")), (200, Some("well")));
    } else {
        assert_eq!(saw(&mut client, &seen), seen);
        assert!(!well.has_more_connections(), "it was repeated");
    }
    rig.comes_to_rest();
    let blamed = blamed.iter().map(|failure| ("faulty".to_owned(), *failure)).collect::<Vec<_>>();
    assert_eq!(rig.failures(), blamed);
    assert_eq!(rig.relay.counters().retries, u64::from(seen == Seen::Other));
}

fn saw(client: &mut Peer, expected: &Seen) -> Seen {
    match expected {
        Seen::Broken(part) => {
            assert_eq!(client.head().status(), 200);
            let (rest, close) = client.rest_and_close();
            let is_broken = close == Close::Reset && rest == part.as_bytes();
            if is_broken { Seen::Broken(part) } else { panic!("{close:?} after {rest:?}") }
        }
        Seen::Whole(body) => {
            let answer = client.message();
            assert_eq!((answer.status(), answer.text()), (200, *body));
            Seen::Whole(body)
        }
        Seen::Refused(status, reason) => {
            let answer = client.message();
            assert_eq!((answer.status(), answer.reason()), (*status, Some(*reason)));
            Seen::Refused(*status, reason)
        }
        Seen::Other => unreachable!("that is seen elsewhere"),
    }
}

fn says(words: &'static str, close: Close) -> impl Fn(Peer) {
    move |mut peer| {
        peer.send(words);
        peer.end(close);
    }
}

const CLOSES: [Close; 2] = [Close::Fin, Close::Reset];

#[test]
fn one_that_ends_before_its_answer_loses_a_get_to_the_other_and_a_post_for_good() {
    for close in CLOSES {
        meets(GET, |peer| peer.end(close), Seen::Other, &[Failure::Closed]);
        meets(POST, |peer| peer.end(close), Seen::Refused(502, "upstream-closed"), &[Failure::Closed]);
    }
}

#[test]
fn one_that_ends_within_the_head_of_its_answer_is_a_bad_response() {
    for close in CLOSES {
        for request in [GET, POST] {
            let seen = Seen::Refused(502, "bad-response");
            meets(request, says("HTTP/1.1 200 OK\r\nContent-Le", close), seen, &[Failure::Truncated]);
        }
    }
}

#[test]
fn one_that_ends_after_an_interim_answer_only_is_a_bad_response() {
    let (faulty, well) = (Origin::start(), Origin::start());
    let upstreams = [upstream("faulty", faulty.address), upstream("well", well.address)];
    let rig = Rig::start(Told::in_order(&upstreams.each_ref()));
    let mut client = rig.client();
    client.send(GET);
    let mut connection = faulty.accept();
    connection.message();
    connection.send("HTTP/1.1 103 Early Hints\r\n\r\n");
    assert_eq!(client.head().status(), 103);
    connection.end(Close::Fin);
    assert_eq!(client.message().status(), 502);
    assert!(!well.has_more_connections(), "it was repeated");
    assert_eq!(rig.failures(), [("faulty".to_owned(), Failure::Truncated)]);
}

#[test]
fn one_that_ends_within_its_body_is_seen_to_break_off() {
    for close in CLOSES {
        meets(
            GET,
            says("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", close),
            Seen::Broken("short"),
            &[Failure::Truncated],
        );
        meets(
            GET,
            says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n", close),
            Seen::Broken("5\r\nshort\r\n"),
            &[Failure::Truncated],
        );
    }
    // Without a length a reset is all that tells a broken answer from a whole one.
    meets(
        GET,
        says("HTTP/1.1 200 OK\r\n\r\nshort", Close::Reset),
        Seen::Broken("5\r\nshort\r\n"),
        &[Failure::Truncated],
    );
}

#[test]
fn one_that_stalls_is_a_504_and_nobody_else_is_asked() {
    for request in [GET, POST] {
        let seen = Seen::Refused(504, "first-byte-timeout");
        meets(
            request,
            |mut peer| assert_eq!(peer.expect_end(), Close::Fin),
            seen,
            &[Failure::FirstByteTimeout],
        );
    }
}

#[test]
fn one_that_talks_nonsense_is_a_bad_response() {
    for words in [
        "\0\x01\x02 nonsense\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 abc OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    ] {
        let seen = Seen::Refused(502, "bad-response");
        meets(GET, says(words, Close::Fin), seen, &[Failure::Truncated]);
    }
    meets(
        GET,
        says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nzz\r\n", Close::Fin),
        Seen::Broken("2\r\nok\r\n"),
        &[Failure::Truncated],
    );
}

#[test]
fn what_one_sends_beyond_its_length_reaches_nobody_and_its_connection_is_not_used_again() {
    const LONG: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlong and longer";
    meets(GET, says(LONG, Close::Fin), Seen::Whole("long"), &[]);
    // Nor does the next request on the client's connection get any of it, and the surplus may come late.
    for late in [false, true] {
        let origin = Origin::start();
        let rig = Rig::front(&origin);
        let (mut client, mut service) = rig.asked(&origin, GET);
        let now = if late { LONG.len() - 11 } else { LONG.len() };
        service.send(&LONG[..now]);
        assert_eq!(client.message().text(), "long");
        if late {
            service.send(&LONG[now..]);
        }
        client.send(GET);
        service.expect_end();
        let mut service = origin.accept();
        service.message();
        service.send(OK);
        assert_eq!(client.message().text(), "ok");
        assert_eq!(rig.failures(), []);
    }
}
