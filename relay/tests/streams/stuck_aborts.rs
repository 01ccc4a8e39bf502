//! A client that goes away while nothing is read from it, because what it sends goes nowhere: its end stands
//! behind bytes that nobody takes, and is seen all the same.

use std::time::{Duration, Instant};

use crate::peer::{Close, Peer};
use crate::queues::{settled, unread_by_peer};
use crate::rig::{CHUNKED, GET, Origin, Rig};

/// What "at once" is here: far more than two hops need, far less than any time-out.
const AT_ONCE: Duration = Duration::from_secs(1);

/// More than everything on the way holds.
const BODY: usize = 32 << 20;

/// Sends a body, of which the rest stays unread.
fn upload(client: &mut Peer) -> usize {
    client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {BODY}\r\n\r\n"));
    client.send_what_fits(&vec![b'x'; BODY])
}

fn ends_at_once(rig: &Rig, client: Peer) {
    let began = Instant::now();
    client.end(Close::Reset);
    rig.comes_to_rest();
    assert!(began.elapsed() < AT_ONCE);
    assert_eq!(rig.failures(), []);
}

#[test]
fn while_the_service_takes_nothing_of_its_body() {
    for has_answer in [false, true] {
        let origin = Origin::start();
        let rig = Rig::chain(&origin);
        let mut client = rig.client();
        upload(&mut client);
        let mut service = origin.accept();
        if has_answer {
            service.send(CHUNKED);
            assert_eq!(client.head().status(), 200);
        }
        assert_eq!(rig.in_flight(), 2);
        ends_at_once(&rig, client);
        // The service is told so that no bytes stand before it.
        service.head();
        assert_eq!(service.rest_and_close().1, Close::Reset);
        assert!(!origin.has_more_connections(), "what nobody waits for is not repeated");
    }
}

#[test]
fn while_it_has_sent_more_ahead_than_is_kept() {
    let origin = Origin::start();
    let rig = Rig::chain(&origin);
    let mut client = rig.client();
    client.send_what_fits(GET.repeat(1_000_000).as_bytes());
    let mut service = origin.accept();
    service.message();
    ends_at_once(&rig, client);
    service.expect_end();
}

#[test]
fn but_not_while_it_only_has_no_more_to_say() {
    let origin = Origin::start();
    let rig = Rig::front(&origin);
    let waits = |client: &Peer| settled(|| [unread_by_peer(client.tcp()), 0])[0];
    // So much is taken of what nobody reads, and a little more waits, so that nothing keeps the end from coming.
    let mut bytes = {
        let mut client = rig.client();
        let bytes = upload(&mut client);
        let service = origin.accept();
        let taken = bytes - waits(&client);
        drop(service);
        taken
    };
    let (mut client, mut service) = loop {
        let mut client = rig.client();
        client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {BODY}\r\n\r\n"));
        let service = origin.accept();
        bytes += 20_000;
        client.send(vec![b'x'; bytes]);
        if waits(&client) > 0 {
            break (client, service);
        }
        assert!(bytes < BODY);
    };
    client.finish();
    rig.has_heard();
    assert!(rig.in_flight() > 0);
    service.head();
    assert_eq!(service.rest_and_close().0.len(), bytes);
    assert_eq!(client.message().status(), 400);
}
