//! Handshakes: of whom there are too many, those that come to nothing, and those by other certificates than before.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use relay::{HandshakeFault, Settings};
use rustls::version::{TLS12, TLS13};

use crate::client::Client;
use crate::peer::Peer;
use crate::rig::{GET, OK, Origin, eventually};
use crate::site::{NAME, Site};

/// It serves on.
fn serves(site: &Site, origin: &Origin) {
    let mut client = site.client();
    client.send(GET);
    let mut service = origin.accept();
    service.message();
    service.send(OK);
    assert!(client.head().starts_with("http/1.1 200 "));
}

#[test]
fn what_is_no_tls_is_closed_counted_and_told() {
    let origin = Origin::start();
    let site = Site::before(&origin);
    for garbage in [GET.as_bytes(), &[0; 600], b"\x16\x03\x01\x00\x05hello"] {
        let mut client = Peer::connect(site.address);
        client.send(garbage);
        client.rest();
    }
    eventually("all are told", || site.failed.lock().unwrap().len() == 3);
    assert_eq!(site.metric("accordion_tls_handshakes_failed_total{reason=\"not-tls\"}"), 3);
    let failed = site.failed.lock().unwrap().clone();
    assert_eq!(failed[0].0, HandshakeFault::NotTls);
    assert!(failed[0].1.contains("no TLS"), "{failed:?}");
    serves(&site, &origin);
    assert!(!origin.has_more_connections(), "no request in the clear went on");
}

#[test]
fn a_handshake_has_as_long_as_a_head() {
    let origin = Origin::start();
    let settings = Settings { head_timeout: Duration::from_millis(200), ..Settings::default() };
    let site = Site::with(&origin, settings);
    for begin in [&b""[..], b"\x16\x03\x01\x02\x00\x01"] {
        let began = Instant::now();
        let mut client = Peer::connect(site.address);
        client.send(begin);
        client.rest();
        assert!(began.elapsed() >= Duration::from_millis(200));
    }
    eventually("both are counted", || {
        site.metric("accordion_tls_handshakes_failed_total{reason=\"timeout\"}") == 2
    });
    // And so has the request after it.
    let mut client = site.client();
    client.send("GET / HT");
    assert!(client.head().starts_with("http/1.1 408 "));
}

#[test]
fn who_goes_away_and_who_speaks_another_protocol_are_counted_apart() {
    let origin = Origin::start();
    let site = Site::before(&origin);
    drop(TcpStream::connect(site.address).unwrap());
    let count =
        |reason: &str| site.metric(&format!("accordion_tls_handshakes_failed_total{{reason=\"{reason}\"}}"));
    eventually("it is counted", || count("gone") == 1);
    let config = site.authority.client(&TLS13, Some("spdy/3"));
    let name = NAME.try_into().unwrap();
    let mut session = rustls::ClientConnection::new(config, name).unwrap();
    let mut tcp = TcpStream::connect(site.address).unwrap();
    session.complete_io(&mut tcp).unwrap_err();
    eventually("it is counted", || count("refused") == 1);
    serves(&site, &origin);
}

#[test]
fn connections_of_tls_count_from_the_first_byte_and_one_too_many_is_closed() {
    let origin = Origin::start();
    let site = Site::with(&origin, Settings { connections_max: 2, ..Settings::default() });
    let _client = site.client();
    let _silent = TcpStream::connect(site.address).unwrap();
    eventually("both are counted", || site.relay.counters().connections_open == 2);
    Peer::connect(site.address).expect_end();
    let mut plain = Peer::connect(site.plain);
    plain.send(GET);
    assert_eq!(plain.message().reason(), Some("too-many-connections"));
}

#[test]
fn a_balancer_names_the_client_before_the_handshake() {
    let origin = Origin::start();
    let site = Site::with(&origin, Settings { proxy_protocol: true, ..Settings::default() });
    let line = b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n";
    for cut in [3, line.len()] {
        let mut tcp = TcpStream::connect(site.address).unwrap();
        tcp.set_nodelay(true).unwrap();
        tcp.write_all(&line[..cut]).unwrap();
        tcp.write_all(&line[cut..]).unwrap();
        let mut client = Client::over(tcp, NAME, site.authority.client(&TLS12, None));
        client.send(GET);
        let asked = origin.accept().message();
        assert_eq!(asked.header("x-forwarded-for"), Some("192.0.2.7"));
        assert_eq!(asked.header("x-forwarded-proto"), Some("https"));
    }
    let mut client = Peer::connect(site.address);
    client.send(b"\x16\x03\x01\x02\x00\x01");
    client.rest();
    eventually("it is counted", || {
        site.metric("accordion_tls_handshakes_failed_total{reason=\"not-tls\"}") == 1
    });
}

#[test]
fn new_certificates_are_shown_to_who_comes_and_nobody_who_is_there_notices() {
    let origin = Origin::start();
    let site = Site::before(&origin);
    let mut before = site.client();
    *site.shown.lock().unwrap() = site.authority.server(NAME);
    let after = site.client();
    assert_ne!(before.shown(), after.shown());
    before.send(GET);
    let mut service = origin.accept();
    service.message();
    service.send(OK);
    assert!(before.head().starts_with("http/1.1 200 "));
}
