//! A client that goes away: what it had asked for ends at once on every hop, and nobody is blamed.

use std::io::Write;
use std::time::Duration;

use crate::peer::{Close, Peer, chunk};
use crate::rig::{CHUNKED, GET, Origin, Rig};

/// What "at once" is here: far more than two hops need, far less than any time-out.
const AT_ONCE: Duration = Duration::from_secs(1);

const ENDS: [Close; 2] = [Close::Fin, Close::Reset];

/// Plays `asks` on a new connection, ends the client in each way, and sees all that follows.
fn ends(asks: impl Fn(&mut Peer, &Origin) -> Peer) {
    for close in ENDS {
        let origin = Origin::start();
        let rig = Rig::chain(&origin);
        let mut client = rig.client();
        let mut service = asks(&mut client, &origin);
        assert_eq!(rig.in_flight(), 2);
        client.end(close);
        service.expect_end_within(AT_ONCE);
        rig.comes_to_rest();
        assert_eq!(rig.failures(), [], "{close:?}");
        assert!(!origin.has_more_connections(), "what nobody waits for is not repeated");
    }
}

#[test]
fn while_it_waits() {
    ends(|client, origin| {
        client.send(GET);
        let mut service = origin.accept();
        service.message();
        service
    });
}

#[test]
fn while_the_answer_streams() {
    for head in [CHUNKED, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"] {
        ends(|client, origin| {
            client.send(GET);
            let mut service = origin.accept();
            service.message();
            service.send(head);
            service.send(chunk("one"));
            client.head();
            assert_eq!(client.bytes(8), b"3\r\none\r\n");
            service
        });
    }
}

#[test]
fn while_it_sends_its_body() {
    for framing in ["Content-Length: 100", "Transfer-Encoding: chunked"] {
        ends(|client, origin| {
            client.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n3\r\none\r\n"));
            let mut service = origin.accept();
            service.head();
            assert_eq!(service.bytes(8), b"3\r\none\r\n");
            service
        });
    }
}

#[test]
fn while_it_takes_nothing_of_its_answer() {
    for close in ENDS {
        let origin = Origin::start();
        let rig = Rig::chain(&origin);
        let (client, mut service) = rig.asked(&origin, GET);
        service.send(CHUNKED);
        // Until nothing more goes in for a while.
        service.tcp().set_write_timeout(Some(Duration::from_millis(100))).unwrap();
        let block = chunk([7; 64 * 1024]);
        while service.tcp().write_all(&block).is_ok() {}
        client.end(close);
        service.expect_end_within(AT_ONCE);
        rig.comes_to_rest();
        assert_eq!(rig.failures(), [], "{close:?}");
    }
}

#[test]
fn between_its_pipelined_requests() {
    for close in ENDS {
        let origin = Origin::start();
        let rig = Rig::chain(&origin);
        let (client, mut service) = rig.asked(&origin, GET.repeat(3));
        client.end(close);
        service.expect_end_within(AT_ONCE);
        rig.comes_to_rest();
        assert_eq!(rig.failures(), []);
        // The others were never asked.
        assert!(!origin.has_more_connections());
    }
}
