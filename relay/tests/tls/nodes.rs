//! A front end that calls its nodes with TLS, each by its name, and nodes that take who is theirs.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;

use relay::{
    Failure, HandshakeFault, Pick, Protocol, Relay, Secured, Settings, TlsClient, TlsCounts, TlsServer,
    Upstream, UpstreamSpec,
};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use crate::certificates::Authority;
use crate::rig::{GET, OK, Origin, POST, Rig, Told, eventually, upstream};

const NODE: &str = "c1.node.example";
const SHOP: &str = "shop.front.example";

struct Node {
    _relay: Relay,
    address: SocketAddr,
    /// Who asked for something.
    asked: Arc<Mutex<Vec<String>>>,
    /// Whom it did not take.
    refused: Arc<Mutex<Vec<(HandshakeFault, String)>>>,
}

impl Node {
    fn before(origin: &Origin, authority: &Authority) -> Node {
        let local = upstream("local", origin.address);
        let (asked, refused) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<Mutex<Vec<_>>>::default());
        let (asks, refuses) = (Arc::clone(&asked), Arc::clone(&refused));
        let told = Told::new(move |head, _| {
            asks.lock().unwrap().push(head.peer().unwrap().to_owned());
            Pick::Forward(local.acquire())
        });
        let config = authority.node(NODE);
        let tls = TlsServer::new(move || Arc::clone(&config))
            .naming(|_| Some("shop".into()))
            .telling(move |failed| refuses.lock().unwrap().push((failed.fault, failed.words.to_owned())));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let secured = Some(Secured { listeners: vec![listener], tls });
        let settings = Settings { front: false, ..Settings::default() };
        let relay = Relay::start_secured(vec![], secured, 1, told, settings).unwrap();
        Node { _relay: relay, address, asked, refused }
    }
}

fn called(
    address: SocketAddr,
    name: &'static str,
    config: Arc<ClientConfig>,
    protocol: Protocol,
) -> (Arc<Upstream>, Arc<TlsCounts>) {
    let counts = Arc::<TlsCounts>::default();
    let name = ServerName::try_from(name).unwrap();
    let tls = TlsClient::new(name, move || Arc::clone(&config), |_| (), Arc::clone(&counts));
    let spec = UpstreamSpec { name: "c1".into(), address, token: None, may_refuse: true, protocol };
    (Upstream::new_secured(spec, Some(tls), |_| ()), counts)
}

#[test]
fn requests_pass_and_a_new_connection_is_made_by_a_ticket() {
    let (origin, authority) = (Origin::start(), Authority::new());
    let node = Node::before(&origin, &authority);
    let config = authority.front_end(SHOP, &authority);
    let (c1, counts) = called(node.address, NODE, config, Protocol::Http1);
    let rig = Rig::start(Told::in_order(&[&c1]));
    let body = vec![b'x'; 2_000_000];
    let mut client = rig.client();
    let mut sends = client.try_clone();
    thread::scope(|scope| {
        scope.spawn(|| {
            use std::io::Write;
            let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len());
            sends.write_all(&[head.as_bytes(), &body].concat()).unwrap();
        });
        let mut service = origin.accept();
        assert!(service.message().body == body);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        scope.spawn(move || service.send([head.as_bytes(), &vec![b'y'; 2_000_000]].concat()));
        assert_eq!(client.message().body.len(), body.len());
    });
    // A kept connection needs no handshake, though the node's tickets have come on it meanwhile.
    client.send(POST);
    let mut service = origin.accept();
    assert_eq!(service.message().body, b"hello");
    service.send(OK);
    client.message();
    assert_eq!(counts.read(), (1, 0, 0));
    c1.close_idle();
    eventually("it is closed", || {
        client.send(GET);
        service.message();
        service.send(OK);
        client.message();
        counts.read() == (1, 1, 0)
    });
    assert!(node.asked.lock().unwrap().iter().all(|peer| peer == "shop"));
}

#[test]
fn streams_of_http_2_go_the_same_way() {
    let (origin, authority) = (Origin::start(), Authority::new());
    let node = Node::before(&origin, &authority);
    let config = authority.front_end(SHOP, &authority);
    let (c1, counts) = called(node.address, NODE, config, Protocol::H2c);
    let rig = Rig::start(Told::in_order(&[&c1]));
    for _ in 0..2 {
        let (mut client, mut service) = rig.asked(&origin, POST);
        service.send(OK);
        assert_eq!(client.message().text(), "ok");
    }
    assert_eq!(counts.read(), (1, 0, 0));
}

/// Even what cannot be repeated once it was sent goes elsewhere: nothing of it was sent.
fn goes_elsewhere(c1: &Arc<Upstream>, counts: &TlsCounts) {
    let other = Origin::start();
    let rig = Rig::start(Told::in_order(&[c1, &upstream("other", other.address)]));
    let mut client = rig.client();
    client.send(POST);
    let mut service = other.accept();
    assert_eq!(service.message().body, b"hello");
    service.send(OK);
    assert_eq!(client.message().status(), 200);
    assert_eq!(rig.told.failures(), [("c1".to_owned(), Failure::Connect)]);
    assert_eq!(counts.read(), (0, 0, 1));
}

#[test]
fn a_node_that_does_not_take_the_front_end_is_as_one_that_refuses_connections() {
    let (origin, authority, stranger) = (Origin::start(), Authority::new(), Authority::new());
    let node = Node::before(&origin, &authority);
    let config = authority.front_end(SHOP, &stranger);
    let (c1, counts) = called(node.address, NODE, config, Protocol::Http1);
    goes_elsewhere(&c1, &counts);
    eventually("the node tells why", || !node.refused.lock().unwrap().is_empty());
    assert_eq!(node.refused.lock().unwrap()[0].0, HandshakeFault::Refused);
    assert!(node.asked.lock().unwrap().is_empty());
}

#[test]
fn another_node_than_the_one_that_is_called_gets_no_request() {
    let (origin, authority) = (Origin::start(), Authority::new());
    let node = Node::before(&origin, &authority);
    let config = authority.front_end(SHOP, &authority);
    let (c2, counts) = called(node.address, "c2.node.example", config, Protocol::Http1);
    goes_elsewhere(&c2, &counts);
    assert!(node.asked.lock().unwrap().is_empty());
}

#[test]
fn who_speaks_no_tls_gets_no_request() {
    let (origin, authority) = (Origin::start(), Authority::new());
    let local = upstream("local", origin.address);
    let plain = Rig::start(Told::in_order(&[&local]));
    let config = authority.front_end(SHOP, &authority);
    let (c1, counts) = called(plain.address, NODE, config, Protocol::Http1);
    goes_elsewhere(&c1, &counts);
    assert!(!origin.has_more_connections());
}
