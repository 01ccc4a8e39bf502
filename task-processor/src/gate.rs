//! The data path's gate: which lease a request belongs to, and whether it may go in.
//!
//! A request is known by the token of its lease. There is no queue here and no limit: how much a
//! copy gets is the front end's decision. The gate takes no lock: the few doors are one snapshot
//! that is swapped whole, and each door's latch is one atomic.

#[cfg(test)]
mod properties;

use std::borrow::Cow;
use std::hint;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering, fence};

use arc_swap::ArcSwap;
use relay::{Dispatch, Failure, Head, Pick, Protocol, Refusal, Upstream, UpstreamSpec};
use tokio::sync::Notify;

use crate::grpc::refusals::Refusals;
use crate::lease::{LeaseId, Token};

/// Tokens of ended leases that are still refused politely; more than a front end can have in use at once.
const GONE_REMEMBERED: usize = 64;

const OPEN: u8 = 0;
const DRAINING: u8 = 1;
const GONE: u8 = 2;

/// All doors of the node.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    doors: ArcSwap<Doors>,
    idle: Arc<Notify>,
    refusals: Arc<Refusals>,
}

/// One lease's way in.
#[derive(Debug)]
pub(crate) struct Door {
    lease: LeaseId,
    /// Whose front end may come, where front ends say who they are.
    service: String,
    token: Token,
    upstream: Arc<Upstream>,
    latch: Arc<AtomicU8>,
    /// Whether the last connect failed: the service may be ending and nobody has noticed yet.
    unreachable: AtomicBool,
    /// Whether the service answers its readiness probe. No part of the latch: a drain goes on all the same.
    answering: AtomicBool,
}

#[derive(Debug, Default, Clone)]
struct Doors {
    known: Vec<Arc<Door>>,
    gone: Vec<Token>,
}

impl Gate {
    /// A gate without a door. Front ends that come with the token of another's lease are counted in `refusals`.
    pub(crate) fn new(refusals: Arc<Refusals>) -> Self {
        Self { refusals, ..Self::default() }
    }

    /// Makes a door to the `service` of a lease, which listens at `address` and speaks `protocol`. It is shut until `reopen`.
    pub(crate) fn open(
        &self,
        lease: LeaseId,
        service: &str,
        token: Token,
        address: SocketAddr,
        protocol: Protocol,
    ) -> Arc<Door> {
        let latch = Arc::new(AtomicU8::new(DRAINING));
        let spec = UpstreamSpec { name: lease.0.clone(), address, token: None, may_refuse: false, protocol };
        let (watched, idle) = (Arc::clone(&latch), Arc::clone(&self.idle));
        let upstream = Upstream::new(spec, move |upstream| {
            // The count went down before this; the latch is looked at after it. `shut` does the
            // two in the other order, so that one of both sees the last request end.
            fence(Ordering::SeqCst);
            if watched.load(Ordering::Relaxed) != OPEN && upstream.in_flight() == 0 {
                idle.notify_one();
            }
        });
        let (unreachable, answering) = (AtomicBool::new(false), AtomicBool::new(true));
        let service = service.to_owned();
        let door = Arc::new(Door { lease, service, token, upstream, latch, unreachable, answering });
        self.change(|doors| doors.known.push(Arc::clone(&door)));
        door
    }

    /// Takes a door away; requests that still carry its token hear that the lease is gone.
    pub(crate) fn remove(&self, door: &Arc<Door>) {
        door.latch.store(GONE, Ordering::SeqCst);
        self.change(|doors| {
            doors.known.retain(|known| !Arc::ptr_eq(known, door));
            if doors.gone.len() == GONE_REMEMBERED {
                doors.gone.remove(0);
            }
            doors.gone.push(door.token.clone());
        });
    }

    /// Returns after a shut door's last request ended. It may also return without that; a wake is never lost.
    pub(crate) async fn idle(&self) {
        self.idle.notified().await;
    }

    fn change(&self, change: impl Fn(&mut Doors)) {
        self.doors.rcu(|doors| {
            let mut doors = Doors::clone(doors);
            change(&mut doors);
            doors
        });
    }
}

impl Door {
    /// Lets no further request in. What is let in already is counted: after this, no request that
    /// `in_flight` does not show gets to the service.
    pub(crate) fn shut(&self) {
        let _ = self.latch.compare_exchange(OPEN, DRAINING, Ordering::Relaxed, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        self.upstream.close_idle();
    }

    /// The service has ended: requests hear that the lease is gone.
    pub(crate) fn shut_for_good(&self) {
        self.latch.store(GONE, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// Lets requests in again, unless the service has ended.
    pub(crate) fn reopen(&self) {
        let _ = self.latch.compare_exchange(DRAINING, OPEN, Ordering::SeqCst, Ordering::Relaxed);
    }

    /// Whether the service answers its readiness probe; while it does not, requests are refused.
    pub(crate) fn set_answering(&self, answering: bool) {
        self.answering.store(answering, Ordering::Relaxed);
    }

    /// Requests that are let in and have not ended.
    pub(crate) fn in_flight(&self) -> u32 {
        self.upstream.in_flight()
    }

    /// Requests that have ended since the door was opened.
    pub(crate) fn served(&self) -> u64 {
        self.upstream.totals().served
    }

    /// Counts the request first and looks at the latch then, so that a drain that saw no request in
    /// flight cannot have one slip in behind it.
    fn enter(&self, avoid: &[u64]) -> Pick {
        let guard = self.upstream.acquire();
        fence(Ordering::SeqCst);
        match self.latch.load(Ordering::Relaxed) {
            // The service took no connection: another copy can have the request, nothing was done.
            OPEN if avoid.contains(&self.upstream.id()) && self.unreachable.load(Ordering::Relaxed) => {
                Pick::Refuse(gone())
            }
            OPEN if !self.answering.load(Ordering::Relaxed) => Pick::Refuse(not_ready()),
            OPEN => Pick::Forward(guard),
            DRAINING => Pick::Refuse(draining()),
            _ => Pick::Refuse(gone()),
        }
    }
}

impl Dispatch for Gate {
    fn pick(&self, head: &Head<'_>, avoid: &[u64]) -> Pick {
        let Some(token) = head.token() else { return Pick::Refuse(bad_token()) };
        let doors = self.doors.load();
        if let Some(door) = doors.known.iter().find(|door| is_same(token, &door.token)) {
            if let Some(peer) = head.peer().filter(|peer| *peer != door.service) {
                self.refusals.request(head.client(), peer, &door.service);
                return Pick::Refuse(bad_token());
            }
            return door.enter(avoid);
        }
        let known = doors.gone.iter().any(|gone| is_same(token, gone));
        Pick::Refuse(if known { gone() } else { bad_token() })
    }

    fn failed(&self, upstream: &Arc<Upstream>, failure: Failure) {
        let unreachable = match failure {
            Failure::Connect | Failure::ConnectTimeout => true,
            Failure::Closed | Failure::FirstByteTimeout | Failure::Refused | Failure::Truncated => false,
        };
        let doors = self.doors.load();
        if let Some(door) = doors.known.iter().find(|door| door.upstream.id() == upstream.id()) {
            door.unreachable.store(unreachable, Ordering::Relaxed);
            tracing::debug!(lease = %door.lease, ?failure, "a request did not get through to the service");
        }
    }
}

/// Compares in a time that does not tell how much of a guess was right.
fn is_same(offered: &[u8], token: &Token) -> bool {
    let token = token.secret().as_bytes();
    if offered.len() != token.len() {
        return false;
    }
    let difference =
        offered.iter().zip(token).fold(0, |difference, (a, b)| hint::black_box(difference | (a ^ b)));
    difference == 0
}

fn draining() -> Refusal {
    refused("draining", "this node takes no new requests for the lease: it is being drained")
}

fn not_ready() -> Refusal {
    refused("not-ready", "the service does not answer its readiness probe on this node")
}

fn gone() -> Refusal {
    refused("gone", "the lease has ended on this node")
}

/// A front end whose lease did not survive this node's restart hears that it may go elsewhere; anybody else
/// hears that this is no place to ask.
fn bad_token() -> Refusal {
    Refusal { status: 403, ..refused("bad-token", "this node serves only requests of its leases") }
}

fn refused(reason: &'static str, text: &'static str) -> Refusal {
    Refusal { status: 503, reason, text: Cow::Borrowed(text), retry_after: None, refused: true }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::Duration;

    use super::*;

    fn opened(gate: &Gate) -> Arc<Door> {
        let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1);
        let door = gate.open(
            LeaseId("lease".to_owned()),
            "shop",
            Token::new("secret".to_owned()),
            address,
            Protocol::Http1,
        );
        door.reopen();
        door
    }

    fn pick(gate: &Gate, token: Option<&str>, avoid: &[u64]) -> Pick {
        let head = Head::new("GET", "/", token.map(str::as_bytes), IpAddr::V4(Ipv4Addr::LOCALHOST));
        gate.pick(&head, avoid)
    }

    fn refusal(pick: Pick) -> (u16, &'static str, bool) {
        let Pick::Refuse(refusal) = pick else { panic!("{pick:?}") };
        (refusal.status, refusal.reason, refusal.refused)
    }

    #[test]
    fn only_the_leases_token_opens() {
        let gate = Gate::default();
        let door = opened(&gate);
        let guard = pick(&gate, Some("secret"), &[]);
        assert!(matches!(guard, Pick::Forward(_)));
        assert_eq!(door.in_flight(), 1);
        for wrong in [None, Some(""), Some("secreT"), Some("secret1")] {
            assert_eq!(refusal(pick(&gate, wrong, &[])), (403, "bad-token", true));
        }
        drop(guard);
        assert_eq!(door.in_flight(), 0);
    }

    #[test]
    fn the_token_of_a_lease_opens_to_the_front_end_of_its_service_alone() {
        let gate = Gate::default();
        let door = opened(&gate);
        let head = || Head::new("GET", "/", Some(&b"secret"[..]), IpAddr::V4(Ipv4Addr::LOCALHOST));
        let other = gate.pick(&head().of_peer(Some("blog")), &[]);
        assert_eq!(refusal(other), (403, "bad-token", true));
        assert_eq!((door.in_flight(), gate.refusals.counts()), (0, (0, 1)));
        assert!(matches!(gate.pick(&head().of_peer(Some("shop")), &[]), Pick::Forward(_)));
    }

    #[test]
    fn a_shut_door_refuses_before_the_service_and_can_be_reopened() {
        let gate = Gate::default();
        let door = opened(&gate);
        door.shut();
        assert_eq!(refusal(pick(&gate, Some("secret"), &[])), (503, "draining", true));
        assert_eq!(door.in_flight(), 0);
        door.reopen();
        assert!(matches!(pick(&gate, Some("secret"), &[]), Pick::Forward(_)));
    }

    #[test]
    fn a_new_door_is_shut() {
        let gate = Gate::default();
        let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1);
        gate.open(
            LeaseId("lease".to_owned()),
            "shop",
            Token::new("secret".to_owned()),
            address,
            Protocol::Http1,
        );
        assert_eq!(refusal(pick(&gate, Some("secret"), &[])), (503, "draining", true));
    }

    #[test]
    fn a_service_that_does_not_answer_its_probe_gets_no_request_whatever_the_latch_did_meanwhile() {
        let gate = Gate::default();
        let door = opened(&gate);
        door.set_answering(false);
        assert_eq!(refusal(pick(&gate, Some("secret"), &[])), (503, "not-ready", true));
        door.shut();
        assert_eq!(refusal(pick(&gate, Some("secret"), &[])), (503, "draining", true));
        door.reopen();
        assert_eq!(refusal(pick(&gate, Some("secret"), &[])), (503, "not-ready", true));
        door.set_answering(true);
        assert!(matches!(pick(&gate, Some("secret"), &[]), Pick::Forward(_)));
    }

    #[test]
    fn a_removed_door_is_remembered_for_a_while() {
        let gate = Gate::default();
        let first = opened(&gate);
        gate.remove(&first);
        assert_eq!(refusal(pick(&gate, Some("secret"), &[])), (503, "gone", true));
        for number in 0..GONE_REMEMBERED {
            let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1);
            let door = gate.open(
                LeaseId(number.to_string()),
                "shop",
                Token::new(format!("{number}")),
                address,
                Protocol::Http1,
            );
            gate.remove(&door);
        }
        assert_eq!(refusal(pick(&gate, Some("secret"), &[])), (403, "bad-token", true));
    }

    #[test]
    fn a_service_that_takes_no_connection_is_not_tried_again() {
        let gate = Gate::default();
        let door = opened(&gate);
        gate.failed(&door.upstream, Failure::Connect);
        let tried = [door.upstream.id()];
        assert_eq!(refusal(pick(&gate, Some("secret"), &tried)), (503, "gone", true));
        // A fresh request is, and so is one whose reused connection had just been closed.
        assert!(matches!(pick(&gate, Some("secret"), &[]), Pick::Forward(_)));
        gate.failed(&door.upstream, Failure::Closed);
        assert!(matches!(pick(&gate, Some("secret"), &tried), Pick::Forward(_)));
    }

    #[tokio::test]
    async fn the_last_request_of_a_shut_door_wakes_the_owner() {
        let gate = Gate::default();
        let door = opened(&gate);
        let guards = [pick(&gate, Some("secret"), &[]), pick(&gate, Some("secret"), &[])];
        door.shut();
        assert_eq!(door.in_flight(), 2);
        drop(guards);
        tokio::time::timeout(Duration::from_secs(5), gate.idle()).await.expect("woken by the last request");
        assert_eq!(door.in_flight(), 0);
    }
}
