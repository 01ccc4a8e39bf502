//! When a request goes out again, and when it must not.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use relay::{Failure, Pick, Relay, Settings};
use socket2::{Domain, Socket, Type};

use crate::peer::{Close, DEADLINE, Peer};
use crate::rig::{GET, OK, Origin, POST, Rig, Told, block_on, eventually, node, refusing_address, upstream};

#[test]
fn a_post_whose_connect_is_refused_goes_to_the_other() {
    let origin = Origin::start();
    let (dead, alive) = (upstream("dead", refusing_address()), upstream("alive", origin.address));
    let told = Told::in_order(&[&dead, &alive]);
    let rig = Rig::start(told.clone());
    let mut client = rig.client();
    client.send(POST);
    let mut service = origin.accept();
    assert_eq!(service.message().text(), "hello");
    service.send(OK);
    assert_eq!(client.message().header("x-accordion-served-by"), Some("alive"));
    assert_eq!(told.failures(), [("dead".to_owned(), Failure::Connect)]);
    assert_eq!((dead.in_flight(), dead.totals().served), (0, 0));
    assert_eq!(rig.relay.counters().retries, 1);
}

#[test]
fn a_post_that_still_streams_goes_to_the_other_too_while_nothing_of_it_was_sent() {
    let origin = Origin::start();
    let (dead, alive) = (upstream("dead", refusing_address()), upstream("alive", origin.address));
    let rig = Rig::start(Told::in_order(&[&dead, &alive]));
    let mut client = rig.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello");
    let mut service = origin.accept();
    service.head();
    client.send("world");
    assert_eq!(service.bytes(10), b"helloworld");
    service.send(OK);
    assert_eq!(client.message().status(), 200);
}

#[test]
fn a_refused_connect_with_nobody_left_is_said_to_be_one() {
    let dead = upstream("dead", refusing_address());
    let again = Arc::clone(&dead);
    let told = Told::new(move |_, _| Pick::Forward(again.acquire()));
    let rig = Rig::start(told.clone());
    let answer = rig.ask(GET);
    assert_eq!((answer.status(), answer.header("x-accordion-reason")), (502, Some("connect-failed")));
    // One of eight attempts is the first, one repeat is free, and the budget has room for the rest.
    assert_eq!(told.failures().len(), 8);
    assert_eq!(dead.in_flight(), 0);
}

#[test]
fn a_connect_that_hangs_counts_as_not_written() {
    let (_full, hanging) = full_listener();
    let origin = Origin::start();
    let (slow, alive) = (upstream("slow", hanging), upstream("alive", origin.address));
    let told = Told::in_order(&[&slow, &alive]);
    let settings = Settings { connect_timeout: Duration::from_millis(100), ..Settings::default() };
    let rig = Rig::with(told.clone(), settings);
    let (mut client, mut service) = rig.asked(&origin, POST);
    service.send(OK);
    assert_eq!(client.message().status(), 200);
    assert_eq!(told.failures(), [("slow".to_owned(), Failure::ConnectTimeout)]);
}

/// A listener nobody accepts on, its queue filled, so that a further connect gets no answer.
fn full_listener() -> (Vec<TcpStream>, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
    socket.listen(0).unwrap();
    let listener: std::net::TcpListener = socket.into();
    let address = listener.local_addr().unwrap();
    let mut held = vec![];
    while let Ok(tcp) = TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
        held.push(tcp);
    }
    std::mem::forget(listener);
    (held, address)
}

#[test]
fn a_get_that_ends_without_an_answer_is_repeated_once() {
    let origin = Origin::start();
    let upstreams = ["a", "b", "c"].map(|name| upstream(name, origin.address));
    let told = Told::in_order(&upstreams.each_ref());
    let rig = Rig::start(told.clone());
    let mut client = rig.client();
    client.send("GET /path?q HTTP/1.1\r\nHost: a.example\r\nX-Many: 1\r\nX-Many: 2\r\n\r\n");
    let first = origin.accept().message();
    let mut service = origin.accept();
    let second = service.message();
    assert_eq!(first.start, second.start);
    let sorted = |mut headers: Vec<(String, String)>| {
        headers.sort();
        headers
    };
    assert_eq!(sorted(first.headers), sorted(second.headers));
    drop(service);
    let answer = client.message();
    assert_eq!((answer.status(), answer.header("x-accordion-reason")), (502, Some("upstream-closed")));
    assert_eq!(told.failures(), [("a".to_owned(), Failure::Closed), ("b".to_owned(), Failure::Closed)]);
    assert!(!origin.has_more_connections());
    assert!(upstreams.iter().all(|upstream| upstream.in_flight() == 0));
}

#[test]
fn a_post_that_was_written_is_not_repeated() {
    let origin = Origin::start();
    let (a, b) = (upstream("a", origin.address), upstream("b", origin.address));
    let rig = Rig::start(Told::in_order(&[&a, &b]));
    let mut client = rig.client();
    client.send(POST);
    origin.accept().message();
    let answer = client.message();
    assert_eq!((answer.status(), answer.header("x-accordion-reason")), (502, Some("upstream-closed")));
    assert_eq!((b.in_flight(), b.totals().served, rig.relay.counters().retries), (0, 0, 0));
}

#[test]
fn a_post_that_a_node_refused_goes_to_another() {
    let origin = Origin::start();
    let (c1, c2) = (node("c1", origin.address), node("c2", origin.address));
    let told = Told::in_order(&[&c1, &c2]);
    let rig = Rig::start(told.clone());
    let mut client = rig.client();
    client.send(POST);
    let mut first = origin.accept();
    assert_eq!(first.message().header("x-accordion-token"), Some("token-of-c1"));
    first.send("HTTP/1.1 503 No\r\nX-Accordion-Refused: draining\r\nContent-Length: 3\r\n\r\nno\n");
    let mut second = origin.accept();
    let request = second.message();
    assert_eq!((request.header("x-accordion-token"), request.text()), (Some("token-of-c2"), "hello"));
    second.send(OK);
    assert_eq!(client.message().header("x-accordion-served-by"), Some("c2"));
    assert_eq!(told.failures(), [("c1".to_owned(), Failure::Refused)]);
    eventually("both are counted down", || c1.in_flight() + c2.in_flight() == 0);
    assert_eq!((c1.totals().served, c2.totals().served), (0, 1));
}

#[test]
fn a_node_that_does_not_know_the_token_gives_its_post_to_another() {
    let origin = Origin::start();
    let (c1, c2) = (node("c1", origin.address), node("c2", origin.address));
    let told = Told::in_order(&[&c1, &c2]);
    let rig = Rig::start(told.clone());
    let mut client = rig.client();
    client.send(POST);
    let mut restarted = origin.accept();
    restarted.message();
    restarted.send("HTTP/1.1 403 No\r\nX-Accordion-Refused: bad-token\r\nContent-Length: 3\r\n\r\nno\n");
    let mut service = origin.accept();
    assert_eq!(service.message().text(), "hello");
    // A 403 without the mark is the service's own.
    service.send("HTTP/1.1 403 No\r\nContent-Length: 3\r\n\r\nno\n");
    let answer = client.message();
    assert_eq!((answer.status(), answer.header("x-accordion-served-by")), (403, Some("c2")));
    assert_eq!(told.failures(), [("c1".to_owned(), Failure::Refused)]);
}

#[test]
fn a_node_says_that_a_request_was_lost_and_does_not_repeat_it() {
    for request in [GET, POST] {
        let origin = Origin::start();
        let service = upstream("lease", origin.address);
        let again = Arc::clone(&service);
        let told = Told::new(move |_, _| Pick::Forward(again.acquire()));
        let rig = Rig::with(told.clone(), Settings { front: false, ..Settings::default() });
        let mut client = rig.client();
        client.send(request);
        origin.accept().message();
        let answer = client.message();
        assert_eq!((answer.status(), answer.header("x-accordion-lost")), (502, Some("upstream-closed")));
        assert_eq!(answer.header("x-accordion-refused"), None);
        assert!(!origin.has_more_connections());
        assert_eq!(told.failures(), [("lease".to_owned(), Failure::Closed)]);
    }
}

#[test]
fn what_a_node_lost_is_repeated_once_by_the_front_if_it_is_safe() {
    for (request, attempts) in [(GET, 2), (POST, 1)] {
        let origin = Origin::start();
        let nodes = ["c1", "c2", "c3"].map(|name| node(name, origin.address));
        let told = Told::in_order(&nodes.each_ref());
        let rig = Rig::start(told.clone());
        let mut client = rig.client();
        client.send(request);
        for _ in 0..attempts {
            let mut node = origin.accept();
            node.message();
            node.send("HTTP/1.1 502 No\r\nX-Accordion-Lost: upstream-closed\r\nContent-Length: 0\r\n\r\n");
        }
        let answer = client.message();
        assert_eq!((answer.status(), answer.header("x-accordion-reason")), (502, Some("upstream-closed")));
        assert_eq!(answer.header("x-accordion-lost"), None);
        assert!(!origin.has_more_connections());
        assert_eq!(told.failures().len(), attempts);
        assert!(told.failures().iter().all(|(_, failure)| *failure == Failure::Closed));
    }
}

#[test]
fn a_request_that_was_rebuilt_carries_the_token_of_where_it_goes() {
    // The one is dropped where it rests, the other takes the request and can write none of it.
    for (request, body) in [(POST, "hello"), (GET, "")] {
        let origin = Origin::start();
        let (c1, c2) = (node("c1", refusing_address()), node("c2", origin.address));
        let (at_c2, is_at_c2) = mpsc::channel();
        let (go_on, may_go_on) = mpsc::channel();
        let gates = Mutex::new((at_c2, may_go_on));
        let told = Told::new(move |head, avoid| match (head.path_and_query(), avoid) {
            ("/first", _) => Pick::Forward(c2.acquire()),
            (_, []) => Pick::Forward(c1.acquire()),
            _ => {
                let (at_c2, may_go_on) = &*gates.lock().unwrap();
                at_c2.send(()).unwrap();
                may_go_on.recv().unwrap();
                Pick::Forward(c2.acquire())
            }
        });
        let rig = Rig::start(told);
        let (mut client, mut service) = rig.asked(&origin, GET.replacen('/', "/first", 1));
        service.send(OK);
        client.message();
        client.send(request);
        is_at_c2.recv_timeout(DEADLINE).unwrap();
        // The worker is held while the pooled connection is reset.
        service.end(Close::Reset);
        go_on.send(()).unwrap();
        let mut service = origin.accept();
        let request = service.message();
        assert_eq!((request.header("x-accordion-token"), request.text()), (Some("token-of-c2"), body));
        service.send(OK);
        assert_eq!(client.message().status(), 200);
    }
}

#[test]
fn workers_share_one_budget_of_repeats() {
    let origin = Origin::start();
    let (dead, alive) = (upstream("dead", refusing_address()), upstream("alive", origin.address));
    let told = Told::new(move |_, avoid| {
        // The first repeat is free; the second is paid for as long as the request runs.
        Pick::Forward(if avoid.len() < 2 { dead.acquire() } else { alive.acquire() })
    });
    let listeners = [(), ()].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let addresses = listeners.each_ref().map(|listener| listener.local_addr().unwrap());
    let _relay = Relay::start(listeners.into(), 2, told, Settings::default()).unwrap();
    let mut running = vec![];
    for index in 0..3 {
        let mut client = Peer::connect(addresses[index % 2]);
        client.send(GET);
        let mut service = origin.accept();
        service.message();
        running.push((client, service));
    }
    for address in addresses {
        let mut client = Peer::connect(address);
        client.send(GET);
        assert_eq!(client.message().status(), 502);
    }
    assert!(!origin.has_more_connections());
}

#[test]
fn a_connect_that_could_not_be_tried_blames_nobody() {
    // A link-local address without its link is an invalid argument, or of no family this machine knows.
    let nowhere = upstream("nowhere", "[fe80::1]:9".parse().unwrap());
    let origin = Origin::start();
    let told = Told::in_order(&[&nowhere, &upstream("alive", origin.address)]);
    let rig = Rig::start(told.clone());
    let (mut client, mut service) = rig.asked(&origin, POST);
    service.send(OK);
    assert_eq!(client.message().header("x-accordion-served-by"), Some("alive"));
    assert_eq!(told.failures(), []);
}

#[test]
fn a_503_of_the_service_itself_is_an_answer() {
    let origin = Origin::start();
    let (c1, c2) = (node("c1", origin.address), node("c2", origin.address));
    let rig = Rig::start(Told::in_order(&[&c1, &c2]));
    let (mut client, mut service) = rig.asked(&origin, GET);
    service.send("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy");
    assert_eq!(client.message().text(), "busy");
}

#[test]
fn nothing_is_repeated_after_the_first_byte_of_an_answer() {
    for begun in ["HTTP/1.1 200 OK\r\nContent-", "nonsense\r\n\r\n"] {
        let origin = Origin::start();
        let (a, b) = (upstream("a", origin.address), upstream("b", origin.address));
        let told = Told::in_order(&[&a, &b]);
        let rig = Rig::start(told.clone());
        let (mut client, mut service) = rig.asked(&origin, GET);
        service.send(begun);
        drop(service);
        let answer = client.message();
        assert_eq!((answer.status(), answer.header("x-accordion-reason")), (502, Some("bad-response")));
        assert_eq!(told.failures(), [("a".to_owned(), Failure::Truncated)]);
    }
}

#[test]
fn a_connection_closed_while_it_rested_costs_nobody_anything() {
    let origin = Origin::start();
    let local = upstream("local", origin.address);
    let told = Told::in_order(&[&local]);
    let rig = Rig::start(told.clone());
    let (mut client, mut service) = rig.asked(&origin, GET);
    service.send(OK);
    client.message();
    drop(service);
    // Whether the close was seen before or while the next one is sent, it goes out on a new connection:
    // nothing of it was written.
    client.send(POST);
    let mut service = origin.accept();
    service.message();
    service.send(OK);
    assert_eq!(client.message().status(), 200);
    assert_eq!((told.failures(), rig.relay.counters().retries), (vec![], 0));
}

#[test]
fn an_answer_that_does_not_begin_in_time_is_a_504_and_not_repeated() {
    let origin = Origin::start();
    let (a, b) = (upstream("a", origin.address), upstream("b", origin.address));
    let told = Told::in_order(&[&a, &b]);
    let settings = Settings { first_byte_timeout: Duration::from_millis(100), ..Settings::default() };
    let rig = Rig::with(told.clone(), settings);
    let (mut client, mut service) = rig.asked(&origin, GET);
    let answer = client.message();
    assert_eq!((answer.status(), answer.header("x-accordion-reason")), (504, Some("first-byte-timeout")));
    assert_eq!(told.failures(), [("a".to_owned(), Failure::FirstByteTimeout)]);
    service.expect_end();
    eventually("it is counted down", || a.in_flight() == 0);
}

#[test]
fn a_request_whose_client_stalls_is_a_408_and_blames_nobody() {
    let part = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello";
    for (request, status, failures) in [(part, 408, 0), (POST, 504, 1)] {
        let origin = Origin::start();
        let a = upstream("a", origin.address);
        let told = Told::in_order(&[&a]);
        let settings = Settings {
            first_byte_timeout: Duration::from_millis(100),
            body_idle_timeout: Duration::from_millis(100),
            ..Settings::default()
        };
        let rig = Rig::with(told.clone(), settings);
        let mut client = rig.client();
        client.send(request);
        let mut service = origin.accept();
        service.head();
        let answer = client.message();
        assert_eq!((answer.status(), told.failures().len()), (status, failures));
        if status == 408 {
            assert_eq!(answer.header("x-accordion-reason"), Some("body-timeout"));
        }
        eventually("it is counted down", || a.in_flight() == 0);
    }
}

#[test]
fn an_upstream_declared_dead_gives_its_get_to_another() {
    let origin = Origin::start();
    let (a, b) = (upstream("a", origin.address), upstream("b", origin.address));
    let rig = Rig::start(Told::in_order(&[&a, &b]));
    let mut client = rig.client();
    client.send(GET);
    let mut silent = origin.accept();
    silent.message();
    a.close();
    silent.expect_end();
    let mut service = origin.accept();
    service.message();
    service.send(OK);
    assert_eq!(client.message().header("x-accordion-served-by"), Some("b"));
}

#[test]
fn a_get_that_two_dead_upstreams_had_goes_to_a_third() {
    let origin = Origin::start();
    let upstreams = ["a", "b", "c"].map(|name| upstream(name, origin.address));
    let rig = Rig::start(Told::in_order(&upstreams.each_ref()));
    let mut client = rig.client();
    client.send(GET);
    for dead in &upstreams[..2] {
        let mut silent = origin.accept();
        silent.message();
        dead.close();
        silent.expect_end();
    }
    let mut service = origin.accept();
    service.message();
    service.send(OK);
    assert_eq!(client.message().header("x-accordion-served-by"), Some("c"));
}

#[test]
fn an_upstream_declared_dead_cuts_an_answer_that_has_begun() {
    let origin = Origin::start();
    let (rig, upstream) = Rig::before(&origin);
    let (mut client, mut service) = rig.asked(&origin, GET);
    service.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
    client.head();
    assert_eq!(client.chunk().unwrap(), b"one");
    upstream.close();
    service.expect_end();
    client.expect_end();
}

#[test]
fn an_upstream_declared_dead_ends_connects_that_hang() {
    let (_full, hanging) = full_listener();
    let origin = Origin::start();
    let (a, b) = (upstream("a", hanging), upstream("b", origin.address));
    let settings = Settings { connect_timeout: Duration::from_secs(60), ..Settings::default() };
    let rig = Rig::with(Told::in_order(&[&a, &b]), settings);
    let mut client = rig.client();
    client.send(GET);
    eventually("it is picked", || a.in_flight() == 1);
    // The pick and the start of the connect are one step of the worker.
    block_on(rig.relay.barrier());
    a.close();
    let mut service = origin.accept();
    service.message();
    service.send(OK);
    assert_eq!(client.message().status(), 200);
}
