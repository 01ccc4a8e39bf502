//! Whole messages through a front end and a node: interim answers, expectations, trailers, answers without a
//! body or without an end of their own, old clients, pipelines.

use std::thread;

use crate::peer::{Close, chunk};
use crate::rig::{CHUNKED, GET, OK, Origin, Rig};

const EXPECTS: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
const GO_ON: &str = "HTTP/1.1 100 Continue\r\n\r\n";
const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n";

#[test]
fn an_expectation_is_met_by_the_service_and_both_connections_stay() {
    let origin = Origin::start();
    let rig = Rig::chain(&origin);
    let mut client = rig.client();
    client.send(EXPECTS);
    let mut service = origin.accept();
    assert_eq!(service.head().header("expect"), Some("100-continue"));
    for _ in 0..2 {
        service.send(GO_ON);
        assert_eq!(client.head().status(), 100);
        client.send("hello");
        assert_eq!(service.bytes(5), b"hello");
        service.send(OK);
        assert_eq!(client.message().text(), "ok");
        client.send(EXPECTS);
        service.head();
    }
    assert!(!origin.has_more_connections());
}

#[test]
fn an_expectation_that_is_declined_ends_both_connections_after_the_answer() {
    let origin = Origin::start();
    let rig = Rig::chain(&origin);
    let mut client = rig.client();
    client.send(EXPECTS);
    let mut service = origin.accept();
    service.head();
    service.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno");
    let answer = client.message();
    assert_eq!((answer.status(), answer.text(), answer.header("connection")), (401, "no", Some("close")));
    assert_eq!(client.expect_end(), Close::Fin);
    service.expect_end();
    rig.comes_to_rest();
    assert_eq!(rig.failures(), []);
}

#[test]
fn interim_answers_pass_at_once_and_in_order() {
    for interims in [&[103][..], &[100, 103], &[103, 100, 103, 103], &[102, 199]] {
        let origin = Origin::start();
        let rig = Rig::chain(&origin);
        let mut client = rig.client();
        client.send(EXPECTS);
        let mut service = origin.accept();
        service.head();
        for (number, status) in interims.iter().enumerate() {
            service.send(format!("HTTP/1.1 {status} Word\r\nX-Number: {number}\r\n\r\n"));
            let interim = client.head();
            assert_eq!(interim.status(), *status);
            assert_eq!(interim.header("x-number"), Some(number.to_string().as_str()));
        }
        client.send("hello");
        assert_eq!(service.bytes(5), b"hello");
        // The last of them may come with the answer.
        service.send(format!("{HINTS}{OK}"));
        assert_eq!(client.head().header("link"), Some("</a.css>; rel=preload"));
        assert_eq!(client.message().text(), "ok");
    }
}

#[test]
fn a_100_that_nobody_asked_for_and_any_interim_answer_to_http_1_0_go_no_further() {
    for (request, words) in [(GET, GO_ON), ("GET / HTTP/1.0\r\nHost: a\r\n\r\n", HINTS)] {
        let origin = Origin::start();
        let rig = Rig::chain(&origin);
        let mut client = rig.client();
        client.send(request);
        let mut service = origin.accept();
        service.head();
        service.send(words);
        service.send(OK);
        let answer = client.message();
        assert_eq!((answer.status(), answer.text()), (200, "ok"));
    }
}

#[test]
fn trailers_pass_both_ways() {
    let origin = Origin::start();
    let rig = Rig::chain(&origin);
    let mut client = rig.client();
    client.send(
        "POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\nTrailer: X-Sum\r\n\
         Transfer-Encoding: chunked\r\n\r\n",
    );
    client.send(chunk("one"));
    let mut service = origin.accept();
    let head = service.head();
    assert_eq!((head.header("te"), head.header("trailer")), (Some("trailers"), Some("X-Sum")));
    assert_eq!(service.chunk().unwrap(), b"one");
    client.send("0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n");
    assert_eq!(service.chunk(), None);
    let sent = [("x-sum", "1"), ("x-more", "2")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(service.trailers(), sent);
    service.send(CHUNKED);
    client.head();
    service.send([&chunk("two")[..], b"0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n"].concat());
    assert_eq!(client.chunk().unwrap(), b"two");
    assert_eq!(client.chunk(), None);
    assert_eq!(client.trailers(), sent);
    // Both connections are good for more.
    client.send(GET);
    service.head();
    service.send(OK);
    assert_eq!(client.message().text(), "ok");
}

#[test]
fn answers_without_a_body_leave_the_next_one_whole() {
    let origin = Origin::start();
    let rig = Rig::chain(&origin);
    let mut client = rig.client();
    let mut service = None;
    for (method, answer) in [
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n"),
        ("HEAD", CHUNKED),
        ("HEAD", "HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n"),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 1234\r\nETag: \"a\"\r\n\r\n"),
        ("GET", "HTTP/1.1 304 Not Modified\r\n\r\n"),
    ] {
        client.send(format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n"));
        let service = service.get_or_insert_with(|| origin.accept());
        assert!(service.head().start.starts_with(method));
        service.send(answer);
        assert_eq!(client.head().start, answer.lines().next().unwrap());
        client.send(GET);
        service.head();
        service.send(OK);
        assert_eq!(client.message().text(), "ok", "after {answer:?} to {method}");
    }
    assert!(!origin.has_more_connections());
}

#[test]
fn an_answer_that_ends_with_its_connection_keeps_the_clients() {
    let origin = Origin::start();
    let rig = Rig::chain(&origin);
    let mut client = rig.client();
    for version in ["1.0", "1.1"] {
        client.send(GET);
        let mut service = origin.accept();
        service.head();
        service.send(format!("HTTP/{version} 200 OK\r\n\r\nall "));
        service.send("of it");
        service.end(Close::Fin);
        let answer = client.message();
        assert_eq!((answer.text(), answer.header("connection")), ("all of it", None));
    }
}

#[test]
fn an_http_1_0_client_keeps_its_connection_where_the_answer_has_an_end() {
    const KEEP: &str = "GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n";
    let origin = Origin::start();
    let rig = Rig::chain(&origin);
    let mut client = rig.client();
    client.send(KEEP);
    let mut service = origin.accept();
    for _ in 0..3 {
        assert!(service.head().start.ends_with("HTTP/1.1"));
        service.send(OK);
        let answer = client.message();
        assert_eq!((answer.text(), answer.header("connection")), ("ok", Some("keep-alive")));
        client.send(KEEP);
    }
    // Chunks are taken off for it, and then the end of the connection is the end of the answer.
    service.head();
    service.send(CHUNKED);
    service.send([&chunk("one")[..], &chunk("two"), b"0\r\n\r\n"].concat());
    let answer = client.head();
    assert_eq!((answer.header("connection"), answer.header("transfer-encoding")), (Some("close"), None));
    assert_eq!(client.rest_and_close(), (b"onetwo".to_vec(), Close::Fin));
}

#[test]
fn five_pipelined_requests_with_bodies_are_answered_in_order() {
    let origin = Origin::start();
    let rig = Rig::chain(&origin);
    let bodies = ["one", "two", "three", "four", "five"];
    let pipeline = bodies.iter().enumerate().map(|(number, body)| {
        let framed = match number % 2 {
            0 => format!("Content-Length: {}\r\n\r\n{body}", body.len()),
            _ => format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len()),
        };
        format!("POST /{number} HTTP/1.1\r\nHost: a\r\n{framed}")
    });
    let pipeline = pipeline.collect::<String>();
    // At once, and in pieces that end anywhere.
    for piece in [pipeline.len(), 7] {
        let mut client = rig.client();
        thread::scope(|scope| {
            let sending = scope.spawn(|| {
                let mut sender = crate::peer::Peer::of(client.try_clone());
                pipeline.as_bytes().chunks(piece).for_each(|piece| sender.send(piece));
            });
            let mut service = origin.accept();
            for (number, body) in bodies.iter().enumerate() {
                let request = service.message();
                assert_eq!(request.start, format!("POST /{number} HTTP/1.1"));
                assert_eq!(request.text(), *body);
                service.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
            }
            sending.join().unwrap();
            // The next turn is to find no connection to use again.
            service.finish();
            service.expect_end();
        });
        for body in bodies {
            assert_eq!(client.message().text(), body);
        }
    }
}
