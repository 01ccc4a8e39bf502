//! Who arrives while a relay begins to drain: everybody who is connected by then is served.

use std::future::{Future, poll_fn};
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use relay::{Drained, Pick, Relay, Settings};
use tokio::sync::Semaphore;

use crate::drain::listener_with;
use crate::peer::{DEADLINE, Peer};
use crate::rig::{GET, Told, block_on, eventually, nobody};

const CLIENTS: usize = 400;

/// Keeps the thread that comes here first from doing anything else.
#[derive(Default)]
struct Hold {
    is_reached: AtomicBool,
    may_go: AtomicBool,
}

impl Hold {
    fn pass(&self) {
        if !self.is_reached.swap(true, Ordering::SeqCst) {
            while !self.may_go.load(Ordering::SeqCst) {
                thread::yield_now();
            }
        }
    }

    fn is_reached(&self) -> bool {
        self.is_reached.load(Ordering::SeqCst)
    }

    fn let_go(&self) {
        self.may_go.store(true, Ordering::SeqCst);
    }
}

/// A worker that answers a command wakes whoever asked, and so is held in between two commands.
impl Wake for Hold {
    fn wake(self: Arc<Self>) {
        self.pass();
    }
}

/// Refuses everybody: the first after a hold, and those who come to the worker that was held when it is their
/// turn.
struct Door {
    told: Arc<Told>,
    hold: Arc<Hold>,
    asked: Arc<AtomicUsize>,
    turn: Arc<Semaphore>,
}

impl Door {
    fn new() -> Door {
        let (hold, asked) = (Arc::<Hold>::default(), Arc::<AtomicUsize>::default());
        let turn = Arc::new(Semaphore::new(0));
        let (holds, counts, waits) = (Arc::clone(&hold), Arc::clone(&asked), Arc::clone(&turn));
        let told = Told::new(move |_, _| {
            if !holds.is_reached() {
                holds.pass();
                return Pick::Refuse(nobody());
            }
            counts.fetch_add(1, Ordering::SeqCst);
            if thread::current().name() != Some("relay-0") {
                return Pick::Refuse(nobody());
            }
            let turn = Arc::clone(&waits);
            Pick::Wait(Box::pin(async move {
                turn.acquire().await.unwrap().forget();
                Pick::Refuse(nobody())
            }))
        });
        Door { told, hold, asked, turn }
    }

    /// Holds the first worker, whose address it is, with no connection of its own.
    fn hold(&self, relay: &Relay, address: SocketAddr) -> Arc<Hold> {
        let mut first = Peer::connect(address);
        first.send("GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n");
        eventually("it is held in its pick", || self.hold.is_reached());
        let hold = Arc::<Hold>::default();
        let waker = Waker::from(Arc::clone(&hold));
        let mut barrier = pin!(relay.barrier());
        assert!(barrier.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        self.hold.let_go();
        eventually("it is held in its answer", || hold.is_reached());
        assert_eq!(first.message().status(), 503);
        first.expect_end();
        hold
    }

    /// Drains the relay, lets the worker go, and expects the drain to wait for all clients.
    fn drain(&self, relay: &Relay, hold: &Hold) {
        let drained = block_on(async {
            let mut drain = pin!(relay.drain(DEADLINE));
            let early = poll_fn(|cx| Poll::Ready(drain.as_mut().poll(cx))).await;
            assert!(early.is_pending(), "the drain ended before it could begin");
            hold.let_go();
            let all_ask = async {
                while self.asked.load(Ordering::SeqCst) < CLIENTS {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                relay.barrier().await;
            };
            tokio::select! {
                biased;
                _ = drain.as_mut() => panic!("the drain ended before all were served"),
                ask = tokio::time::timeout(DEADLINE, all_ask) => ask.expect("all come in"),
            }
            self.turn.add_permits(CLIENTS);
            drain.await
        });
        assert_eq!(drained, Drained { cut: 0 });
    }
}

fn start(workers: usize) -> (Door, Relay, Vec<SocketAddr>) {
    let door = Door::new();
    let listener = |_| listener_with(|socket| socket.listen(4 * CLIENTS as i32).unwrap());
    let listeners: Vec<TcpListener> = (0..workers).map(listener).collect();
    let addresses = listeners.iter().map(|listener| listener.local_addr().unwrap()).collect();
    let relay = Relay::start(listeners, workers, Arc::clone(&door.told) as _, Settings::default()).unwrap();
    (door, relay, addresses)
}

fn crowd(address: SocketAddr) -> Vec<Peer> {
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| Peer::connect(address)).collect();
    clients.iter_mut().for_each(|client| client.send(GET));
    clients
}

fn are_served(clients: &mut [Peer]) {
    for client in clients {
        assert_eq!(client.message().status(), 503);
    }
}

#[test]
fn who_waits_on_the_socket() {
    let (door, relay, addresses) = start(1);
    let hold = door.hold(&relay, addresses[0]);
    let mut clients = crowd(addresses[0]);
    door.drain(&relay, &hold);
    drop(relay);
    are_served(&mut clients);
}

#[test]
fn who_is_on_the_way_from_one_worker_to_another() {
    let (door, relay, addresses) = start(2);
    let hold = door.hold(&relay, addresses[0]);
    // The other worker gives the one that is held its share of them.
    let mut clients = crowd(addresses[1]);
    eventually("all are taken", || relay.counters().connections_open == CLIENTS as u64);
    door.drain(&relay, &hold);
    drop(relay);
    are_served(&mut clients);
}
