//! What becomes of a service's answer on its way to a stream.

use crate::client::{Client, asked, empty, fed, get, request};
use crate::rig::{Origin, Rig};

#[test]
fn an_answer_to_head_has_a_length_and_no_body() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let client = Client::connect(rig.address);
    let sent = client.send(request("HEAD", "/").body(empty()).unwrap());
    let mut service = origin.accept();
    assert_eq!(service.message().start, "HEAD / HTTP/1.1");
    service.send("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n");
    let answer = client.answer(sent).unwrap();
    assert_eq!((answer.header("content-length"), answer.body.len()), (Some("500"), 0));
}

#[test]
fn an_answer_without_a_body_ends_with_its_head() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let client = Client::connect(rig.address);
    let mut service = None;
    for status in ["204 No Content", "304 Not Modified", "200 OK\r\nContent-Length: 0"] {
        let sent = client.send(get("/"));
        let service = service.get_or_insert_with(|| origin.accept());
        service.message();
        service.send(format!("HTTP/1.1 {status}\r\n\r\n"));
        let answer = client.head(sent).unwrap();
        assert!(hyper::body::Body::is_end_stream(answer.body()), "{status}: the end came with the head");
    }
}

#[test]
fn a_large_answer_arrives_whole() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let (client, sent, mut service) = asked(&rig, &origin);
    let body: Vec<u8> = (0..3_000_000u32).map(|at| (at % 251) as u8).collect();
    let sender = std::thread::spawn({
        let body = body.clone();
        move || {
            service.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()));
            service.send(&body);
            service
        }
    });
    assert_eq!(client.answer(sent).unwrap().body, body);
    sender.join().unwrap();
}

#[test]
fn a_body_that_ends_with_its_connection_ends_the_stream() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let (client, sent, mut service) = asked(&rig, &origin);
    service.send("HTTP/1.0 200 OK\r\n\r\nuntil the end");
    drop(service);
    assert_eq!(client.answer(sent).unwrap().body, "until the end");
}

#[test]
fn an_answer_that_breaks_off_resets_its_stream_and_no_other() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let client = Client::connect(rig.address);
    let broken = client.send(get("/broken"));
    let mut service = origin.accept();
    service.message();
    let whole = client.send(get("/whole"));
    let mut other = origin.accept();
    other.message();
    service.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    drop(service);
    assert!(client.answer(broken).is_err(), "what broke off must not look whole");
    other.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n");
    assert_eq!(client.answer(whole).unwrap().body, "ok");
}

#[test]
fn a_service_may_answer_before_the_body_is_there() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let client = Client::connect(rig.address);
    let (feed, body) = fed();
    let sent = client.send(request("POST", "/").body(body).unwrap());
    feed.send("a start");
    let mut service = origin.accept();
    service.head();
    service.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 8\r\n\r\ntoo much");
    let answer = client.answer(sent).unwrap();
    assert_eq!((answer.status, &answer.body[..]), (413, &b"too much"[..]));
}

#[test]
fn no_service_is_a_502_of_the_relays_own() {
    let address = crate::rig::refusing_address();
    let gone = crate::rig::upstream("gone", address);
    let told = crate::rig::Told::new(move |_, _| relay::Pick::Forward(gone.acquire()));
    let rig = Rig::start(told);
    let client = Client::connect(rig.address);
    let answer = client.ask(get("/"));
    assert_eq!((answer.status, answer.header("x-accordion-reason")), (502, Some("connect-failed")));
    assert_eq!(rig.relay.counters().requests, 1);
}
