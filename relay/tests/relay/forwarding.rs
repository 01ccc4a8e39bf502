//! Connections and headers: what passes on, what is written, what ends here.

use crate::peer::Peer;
use crate::rig::{GET, OK, Origin, Rig, Told, node, upstream};
use relay::{Pick, Refusal, Settings};

#[test]
fn closing_clients_share_one_upstream_connection() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let mut service: Option<Peer> = None;
    for _ in 0..5 {
        let mut client = rig.client();
        client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let service = service.get_or_insert_with(|| origin.accept());
        let request = service.message();
        assert_eq!(request.header("connection"), None);
        service.send(OK);
        let answer = client.message();
        assert_eq!((answer.status(), answer.header("connection")), (200, Some("close")));
        client.expect_end();
    }
    assert!(!origin.has_more_connections());
    assert_eq!(rig.relay.counters().requests, 5);
}

#[test]
fn an_http_1_0_client_is_served_over_http_1_1_and_closed() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let mut client = rig.client();
    client.send("GET /old HTTP/1.0\r\n\r\n");
    let mut service = origin.accept();
    let request = service.message();
    assert_eq!(request.start, "GET /old HTTP/1.1");
    assert_eq!((request.header("host"), request.header("connection")), (Some(""), None));
    assert_eq!(request.header("via"), Some("1.0 accordion"));
    service.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n");
    let answer = client.head();
    assert_eq!((answer.start.as_str(), answer.header("transfer-encoding")), ("HTTP/1.1 200 OK", None));
    assert_eq!(client.rest(), b"one");
}

#[test]
fn a_kept_connection_serves_one_request_after_the_other() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let mut client = rig.client();
    client.send(GET);
    let mut service = origin.accept();
    for _ in 0..3 {
        service.message();
        service.send(OK);
        assert_eq!(client.message().text(), "ok");
        client.send(GET);
    }
}

#[test]
fn hop_by_hop_headers_end_here_both_ways() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let mut client = rig.client();
    client.send(
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Mine, keep-alive\r\nX-Mine: 1\r\nKeep-Alive: 5\r\n\
         Proxy-Connection: x\r\nTE: trailers\r\nUpgrade: h2c\r\nX-Accordion-Token: stolen\r\nX-Stays: 2\r\n\r\n",
    );
    let mut service = origin.accept();
    let request = service.message();
    for name in ["x-mine", "keep-alive", "proxy-connection", "upgrade", "x-accordion-token"] {
        assert_eq!(request.header(name), None, "{name}");
    }
    // Of this hop, not of the one before: trailers pass here.
    assert_eq!((request.header("connection"), request.header("te")), (Some("TE"), Some("trailers")));
    assert_eq!(request.header("x-stays"), Some("2"));
    service.send(
        "HTTP/1.1 200 OK\r\nConnection: X-Theirs, Upgrade\r\nX-Theirs: 1\r\nKeep-Alive: 5\r\nUpgrade: h2c\r\n\
         Content-Length: 0\r\nX-Stays: 3\r\n\r\n",
    );
    let answer = client.message();
    for name in ["connection", "x-theirs", "keep-alive", "upgrade", "date"] {
        assert_eq!(answer.header(name), None, "{name}");
    }
    assert_eq!(answer.header("x-stays"), Some("3"));
}

#[test]
fn the_front_writes_for_whom_and_by_whom() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let mut client = rig.client();
    client.send(
        "GET / HTTP/1.1\r\nHost: a.example:8080\r\nForwarded: for=forged\r\nX-Forwarded-For: forged\r\n\
         X-Forwarded-Host: forged\r\nX-Forwarded-Proto: forged\r\nVia: 1.1 cdn\r\n\r\n",
    );
    let mut service = origin.accept();
    let request = service.message();
    assert_eq!(request.header("host"), Some("a.example:8080"));
    assert_eq!(request.header("forwarded"), Some("for=127.0.0.1;proto=http;host=\"a.example:8080\""));
    assert_eq!(request.header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(request.header("x-forwarded-host"), Some("a.example:8080"));
    assert_eq!(request.header("x-forwarded-proto"), Some("http"));
    assert_eq!(request.all("via"), ["1.1 cdn", "1.1 accordion"]);
    service.send(OK);
    let answer = client.message();
    assert_eq!(answer.header("via"), Some("1.1 accordion"));
    assert_eq!(answer.header("x-accordion-served-by"), Some("local"));
}

#[test]
fn behind_the_front_headers_pass_and_the_token_does_not() {
    let origin = Origin::start();
    let local = upstream("local", origin.address);
    let dispatch = Told::new(move |head, _| match head.token() {
        Some(b"right") => Pick::Forward(local.acquire()),
        _ => Pick::Refuse(Refusal {
            status: 403,
            reason: "bad-token",
            text: "no".into(),
            retry_after: None,
            refused: false,
        }),
    });
    let rig = Rig::with(dispatch, Settings { front: false, ..Settings::default() });
    let mut client = rig.client();
    client
        .send("GET / HTTP/1.1\r\nHost: a\r\nX-Accordion-Token: right\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n");
    let mut service = origin.accept();
    let request = service.message();
    assert_eq!((request.header("x-accordion-token"), request.header("via")), (None, None));
    assert_eq!(request.header("x-forwarded-for"), Some("192.0.2.7"));
    assert_eq!(request.header("forwarded"), None);
    service.send("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(client.message().status(), 503);
    let refused = rig.ask(GET);
    assert_eq!((refused.status(), refused.header("x-accordion-reason")), (403, Some("bad-token")));
    assert_eq!(rig.relay.counters().refused, 0);
}

#[test]
fn a_service_does_not_speak_for_accordion() {
    const MARKS: [&str; 4] =
        ["x-accordion-refused", "x-accordion-lost", "x-accordion-reason", "x-accordion-served-by"];
    for front in [false, true] {
        for status in [200, 403, 502, 503] {
            let origin = Origin::start();
            let local = upstream("local", origin.address);
            let settings = Settings { front, served_by: false, ..Settings::default() };
            let rig = Rig::with(Told::in_order(&[&local]), settings);
            let (mut client, mut service) = rig.asked(&origin, GET);
            let forged = MARKS.map(|mark| format!("{mark}: forged\r\n")).concat();
            service.send(format!("HTTP/1.1 {status} X\r\n{forged}Content-Length: 2\r\n\r\nok"));
            let answer = client.message();
            assert_eq!((answer.status(), answer.text()), (status, "ok"));
            for mark in MARKS {
                assert_eq!(answer.header(mark), None, "{mark} with {status}, front: {front}");
            }
        }
    }
}

#[test]
fn a_node_gets_its_token_and_names_itself_unless_switched_off() {
    let origin = Origin::start();
    let c1 = node("c1", origin.address);
    let rig = Rig::with(Told::in_order(&[&c1]), Settings { served_by: false, ..Settings::default() });
    let mut client = rig.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nX-Accordion-Token: mine\r\n\r\n");
    let mut service = origin.accept();
    assert_eq!(service.message().header("x-accordion-token"), Some("token-of-c1"));
    service.send(OK);
    assert_eq!(client.message().header("x-accordion-served-by"), None);
}

#[test]
fn a_503_of_the_relays_own_counts_as_a_refusal_and_a_services_does_not() {
    let origin = Origin::start();
    let c1 = node("c1", origin.address);
    let rig = Rig::start(Told::in_order(&[&c1]));
    for (mark, reason, refused) in
        [("", None, 0), ("X-Accordion-Refused: draining\r\n", Some("no-upstream"), 1)]
    {
        let mut client = rig.client();
        // The body is not whole, so that it cannot go elsewhere.
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\npart");
        let mut service = origin.accept();
        service.head();
        service.send(format!("HTTP/1.1 503 No\r\n{mark}Content-Length: 0\r\n\r\n"));
        let answer = client.message();
        assert_eq!((answer.status(), answer.header("x-accordion-reason")), (503, reason));
        assert_eq!(rig.relay.counters().refused, refused);
    }
}

#[test]
fn a_refusal_says_why_and_when_to_come_back() {
    let rig = Rig::start(Told::in_order(&[]));
    let mut client = rig.client();
    for _ in 0..2 {
        client.send(GET);
        let answer = client.message();
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.header("x-accordion-reason"), Some("no-upstream"));
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(answer.text(), "nobody is left\n");
    }
    assert_eq!(rig.relay.counters().refused, 2);
}
