//! Bodies stream both ways as they come, with the framing they need, and never end cleanly by mistake.

use std::io::{Read, Write};
use std::thread;

use crate::peer::{Peer, chunk};
use crate::rig::{CHUNKED, GET, OK, Origin, Rig, Told, eventually, upstream};
use relay::Failure;

#[test]
fn a_conversation_streams_chunk_by_chunk() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let mut client = rig.client();
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    let mut service = origin.accept();
    assert_eq!(service.head().header("transfer-encoding"), Some("chunked"));
    service.send(CHUNKED);
    assert_eq!(client.head().header("transfer-encoding"), Some("chunked"));
    for word in ["one", "two", "three"] {
        client.send(chunk(word.as_bytes()));
        let heard = service.chunk().unwrap();
        assert_eq!(heard, word.as_bytes());
        service.send(chunk(&heard));
        assert_eq!(client.chunk().unwrap(), word.as_bytes());
    }
    client.send("0\r\n\r\n");
    assert_eq!(service.chunk(), None);
    service.send("0\r\n\r\n");
    assert_eq!(client.chunk(), None);
}

#[test]
fn a_head_has_no_body_whatever_it_says() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let (mut client, mut service) = rig.asked(&origin, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    service.send("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n");
    assert_eq!(client.head().header("content-length"), Some("1234"));
    client.send(GET);
    service.message();
    service.send(OK);
    assert_eq!(client.message().text(), "ok");
}

#[test]
fn answers_without_a_body_keep_both_connections() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let mut client = rig.client();
    let mut service: Option<Peer> = None;
    for status in ["204 No Content", "304 Not Modified", "200 OK"] {
        client.send(GET);
        let service = service.get_or_insert_with(|| origin.accept());
        service.message();
        let length = if status.starts_with("200") { "Content-Length: 0\r\n" } else { "" };
        service.send(format!("HTTP/1.1 {status}\r\n{length}\r\n"));
        assert!(client.message().start.ends_with(status));
    }
    assert!(!origin.has_more_connections());
}

#[test]
fn an_answer_that_ends_with_the_connection_is_passed_whole() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let (mut client, mut service) = rig.asked(&origin, GET);
    service.send("HTTP/1.0 200 OK\r\n\r\nall of it");
    drop(service);
    let answer = client.message();
    assert_eq!((answer.start.as_str(), answer.text()), ("HTTP/1.1 200 OK", "all of it"));
}

#[test]
fn expect_continue_is_answered_by_the_service() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let mut client = rig.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    let mut service = origin.accept();
    assert_eq!(service.head().header("expect"), Some("100-continue"));
    service.send("HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(client.head().status(), 100);
    client.send("hello");
    assert_eq!(service.bytes(5), b"hello");
    service.send(OK);
    assert_eq!(client.message().status(), 200);
    // Both connections are good for more.
    client.send(GET);
    service.message();
    service.send(OK);
    assert_eq!(client.message().status(), 200);
}

#[test]
fn a_service_that_declines_a_body_ends_the_connection_that_it_was_announced_on() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let mut client = rig.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    let mut service = origin.accept();
    service.head();
    service.send("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n");
    let answer = client.message();
    assert_eq!((answer.status(), answer.header("connection")), (401, Some("close")));
    client.expect_end();
    service.expect_end();
}

#[test]
fn a_small_chunked_request_arrives_whole() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let mut client = rig.client();
    client.send(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n",
    );
    let mut service = origin.accept();
    assert_eq!(service.message().text(), "onetwo");
    service.send(OK);
    assert_eq!(client.message().status(), 200);
}

#[test]
fn a_body_of_unknown_length_goes_with_any_method() {
    for method in ["GET", "HEAD", "DELETE"] {
        let origin = Origin::start();
        let (rig, _) = Rig::before(&origin);
        let mut client = rig.client();
        client.send(format!("{method} / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"));
        client.send(chunk(b"one"));
        let mut service = origin.accept();
        assert_eq!(service.head().header("transfer-encoding"), Some("chunked"), "{method}");
        assert_eq!(service.chunk().unwrap(), b"one");
        client.send(chunk(b"two"));
        assert_eq!(service.chunk().unwrap(), b"two");
        client.send("0\r\n\r\n");
        assert_eq!(service.chunk(), None);
        service.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(client.message().status(), 200);
    }
}

#[test]
fn a_length_beside_a_transfer_coding_is_a_bad_answer() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let (mut client, mut service) = rig.asked(&origin, GET);
    service.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n");
    let answer = client.message();
    assert_eq!((answer.status(), answer.header("x-accordion-reason")), (502, Some("bad-response")));
    service.expect_end();
    client.send(GET);
    let mut service = origin.accept();
    service.message();
    service.send(OK);
    assert_eq!(client.message().text(), "ok");
}

#[test]
fn an_empty_chunked_request_keeps_the_upstream_connection() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let mut client = rig.client();
    let mut service: Option<Peer> = None;
    for _ in 0..3 {
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
        let service = service.get_or_insert_with(|| origin.accept());
        assert_eq!(service.message().text(), "");
        service.send(OK);
        assert_eq!(client.message().text(), "ok");
    }
    assert!(!origin.has_more_connections());
}

#[test]
fn a_big_body_is_held_back_by_a_slow_reader() {
    // More than every socket buffer and the relay may hold between the two, and far less than the body.
    const HELD_MAX: usize = 64 << 20;
    const BODY: usize = 256 << 20;
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let (mut client, mut service) = rig.asked(&origin, GET);
    service.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {BODY}\r\n\r\n"));
    // Nobody reads: writing must come to a halt.
    let mut tcp = service.try_clone();
    tcp.set_nonblocking(true).unwrap();
    let block = vec![7; 1 << 20];
    let mut written = 0;
    let mut idle_turns = 0;
    while idle_turns < 100 {
        match tcp.write(&block) {
            Ok(count) => {
                written += count;
                idle_turns = 0;
                assert!(written < HELD_MAX, "{written} bytes are held for a client that reads nothing");
            }
            Err(_) => {
                idle_turns += 1;
                thread::sleep(std::time::Duration::from_millis(1));
            }
        }
    }
    tcp.set_nonblocking(false).unwrap();
    let writer = thread::spawn(move || {
        for _ in 0..(BODY - written) / block.len() {
            tcp.write_all(&block).unwrap();
        }
        tcp.write_all(&block[..(BODY - written) % block.len()]).unwrap();
    });
    client.head();
    let mut reader = client.try_clone();
    let mut buffer = vec![0; 1 << 20];
    let mut read = client.take_buffered().len();
    while read < BODY {
        read += reader.read(&mut buffer).unwrap();
    }
    assert_eq!(read, BODY);
    writer.join().unwrap();
}

#[test]
fn a_client_that_goes_away_takes_its_upstream_connection_along() {
    let origin = Origin::start();
    let (rig, upstream) = Rig::before(&origin);
    // Before the answer has begun.
    let (client, mut service) = rig.asked(&origin, GET);
    assert_eq!(upstream.in_flight(), 1);
    drop(client);
    service.expect_end();
    eventually("the first is counted down", || upstream.in_flight() == 0);
    // Within its body.
    let (mut client, mut service) = rig.asked(&origin, GET);
    service.send(CHUNKED);
    service.send(chunk(b"one"));
    client.head();
    assert_eq!(client.chunk().unwrap(), b"one");
    drop(client);
    service.expect_end();
    eventually("the second is counted down", || upstream.in_flight() == 0);
}

#[test]
fn a_body_that_breaks_off_is_no_clean_end() {
    for (head, part) in
        [("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", b"some".to_vec()), (CHUNKED, chunk(b"some"))]
    {
        let origin = Origin::start();
        let upstream = upstream("local", origin.address);
        let told = Told::in_order(&[&upstream]);
        let rig = Rig::start(told.clone());
        let (mut client, mut service) = rig.asked(&origin, GET);
        service.send(head);
        service.send(part);
        let answer = client.head();
        drop(service);
        let rest = String::from_utf8(client.rest()).unwrap();
        assert_eq!(answer.status(), 200);
        assert!(rest.contains("some") && rest.len() < 9 + 3 && !rest.ends_with("0\r\n\r\n"), "{rest:?}");
        eventually("the request is counted down", || upstream.in_flight() == 0);
        assert_eq!(told.failures(), [("local".to_owned(), Failure::Truncated)]);
    }
}

#[test]
fn an_early_answer_closes_the_connection_whose_request_is_unfinished() {
    let origin = Origin::start();
    let (rig, upstream) = Rig::before(&origin);
    let mut client = rig.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\npart");
    let mut service = origin.accept();
    service.head();
    service.send("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(client.message().status(), 413);
    assert_eq!(service.rest(), b"part");
    eventually("the request is counted down", || upstream.in_flight() == 0);
}

#[test]
fn a_request_that_breaks_off_reaches_the_service_as_broken_and_blames_nobody() {
    let origin = Origin::start();
    let upstream = upstream("local", origin.address);
    let told = Told::in_order(&[&upstream]);
    let rig = Rig::start(told.clone());
    let mut client = rig.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\npart");
    let mut service = origin.accept();
    service.head();
    client.finish();
    assert_eq!(service.rest(), b"part");
    client.rest();
    eventually("it is counted down", || upstream.in_flight() == 0);
    assert_eq!(told.failures(), []);
}

#[test]
fn a_body_that_comes_while_the_service_is_slow_to_accept_arrives_whole() {
    // A queue with room for nobody: the system lets a connect try again after a second.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
    socket.listen(0).unwrap();
    let listener = std::net::TcpListener::from(socket);
    let address = listener.local_addr().unwrap();
    let first = std::net::TcpStream::connect(address).unwrap();
    let local = upstream("local", address);
    let rig = Rig::start(Told::in_order(&[&local]));
    let mut client = rig.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello");
    eventually("it is on its way", || local.in_flight() == 1);
    client.send("world");
    drop((listener.accept().unwrap(), first));
    let mut service = Peer::of(listener.accept().unwrap().0);
    assert_eq!(service.message().text(), "helloworld");
    service.send(OK);
    assert_eq!(client.message().status(), 200);
}
