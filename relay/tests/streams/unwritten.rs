//! A body that was read to its end and is not written to its end, because the service takes no more of it: if
//! the service dies then, what is left of the body must never be read as the next request.

use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Socket, Type};

use crate::peer::{Close, Message, Peer};
use crate::queues::{settled, unread, unread_by_peer};
use crate::rig::{Origin, Rig};

const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n";

/// More than everything on the way holds, and as many digits as what that is.
const FIRST_LENGTH: usize = 9_000_000;

/// What is to be left unwritten: the smuggled request, and fewer empty lines before it than a parser lets pass.
const LEFT: std::ops::Range<usize> = 100..8_000;

/// Lengths that are tried: how much is taken differs from one connection to the next, the more so beside other tests.
const TRIES: usize = 80;

/// A service that takes little of what it does not read.
fn narrow_origin() -> Origin {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
    socket.listen(16).unwrap();
    Origin::on(TcpListener::from(socket))
}

fn head(length: usize) -> String {
    format!("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: {length}\r\n\r\n")
}

/// Empty lines, which may stand before a request, and one.
fn body(length: usize) -> Vec<u8> {
    let mut body: Vec<u8> = b"\n\r".iter().copied().cycle().take(length - SMUGGLED.len()).collect();
    body.reverse();
    body.extend(SMUGGLED.as_bytes());
    body
}

/// Bytes of a head as it was sent.
fn bytes_of(head: &Message) -> usize {
    let fields =
        head.headers.iter().map(|(name, value)| name.len() + ": ".len() + value.len() + "\r\n".len());
    head.start.len() + "\r\n".len() + fields.sum::<usize>() + "\r\n".len()
}

/// A client whose whole body was read, and the service that was not written all of it.
fn stuck_at_the_end(rig: &Rig, origin: &Origin) -> (Peer, Peer) {
    let head_bytes = {
        let mut client = rig.client();
        client.send(head(FIRST_LENGTH));
        bytes_of(&origin.accept().head())
    };
    let mut length = FIRST_LENGTH;
    for _ in 0..TRIES {
        let mut client = rig.client();
        client.send(head(length));
        let service = origin.accept();
        // What does not fit is cut off: it was too long then.
        client.send_what_fits(&body(length));
        let [waits, taken] = settled(|| [unread_by_peer(client.tcp()), unread(service.tcp())]);
        let left = (head_bytes + length).saturating_sub(taken);
        if waits == 0 && LEFT.contains(&left) {
            return (client, service);
        }
        // As much as was taken, and what is to be left of it.
        length = length - left + LEFT.end / 2;
    }
    panic!("no length ends in the piece that is not written");
}

#[test]
fn is_not_the_next_request() {
    let origin = narrow_origin();
    let rig = Rig::front(&origin);
    let (mut client, service) = stuck_at_the_end(&rig, &origin);
    let requests = rig.relay.counters().requests;
    service.end(Close::Reset);
    let answer = client.message();
    assert_eq!((answer.status(), answer.reason()), (502, Some("upstream-closed")));
    assert_eq!(answer.header("connection"), Some("close"));
    client.expect_end();
    rig.comes_to_rest();
    assert!(!origin.has_more_connections(), "a part of the body went out as a request");
    assert_eq!(rig.relay.counters().requests, requests);
}
