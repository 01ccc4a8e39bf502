//! What a stream's request becomes on its way to a service of HTTP/1.1.

use relay::Settings;

use crate::client::{Client, fed, full, get, request};
use crate::raw::{PREFACE, Raw};
use crate::rig::{GET, OK, Origin, Rig, Told, upstream};

#[test]
fn a_stream_is_a_request_of_http_1_1_to_the_service() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let client = Client::connect(rig.address);
    let sent = client.send(request("GET", "/a/b?c=d").header("X-Own", "kept").body(full("")).unwrap());
    let mut service = origin.accept();
    let seen = service.message();
    assert_eq!(seen.start, "GET /a/b?c=d HTTP/1.1");
    assert_eq!(seen.header("host"), Some("a.example"));
    assert_eq!(seen.header("x-own"), Some("kept"));
    assert_eq!(seen.header("via"), Some("2.0 accordion"));
    assert_eq!(seen.header("x-forwarded-for"), Some("127.0.0.1"));
    for absent in ["connection", "transfer-encoding", "te", "content-length"] {
        assert_eq!(seen.header(absent), None, "{absent}");
    }
    service.send(
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Service: own\r\nConnection: x-hop\r\nX-Hop: 1\r\n\r\nok",
    );
    let answer = client.answer(sent).unwrap();
    assert_eq!((answer.status, &answer.body[..]), (200, &b"ok"[..]));
    assert_eq!(answer.header("x-service"), Some("own"));
    assert_eq!(answer.header("content-length"), Some("2"));
    assert_eq!(answer.header("x-accordion-served-by"), Some("local"));
    for absent in ["connection", "x-hop", "transfer-encoding", "date"] {
        assert_eq!(answer.header(absent), None, "{absent}");
    }
}

#[test]
fn the_service_connection_is_kept_for_the_next_stream() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let client = Client::connect(rig.address);
    let mut service = None;
    for path in ["/1", "/2", "/3"] {
        let sent = client.send(get(path));
        let service = service.get_or_insert_with(|| origin.accept());
        assert_eq!(service.message().start, format!("GET {path} HTTP/1.1"));
        service.send(OK);
        assert_eq!(client.answer(sent).unwrap().status, 200);
    }
    assert!(!origin.has_more_connections());
}

#[test]
fn a_body_of_known_length_keeps_it() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let client = Client::connect(rig.address);
    let body: Vec<u8> = (0..200_000).map(|at| at as u8).collect();
    let sent = client.send(request("PUT", "/").body(full(body.clone())).unwrap());
    let mut service = origin.accept();
    let seen = service.message();
    assert_eq!(seen.header("content-length"), Some("200000"));
    assert_eq!(seen.body, body);
    service.send(OK);
    assert_eq!(client.answer(sent).unwrap().status, 200);
}

#[test]
fn a_body_of_unknown_length_streams_in_chunks_with_its_trailers() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let client = Client::connect(rig.address);
    let (feed, body) = fed();
    let sent = client.send(request("POST", "/").header("te", "trailers").body(body).unwrap());
    let mut service = origin.accept();
    let head = service.head();
    assert_eq!(head.header("transfer-encoding"), Some("chunked"));
    assert_eq!(head.header("te"), Some("trailers"));
    // Each part is there before the next is sent, and so is the answer before the end.
    feed.send("one");
    assert_eq!(service.chunk().unwrap(), b"one");
    service.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nuno\r\n");
    let mut answer = client.head(sent).unwrap();
    let part = client.part(answer.body_mut()).unwrap().unwrap();
    assert_eq!(part.into_data().unwrap(), "uno");
    feed.send("two");
    assert_eq!(service.chunk().unwrap(), b"two");
    feed.trailers("x-sum", "7");
    assert_eq!(service.bytes(15), b"0\r\nx-sum: 7\r\n\r\n");
    service.send("0\r\nx-total: 9\r\n\r\n");
    let trailers = client.part(answer.body_mut()).unwrap().unwrap().into_trailers().unwrap();
    assert_eq!(trailers["x-total"], "9");
    assert!(client.part(answer.body_mut()).is_none());
}

#[test]
fn cookies_are_one_field() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let client = Client::connect(rig.address);
    let asked = request("GET", "/").header("cookie", "a=1").header("cookie", "b=2").body(full("")).unwrap();
    let sent = client.send(asked);
    let mut service = origin.accept();
    assert_eq!(service.message().header("cookie"), Some("a=1; b=2"));
    service.send(OK);
    assert_eq!(client.answer(sent).unwrap().status, 200);
}

#[test]
fn a_client_that_expects_a_100_need_not_wait_for_it() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let client = Client::connect(rig.address);
    let asked = request("POST", "/").header("expect", "100-continue").body(full("hello")).unwrap();
    let sent = client.send(asked);
    let mut service = origin.accept();
    let seen = service.message();
    assert_eq!((seen.header("expect"), seen.text()), (None, "hello"));
    service.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    service.send(OK);
    assert_eq!(client.answer(sent).unwrap().status, 200);
    let asked = request("POST", "/").header("expect", "a miracle").body(full("hello")).unwrap();
    assert_eq!(client.ask(asked).status, 417);
}

#[test]
fn a_token_never_passes() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let client = Client::connect(rig.address);
    let sent = client.send(request("GET", "/").header("x-accordion-token", "stolen").body(full("")).unwrap());
    let mut service = origin.accept();
    assert_eq!(service.message().header("x-accordion-token"), None);
    service.send(OK);
    assert_eq!(client.answer(sent).unwrap().status, 200);
}

#[test]
fn the_server_as_a_whole_can_be_asked() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let mut raw = Raw::connect(rig.address);
    let fields = [(":method", "OPTIONS"), (":scheme", "http"), (":authority", "a.example"), (":path", "*")];
    raw.request(1, &fields, false);
    assert_eq!(origin.accept().message().start, "OPTIONS * HTTP/1.1");
}

#[test]
fn a_preface_may_come_byte_by_byte() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let mut client = rig.client();
    for byte in PREFACE {
        client.send([*byte]);
    }
    let mut raw = Raw { peer: client };
    raw.frame(4, 0, 0, &[]);
    let fields = [(":method", "GET"), (":scheme", "http"), (":authority", "a.example"), (":path", "/")];
    raw.request(1, &fields, false);
    assert_eq!(origin.accept().message().start, "GET / HTTP/1.1");
}

#[test]
fn http_2_cannot_begin_after_a_request_of_http_1() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let mut client = rig.client();
    client.send(GET);
    let mut service = origin.accept();
    service.message();
    service.send(OK);
    assert_eq!(client.message().status(), 200);
    client.send(PREFACE);
    assert_eq!(client.message().status(), 505);
}

#[test]
fn a_connection_a_balancer_introduced_may_speak_http_2() {
    let origin = Origin::start();
    let local = upstream("local", origin.address);
    let settings = Settings { proxy_protocol: true, ..Settings::default() };
    let rig = Rig::with(Told::in_order(&[&local]), settings);
    let mut client = rig.client();
    client.send("PROXY TCP4 192.0.2.7 127.0.0.1 4000 80\r\n");
    let mut raw = Raw { peer: client };
    raw.peer.send(PREFACE);
    raw.frame(4, 0, 0, &[]);
    let fields = [(":method", "GET"), (":scheme", "http"), (":authority", "a.example"), (":path", "/")];
    raw.request(1, &fields, false);
    assert_eq!(origin.accept().message().header("x-forwarded-for"), Some("192.0.2.7"));
}
