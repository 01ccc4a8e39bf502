//! Requests in flight, long-lived ones, waiting ones, and the workers' barrier.

use std::future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use relay::{Pick, Protocol, Settings, Totals, Upstream, UpstreamSpec};

use crate::peer::{Close, Peer};
use crate::rig::{
    GET, OK, Origin, POST, Rig, Told, block_on, eventually, nobody, refusing_address, upstream,
};

#[test]
fn a_request_is_counted_until_its_body_ends() {
    let origin = Origin::start();
    let (rig, upstream) = Rig::before(&origin);
    let (mut client, mut service) = rig.asked(&origin, GET);
    service.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\none");
    client.head();
    assert_eq!(client.bytes(3), b"one");
    assert_eq!((upstream.in_flight(), upstream.totals().served), (1, 0));
    service.send("two");
    assert_eq!(client.bytes(3), b"two");
    eventually("it is counted down", || upstream.in_flight() == 0);
    let totals = upstream.totals();
    assert_eq!((totals.served, totals.ended), (1, 1));
    assert!(totals.service_time_sum > Duration::ZERO);
}

#[test]
fn a_limit_holds_against_many_threads_at_once() {
    let upstream = upstream("local", refusing_address());
    let taken: usize = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let guards: Vec<_> = (0..100).filter_map(|_| upstream.try_acquire(17.0)).collect();
                    let count = guards.len();
                    std::mem::forget(guards);
                    count
                })
            })
            .collect();
        tries.into_iter().map(|tried| tried.join().unwrap()).sum()
    });
    assert_eq!((taken, upstream.in_flight(), upstream.load()), (17, 17, 17.0));
}

#[test]
fn a_release_is_told_after_it_is_counted() {
    let seen = Arc::new(Mutex::new(vec![]));
    let told = Arc::clone(&seen);
    let spec = UpstreamSpec {
        name: "a".into(),
        address: refusing_address(),
        token: None,
        may_refuse: false,
        protocol: Protocol::Http1,
    };
    let upstream = Upstream::new(spec, move |upstream| told.lock().unwrap().push(upstream.in_flight()));
    let (first, second) = (upstream.acquire(), upstream.acquire());
    drop(first);
    drop(second);
    assert_eq!(*seen.lock().unwrap(), [1, 0]);
}

#[test]
fn a_quiet_old_request_weighs_less_until_it_moves() {
    let origin = Origin::start();
    let local = upstream("local", origin.address);
    let settings = Settings {
        long_lived_after: Duration::from_millis(100),
        long_lived_quiet: Duration::from_millis(50),
        long_lived_weight: 0.1,
        ..Settings::default()
    };
    let rig = Rig::with(Told::in_order(&[&local]), settings);
    let (mut client, mut service) = rig.asked(&origin, GET);
    service.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.head();
    assert_eq!((local.long_lived(), local.load()), (0, 1.0));
    eventually("it is long-lived", || local.long_lived() == 1);
    assert_eq!((local.in_flight(), local.load()), (1, 0.1));
    assert!(local.try_acquire(1.0).is_none() && local.try_acquire(1.1).is_some());
    // Bytes that keep moving keep it whole; each is seen by the client before the next is sent.
    service.send("1\r\nx\r\n");
    assert_eq!(client.chunk().unwrap(), b"x");
    eventually("it moved, and rests again", || local.long_lived() == 1);
    service.send("0\r\n\r\n");
    assert_eq!(client.chunk(), None);
    eventually("it is counted down", || local.in_flight() == 0);
    assert_eq!((local.long_lived(), local.load()), (0, 0.0));
    assert_eq!((local.totals().served, local.totals().ended), (1, 0));
}

#[test]
fn a_byte_makes_a_long_lived_request_whole_at_once() {
    let origin = Origin::start();
    let weights = Arc::new(Mutex::new(vec![]));
    let told = Arc::clone(&weights);
    let spec = UpstreamSpec {
        name: "a".into(),
        address: origin.address,
        token: None,
        may_refuse: false,
        protocol: Protocol::Http1,
    };
    let local = Upstream::new(spec, move |upstream| told.lock().unwrap().push(upstream.load()));
    let settings = Settings {
        long_lived_after: Duration::from_millis(50),
        long_lived_quiet: Duration::from_millis(50),
        ..Settings::default()
    };
    let rig = Rig::with(Told::in_order(&[&local]), settings);
    let (mut client, mut service) = rig.asked(&origin, GET);
    service.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    eventually("it is long-lived", || local.long_lived() == 1);
    service.send("x");
    client.head();
    assert_eq!(client.bytes(1), b"x");
    // Each time the weight falls is told, so a second fall proves that it rose in between.
    eventually("it moved, and rests again", || *weights.lock().unwrap() == [0.1, 0.1]);
}

#[test]
fn only_an_answer_that_began_enters_the_service_time() {
    let origin = Origin::start();
    let (rig, upstream) = Rig::before(&origin);
    // Cancelled, then lost: the service had no time to show.
    let mut client = rig.client();
    client.send(GET);
    origin.accept().message();
    drop(client);
    eventually("the first is counted down", || upstream.in_flight() == 0);
    let mut client = rig.client();
    client.send(POST);
    origin.accept().message();
    assert_eq!(client.message().status(), 502);
    assert_eq!(upstream.totals(), Totals::default());
    // Cut within its answer.
    client.send(GET);
    let mut service = origin.accept();
    service.message();
    service.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\none");
    client.head();
    drop(client);
    eventually("the last is counted down", || upstream.in_flight() == 0);
    assert_eq!((upstream.totals().served, upstream.totals().ended), (1, 1));
}

#[test]
fn waiting_ends_when_the_client_goes_away() {
    // A body that came with the head, one that comes while the request waits, and one that breaks off.
    for (head, body) in [(GET, ""), (POST, ""), POST.split_at(POST.len() - 5), POST.split_at(POST.len() - 2)]
    {
        wait_ends(head, body, drop);
    }
    let (head, part) = POST.split_at(POST.len() - 5);
    wait_ends(head, &part[..2], drop);
}

#[test]
fn waiting_ends_when_a_client_breaks_off_that_has_sent_more_than_is_kept() {
    let head = "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 300000\r\n\r\n";
    wait_ends(head, &"x".repeat(200_000), |client| client.end(Close::Reset));
    wait_ends(GET, &GET.repeat(5_000), |client| client.end(Close::Reset));
}

fn wait_ends(head: &str, body: &str, end: impl Fn(Peer)) {
    struct Waiting(Arc<AtomicBool>);
    impl Drop for Waiting {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let (waits, ended) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (sees_wait, sees_end) = (Arc::clone(&waits), Arc::clone(&ended));
    let rig = Rig::start(Told::new(move |_, _| {
        sees_wait.store(true, Ordering::SeqCst);
        let waiting = Waiting(Arc::clone(&sees_end));
        Pick::Wait(Box::pin(async move {
            let _waiting = waiting;
            future::pending().await
        }))
    }));
    let mut client = rig.client();
    client.send(head);
    eventually("it waits", || waits.load(Ordering::SeqCst));
    client.send(body);
    assert!(!ended.load(Ordering::SeqCst));
    end(client);
    eventually("the wait is dropped", || ended.load(Ordering::SeqCst));
}

#[test]
fn a_wait_ends_in_another_pick() {
    let origin = Origin::start();
    let local = upstream("local", origin.address);
    let rig = Rig::start(Told::new(move |head, _| {
        let then = match head.path_and_query() {
            "/go" => Pick::Forward(local.acquire()),
            _ => Pick::Refuse(nobody()),
        };
        Pick::Wait(Box::pin(async move {
            tokio::task::yield_now().await;
            then
        }))
    }));
    assert_eq!(rig.ask(GET).status(), 503);
    let (mut client, mut service) = rig.asked(&origin, "GET /go HTTP/1.1\r\nHost: a\r\n\r\n");
    service.send(OK);
    assert_eq!(client.message().status(), 200);
}

#[test]
fn the_barrier_passes_only_after_a_pick_under_way() {
    let origin = Origin::start();
    let local = upstream("local", origin.address);
    let (picking, may_pick) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (says_picking, waits_for) = (Arc::clone(&picking), Arc::clone(&may_pick));
    let picked = Arc::clone(&local);
    let rig = Rig::start(Told::new(move |_, _| {
        says_picking.store(true, Ordering::SeqCst);
        while !waits_for.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        Pick::Forward(picked.acquire())
    }));
    let mut client = rig.client();
    client.send(GET);
    eventually("the pick is under way", || picking.load(Ordering::SeqCst));
    block_on(async {
        let mut barrier = std::pin::pin!(rig.relay.barrier());
        let early = tokio::time::timeout(Duration::from_millis(50), barrier.as_mut()).await;
        assert!(early.is_err(), "the barrier passed a pick that was under way");
        may_pick.store(true, Ordering::SeqCst);
        barrier.await;
    });
    assert_eq!(local.in_flight(), 1);
}

#[test]
fn a_dropped_relay_leaves_nothing_in_flight() {
    let origin = Origin::start();
    let (rig, upstream) = Rig::before(&origin);
    let (mut client, mut service) = rig.asked(&origin, GET);
    drop(rig);
    service.expect_end();
    client.expect_end();
    assert_eq!(upstream.in_flight(), 0);
}
