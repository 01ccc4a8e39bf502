//! No request is led astray: whatever becomes of the doors, one with a lease's token gets to that lease's
//! own service or to none, and one with any other token to none.

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;

use super::*;

/// One thing that happens; a number names one of the leases there have been.
#[derive(Debug, Clone)]
enum Event {
    Open,
    Reopen(usize),
    Shut(usize),
    ShutForGood(usize),
    Remove(usize),
    Answering(usize, bool),
    Fail(usize, Failure),
    /// A request with the lease's token, the first time or after its service took no connection.
    Ask(usize, bool),
    /// A request with a token that is no lease's, made of this one's.
    Guess(usize, Guess),
}

#[derive(Debug, Clone, Copy)]
enum Guess {
    Prefix,
    Longer,
    OtherCase,
    None,
}

/// A lease as it should be.
struct Expected {
    door: Arc<Door>,
    token: String,
    address: SocketAddr,
    latch: u8,
    answering: bool,
    unreachable: bool,
    /// It has no door any more.
    removed: bool,
}

#[derive(Default)]
struct World {
    gate: Gate,
    leases: Vec<Expected>,
}

/// More leases than one node has at a time, and fewer than it remembers.
const LEASES_MAX: usize = 12;

fn event() -> impl Strategy<Value = Event> {
    let which = || 0..LEASES_MAX;
    let failure = prop::sample::select(vec![
        Failure::Connect,
        Failure::ConnectTimeout,
        Failure::Closed,
        Failure::FirstByteTimeout,
        Failure::Truncated,
    ]);
    let guess = prop::sample::select(vec![Guess::Prefix, Guess::Longer, Guess::OtherCase, Guess::None]);
    prop_oneof![
        2 => Just(Event::Open),
        4 => which().prop_map(Event::Reopen),
        2 => which().prop_map(Event::Shut),
        1 => which().prop_map(Event::ShutForGood),
        1 => which().prop_map(Event::Remove),
        2 => (which(), any::<bool>()).prop_map(|(which, answering)| Event::Answering(which, answering)),
        1 => (which(), failure).prop_map(|(which, failure)| Event::Fail(which, failure)),
        8 => (which(), any::<bool>()).prop_map(|(which, again)| Event::Ask(which, again)),
        2 => (which(), guess).prop_map(|(which, guess)| Event::Guess(which, guess)),
    ]
}

impl World {
    fn apply(&mut self, event: &Event) {
        match *event {
            Event::Open => self.open(),
            Event::Reopen(which) => self.with(which, |_, lease| {
                lease.door.reopen();
                lease.latch = if lease.latch == DRAINING { OPEN } else { lease.latch };
            }),
            Event::Shut(which) => self.with(which, |_, lease| {
                lease.door.shut();
                lease.latch = if lease.latch == OPEN { DRAINING } else { lease.latch };
            }),
            Event::ShutForGood(which) => self.with(which, |_, lease| {
                lease.door.shut_for_good();
                lease.latch = GONE;
            }),
            Event::Remove(which) => self.with(which, |gate, lease| {
                if !lease.removed {
                    gate.remove(&lease.door);
                }
                (lease.latch, lease.removed) = (GONE, true);
            }),
            Event::Answering(which, answering) => self.with(which, |_, lease| {
                lease.door.set_answering(answering);
                lease.answering = answering;
            }),
            Event::Fail(which, failure) => self.with(which, |gate, lease| {
                gate.failed(&lease.door.upstream, failure);
                if !lease.removed {
                    lease.unreachable = matches!(failure, Failure::Connect | Failure::ConnectTimeout);
                }
            }),
            Event::Ask(which, again) => self.with(which, |gate, lease| lease.is_asked(gate, again)),
            Event::Guess(which, guess) => self.guess(which, guess),
        }
    }

    fn open(&mut self) {
        let number = self.leases.len();
        if number == LEASES_MAX {
            return;
        }
        let token = format!("secret-{number:02}");
        let address = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 20_000 + u16::try_from(number).unwrap());
        let id = LeaseId(format!("lease-{number}"));
        let door = self.gate.open(id, "shop", Token::new(token.clone()), address, Protocol::Http1);
        let (latch, answering, unreachable, removed) = (DRAINING, true, false, false);
        self.leases.push(Expected { door, token, address, latch, answering, unreachable, removed });
    }

    fn with(&mut self, which: usize, act: impl FnOnce(&Gate, &mut Expected)) {
        let count = self.leases.len();
        if let Some(lease) = self.leases.get_mut(which % count.max(1)) {
            act(&self.gate, lease);
        }
    }

    fn guess(&mut self, which: usize, guess: Guess) {
        self.with(which, |gate, lease| {
            let token = match guess {
                Guess::Prefix => Some(lease.token[..lease.token.len() - 1].to_owned()),
                Guess::Longer => Some(format!("{}0", lease.token)),
                Guess::OtherCase => Some(lease.token.to_uppercase()),
                Guess::None => None,
            };
            assert_eq!(told(pick(gate, token.as_deref(), &[])), Err("bad-token"));
        });
    }
}

impl Expected {
    /// What a request with its token gets.
    fn is_asked(&self, gate: &Gate, again: bool) {
        let avoid: &[u64] = if again { &[self.door.upstream.id()] } else { &[] };
        let expected = match (self.latch, again && self.unreachable, self.answering) {
            (OPEN, false, true) => Ok(self.address),
            (OPEN, false, false) => Err("not-ready"),
            (OPEN, true, _) => Err("gone"),
            (DRAINING, ..) => Err("draining"),
            _ => Err("gone"),
        };
        assert_eq!(told(pick(gate, Some(&self.token), avoid)), expected, "{}", self.token);
        assert_eq!(self.door.in_flight(), 0, "each request is counted to its own lease, and once");
    }
}

/// Where a request gets to, or why nowhere.
fn told(pick: Pick) -> Result<SocketAddr, &'static str> {
    match pick {
        Pick::Forward(guard) => Ok(guard.upstream().address()),
        Pick::Refuse(refusal) => Err(refusal.reason),
        Pick::Wait(_) => Err("there is no queue in a node"),
    }
}

fn pick(gate: &Gate, token: Option<&str>, avoid: &[u64]) -> Pick {
    let head = Head::new("GET", "/", token.map(str::as_bytes), IpAddr::V4(Ipv4Addr::LOCALHOST));
    gate.pick(&head, avoid)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn a_request_gets_to_the_service_of_its_own_lease_or_to_none(
        events in prop::collection::vec(event(), 1..120)
    ) {
        let mut world = World::default();
        for event in &events {
            world.apply(event);
        }
    }
}
