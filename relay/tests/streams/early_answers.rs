//! Answers that come before the request has been read: the client gets them whole, whatever it still sends.

use std::io::{Read, Write};
use std::thread;

use crate::peer::{Close, Peer, chunk};
use crate::rig::{CHUNKED, Origin, Rig};

const BODY: usize = 10 << 20;
const TOO_LARGE: &str = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\n\r\nless";

/// Sends a request with a body of 10 MiB while `answers` plays the service; answers what the client then reads.
fn sends_all(rig: &Rig, origin: &Origin, answers: impl Fn(Peer)) -> Peer {
    let client = rig.client();
    let mut tcp = client.try_clone();
    thread::scope(|scope| {
        let sending = scope.spawn(move || {
            write!(tcp, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {BODY}\r\n\r\n")?;
            tcp.write_all(&vec![7; BODY])
        });
        answers(origin.accept());
        sending.join().unwrap().expect("nothing cuts the client off while it sends");
    });
    client
}

#[test]
fn a_413_reaches_a_client_that_first_sends_everything() {
    for (rig, is_alone) in [(Rig::front as fn(&Origin) -> Rig, true), (Rig::chain, false)] {
        for close in [Close::Fin, Close::Reset] {
            let origin = Origin::start();
            let rig = rig(&origin);
            let mut client = sends_all(&rig, &origin, |mut service| {
                service.head();
                service.send(TOO_LARGE);
                service.end(close);
            });
            let answer = client.message();
            assert_eq!((answer.status(), answer.text()), (413, "less"));
            // The sockets before a node may hold all of the body, and then the front end has sent it.
            let is_last = answer.header("connection") == Some("close");
            assert!(is_last || !is_alone);
            if is_last {
                assert_eq!(client.expect_end(), Close::Fin);
            }
            rig.comes_to_rest();
            assert_eq!(rig.failures(), []);
        }
    }
}

#[test]
fn so_does_one_of_a_service_that_reads_on() {
    let origin = Origin::start();
    let rig = Rig::chain(&origin);
    let mut client = sends_all(&rig, &origin, |mut service| {
        service.head();
        service.send(TOO_LARGE);
        let mut read = service.take_buffered().len();
        let mut part = vec![0; 64 * 1024];
        while read < BODY {
            match service.tcp().read(&mut part).unwrap_or(0) {
                0 => break,
                count => read += count,
            }
        }
    });
    let answer = client.message();
    assert_eq!((answer.status(), answer.text()), (413, "less"));
    rig.comes_to_rest();
    assert_eq!(rig.failures(), []);
}

#[test]
fn a_service_that_goes_away_while_it_is_sent_a_body_is_lost_and_the_client_hears_of_it() {
    let origin = Origin::start();
    let rig = Rig::front(&origin);
    let mut client = sends_all(&rig, &origin, |mut service| {
        service.head();
        service.end(Close::Reset);
    });
    let answer = client.message();
    assert_eq!((answer.status(), answer.reason()), (502, Some("upstream-closed")));
    assert_eq!(client.expect_end(), Close::Fin);
    assert!(!origin.has_more_connections(), "a part of a body is not sent twice");
}

#[test]
fn an_answer_that_has_begun_is_not_mixed_with_one_of_the_relays_own() {
    let origin = Origin::start();
    let rig = Rig::front(&origin);
    for (head, part) in
        [(CHUNKED, chunk("part")), ("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"part".to_vec())]
    {
        // The body breaks the rules, and it ends too early.
        for fault in [Some("no chunk\r\n"), None] {
            let mut client = rig.client();
            client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
            let mut service = origin.accept();
            service.head();
            assert_eq!(service.chunk().unwrap(), b"one");
            service.send(head);
            service.send(&part);
            client.head();
            assert_eq!(client.bytes(part.len()), part);
            match fault {
                Some(words) => client.send(words),
                None => client.finish(),
            }
            service.expect_end();
            let rest = client.rest();
            assert_eq!(String::from_utf8_lossy(&rest), "", "behind an answer that had begun");
            rig.comes_to_rest();
        }
    }
    assert_eq!(rig.failures(), []);
}
