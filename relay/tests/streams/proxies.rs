//! Who the client is: proxies in front that are believed, fields that are written, and the PROXY protocol.

use std::net::IpAddr;

use relay::{Forwarding, Settings, TrustedProxies};

use crate::peer::{Close, Message, Peer};
use crate::rig::{GET, OK, Origin, Rig};

/// What a proxy before the front end adds.
const SAID: &str = "GET / HTTP/1.1\r\nHost: a.example\r\nX-Forwarded-For: 198.51.100.7\r\n\
    X-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example\r\nForwarded: for=198.51.100.7\r\n\r\n";

const LINE: &str = "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n";

/// Version 2: PROXY, TCP over IPv4, from 192.0.2.1.
const BINARY: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x01\xdc\x04\x01\xbb";

/// Version 2: LOCAL, the sender speaks for itself.
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

fn trust(address: &str) -> TrustedProxies {
    let trusted: IpAddr = address.parse().unwrap();
    TrustedProxies::new(move |address| address == trusted)
}

/// The request as the service sees it.
fn seen(settings: Settings, request: &str) -> Message {
    let origin = Origin::start();
    let rig = Rig::front_with(&origin, settings);
    let mut client = rig.client();
    client.send(request);
    let mut service = origin.accept();
    let request = service.message();
    service.send(OK);
    client.message();
    request
}

#[test]
fn what_a_trusted_proxy_says_is_kept_and_this_hop_added() {
    let settings = Settings { trusted_proxies: trust("127.0.0.1"), ..Settings::default() };
    let request = seen(settings, SAID);
    assert_eq!(request.header("x-forwarded-for"), Some("198.51.100.7, 127.0.0.1"));
    assert_eq!(request.header("x-forwarded-proto"), Some("https"));
    assert_eq!(request.header("x-forwarded-host"), Some("shop.example"));
    assert_eq!(
        request.header("forwarded"),
        Some("for=198.51.100.7, for=127.0.0.1;proto=http;host=a.example")
    );
}

#[test]
fn what_a_stranger_says_is_replaced() {
    for trusted_proxies in [TrustedProxies::default(), trust("192.0.2.1")] {
        let request = seen(Settings { trusted_proxies, ..Settings::default() }, SAID);
        assert_eq!(request.header("x-forwarded-for"), Some("127.0.0.1"));
        assert_eq!(request.header("x-forwarded-proto"), Some("http"));
        assert_eq!(request.header("x-forwarded-host"), Some("a.example"));
        assert_eq!(request.header("forwarded"), Some("for=127.0.0.1;proto=http;host=a.example"));
    }
}

#[test]
fn only_the_fields_that_are_wanted_are_written_and_none_is_forged() {
    let only_for = Forwarding { x_for: true, ..Forwarding::NONE };
    let request = seen(Settings { forwarding: only_for, ..Settings::default() }, SAID);
    assert_eq!(request.header("x-forwarded-for"), Some("127.0.0.1"));
    for name in ["x-forwarded-proto", "x-forwarded-host", "forwarded", "via"] {
        assert_eq!(request.header(name), None, "{name}");
    }
    let request = seen(Settings { forwarding: Forwarding::NONE, ..Settings::default() }, SAID);
    for name in ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded", "via"] {
        assert_eq!(request.header(name), None, "{name}");
    }
}

#[test]
fn a_node_passes_on_what_the_front_end_has_written() {
    let origin = Origin::start();
    let rig = Rig::chain(&origin);
    let mut client = rig.client();
    client.send(SAID);
    let mut service = origin.accept();
    let request = service.message();
    assert_eq!(request.header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(request.header("forwarded"), Some("for=127.0.0.1;proto=http;host=a.example"));
    assert_eq!(request.header("via"), Some("1.1 accordion"));
    assert_eq!(request.header("x-accordion-token"), None);
}

fn proxied(trusted_proxies: TrustedProxies) -> (Origin, Rig) {
    let origin = Origin::start();
    let settings = Settings { proxy_protocol: true, trusted_proxies, ..Settings::default() };
    let rig = Rig::front_with(&origin, settings);
    (origin, rig)
}

fn asks(client: &mut Peer, service: &mut Option<Peer>, origin: &Origin) -> Message {
    let service = service.get_or_insert_with(|| origin.accept());
    let request = service.message();
    service.send(OK);
    assert_eq!(client.message().text(), "ok");
    request
}

#[test]
fn a_proxy_header_of_either_version_names_the_client_for_all_its_requests() {
    for trusted in [TrustedProxies::default(), trust("127.0.0.1")] {
        let (origin, rig) = proxied(trusted);
        let mut service = None;
        for header in [LINE.as_bytes(), BINARY] {
            // At once with the first request, and cut anywhere.
            for cut in [header.len(), 1, 5, header.len() - 1] {
                let mut client = rig.client();
                client.send(&header[..cut]);
                rig.has_heard();
                client.send([&header[cut..], SAID.as_bytes()].concat());
                let request = asks(&mut client, &mut service, &origin);
                // Nobody believes what the client itself says.
                assert_eq!(request.header("x-forwarded-for"), Some("192.0.2.1"));
                client.send(GET);
                let request = asks(&mut client, &mut service, &origin);
                assert_eq!(request.header("x-forwarded-for"), Some("192.0.2.1"));
                assert_eq!(request.header("forwarded"), Some("for=192.0.2.1;proto=http;host=a.example"));
            }
        }
    }
}

#[test]
fn one_that_names_nobody_leaves_the_proxy_as_the_client() {
    let (origin, rig) = proxied(TrustedProxies::default());
    let mut service = None;
    for header in [&b"PROXY UNKNOWN\r\n"[..], LOCAL] {
        let mut client = rig.client();
        client.send([header, GET.as_bytes()].concat());
        let request = asks(&mut client, &mut service, &origin);
        assert_eq!(request.header("x-forwarded-for"), Some("127.0.0.1"));
    }
}

#[test]
fn a_header_of_a_stranger_or_none_at_all_closes_the_connection_without_a_word() {
    for (trusted, bytes) in [
        (trust("192.0.2.1"), [LINE.as_bytes(), GET.as_bytes()].concat()),
        (trust("192.0.2.1"), [BINARY, GET.as_bytes()].concat()),
        (trust("127.0.0.1"), GET.as_bytes().to_vec()),
        (TrustedProxies::default(), GET.as_bytes().to_vec()),
        (TrustedProxies::default(), b"PROXY TCP4 nonsense\r\n".to_vec()),
    ] {
        let (origin, rig) = proxied(trusted);
        let mut client = rig.client();
        client.send(bytes);
        client.expect_end();
        assert!(!origin.has_more_connections());
        crate::rig::eventually("it is closed", || rig.relay.counters().connections_open == 0);
    }
}

#[test]
fn a_second_header_on_a_connection_is_no_request() {
    let (origin, rig) = proxied(TrustedProxies::default());
    let mut client = rig.client();
    client.send([LINE, LINE, GET].concat());
    assert_eq!(client.head().status(), 400);
    let (_, close) = client.rest_and_close();
    assert_eq!(close, Close::Fin);
    assert!(!origin.has_more_connections());
}
