//! Requests to a service that speaks HTTP/2: what it sees, and what comes back.

use crate::client::{Client, fed, request};
use crate::rig::{GET, Rig, Told, eventually};
use crate::service::Service;

fn rig_before(service: &Service) -> Rig {
    Rig::start(Told::in_order(&[&service.upstream()]))
}

#[test]
fn a_request_of_http_1_1_is_a_stream_to_the_service() {
    let service = Service::start();
    let rig = rig_before(&service);
    let answer = rig.ask(
        "GET /a?b HTTP/1.1\r\nHost: a.example:81\r\nX-Own: kept\r\nConnection: x-hop\r\nX-Hop: 1\r\n\r\n",
    );
    assert_eq!((answer.status(), answer.text()), (200, "served /a"));
    assert_eq!(answer.header("content-length"), Some("9"));
    assert_eq!(answer.header("connection"), None);
    let seen = service.seen().pop().unwrap();
    assert_eq!((seen.method.as_str(), seen.uri.as_str()), ("GET", "http://a.example:81/a?b"));
    assert_eq!(seen.headers["x-own"], "kept");
    assert_eq!(seen.headers["via"], "1.1 accordion");
    for absent in ["host", "x-hop", "te", "content-length"] {
        assert!(!seen.headers.contains_key(absent), "{absent}");
    }
}

#[test]
fn a_client_connection_is_kept_and_so_is_the_services() {
    let service = Service::start();
    let rig = rig_before(&service);
    let mut client = rig.client();
    for _ in 0..5 {
        client.send(GET);
        assert_eq!(client.message().text(), "served /");
    }
    assert_eq!(service.connections(), 1);
}

#[test]
fn bodies_pass_both_ways_whatever_their_framing() {
    let service = Service::start();
    let rig = rig_before(&service);
    let mut client = rig.client();
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    assert_eq!(client.message().text(), "hello");
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n");
    assert_eq!(client.message().text(), "hello");
    let body = vec![b'x'; 2_000_000];
    client.send(format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len()));
    let mut tcp = client.try_clone();
    let sent = body.clone();
    let sender = std::thread::spawn(move || std::io::Write::write_all(&mut tcp, &sent).unwrap());
    assert_eq!(client.message().body, body);
    sender.join().unwrap();
    assert_eq!(service.seen()[0].headers["content-length"], "5");
}

#[test]
fn answers_without_a_body_have_none() {
    let service = Service::start();
    let rig = rig_before(&service);
    let mut client = rig.client();
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.head().status(), 200);
    client.send("GET /status/204 HTTP/1.1\r\nHost: a\r\n\r\n");
    let answer = client.message();
    assert_eq!((answer.status(), answer.header("content-length")), (204, None));
    client.send("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.message().status(), 200);
    client.send(GET);
    assert_eq!(client.message().text(), "served /");
}

#[test]
fn trailers_reach_a_client_of_either_version() {
    let service = Service::start();
    let rig = rig_before(&service);
    let mut client = rig.client();
    client.send("GET /trailers HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n");
    assert_eq!(client.head().header("transfer-encoding"), Some("chunked"));
    assert_eq!(client.chunk().unwrap(), b"with trailers");
    // Without the one that belongs into a head.
    assert_eq!(client.bytes(16), b"0\r\nx-sum: 42\r\n\r\n");
    assert_eq!(service.seen()[0].headers["te"], "trailers");
    let client = Client::connect(rig.address);
    let answer = client.ask(crate::client::get("/trailers"));
    assert_eq!((&answer.body[..], answer.trailer("x-sum")), (&b"with trailers"[..], Some("42")));
}

#[test]
fn a_stream_goes_both_ways_at_once() {
    let service = Service::start();
    let rig = rig_before(&service);
    let client = Client::connect(rig.address);
    let (feed, body) = fed();
    let sent = client.send(request("POST", "/echo").body(body).unwrap());
    feed.send("one");
    let mut answer = client.head(sent).unwrap();
    for part in ["one", "two", "three"] {
        if part != "one" {
            feed.send(part);
        }
        assert_eq!(client.part(answer.body_mut()).unwrap().unwrap().into_data().unwrap(), part);
    }
    feed.trailers("x-sum", "7");
    let trailers = client.part(answer.body_mut()).unwrap().unwrap().into_trailers().unwrap();
    assert_eq!(trailers["x-sum"], "7");
}

#[test]
fn a_client_that_expects_a_100_gets_one() {
    let service = Service::start();
    let rig = rig_before(&service);
    let mut client = rig.client();
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.head().status(), 100);
    client.send("hello");
    assert_eq!(client.message().text(), "hello");
    assert!(!service.seen()[0].headers.contains_key("expect"));
}

#[test]
fn a_service_may_answer_before_the_body_is_there() {
    let service = Service::start();
    let rig = rig_before(&service);
    let mut client = rig.client();
    client.send("POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\nhalf");
    assert_eq!(client.message().text(), "no need for a body");
}

#[test]
fn a_target_that_http_2_cannot_say_is_refused() {
    let service = Service::start();
    let rig = rig_before(&service);
    let answer = rig.ask("GET /<a> HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((answer.status(), answer.header("x-accordion-reason")), (400, None));
    assert_eq!(service.seen().len(), 0);
}

#[test]
fn requests_share_a_connection_as_long_as_it_takes_them() {
    let service = Service::with(2);
    let rig = rig_before(&service);
    let mut clients: Vec<_> = (0..5).map(|_| rig.client()).collect();
    for client in &mut clients {
        client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    eventually("all are with the service", || service.waiting() == 5);
    assert_eq!(service.connections(), 3);
    service.state.go.add_permits(5);
    for client in &mut clients {
        assert_eq!(client.message().text(), "waited");
    }
}

#[test]
fn a_burst_at_the_start_makes_one_connection() {
    let service = Service::start();
    let rig = rig_before(&service);
    let client = Client::connect(rig.address);
    let sent: Vec<_> = (0..50).map(|_| client.send(crate::client::get("/wait"))).collect();
    eventually("all are with the service", || service.waiting() == 50);
    assert_eq!(service.connections(), 1);
    service.state.go.add_permits(50);
    for sent in sent {
        assert_eq!(client.answer(sent).unwrap().body, "waited");
    }
}
