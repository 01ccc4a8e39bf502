//! How soon a slot that one service gives back is asked for by another that is short: the pure holder of
//! the one against the pure book of the node, with no time between them but their renewals.

use std::collections::BTreeMap;
use std::time::Duration;

use cluster::share::Claim;
use load_manager::decider::Sample;
use load_manager::holder::{ChildList, Effect, FrontSample, Heard, Holder, NodeWord, Settings};
use task_processor::lease::{self, Book, LeaseId, LeaseRef, Limits, Renewal, Token, Wish};

/// Beside the `shop` of the common cluster.toml.
const MAIL: &str = r#"
[service.mail]
front_end = "127.0.0.2"
listen = "127.0.0.2:8080"
command = ["maild", "{port}"]
capacity = 8
"#;

const MILLISECOND: Duration = Duration::from_millis(1);
const TICK: u64 = 1000;
const RENEW: u64 = 3000;

/// The one node, which mail holds, and shop, which is short of it.
struct World {
    book: Book,
    lease: LeaseRef,
    shop: Holder,
    /// What shop renews with.
    said: Renewal,
    now: Duration,
    ordered_at: Option<Duration>,
}

fn holder(service: &str) -> lease::Holder {
    let front_end = if service == "shop" { "127.0.0.1" } else { "127.0.0.2" };
    lease::Holder { service: service.to_owned(), front_end: front_end.to_owned() }
}

impl World {
    fn new() -> Self {
        let cluster = cluster::config::parse("cluster.toml", &cluster::config::sample(1, MAIL)).unwrap();
        let limits = Limits {
            drain_limits: BTreeMap::from(
                ["shop", "mail"].map(|name| (name.to_owned(), RENEW as u32 * MILLISECOND)),
            ),
            ..Limits::of(&cluster, 1)
        };
        let mut book = Book::new(limits, 0, false, 0);
        let wish = Wish {
            holder: holder("mail"),
            incarnation: 1,
            request_id: "1".to_owned(),
            id: LeaseId("lease".to_owned()),
            token: Token::new("secret".to_owned()),
            reclaim: None,
        };
        let lease = book.reserve(Duration::ZERO, wish).unwrap().lease;
        assert!(book.start(&lease).is_pending());
        book.started(&lease.id);
        let shop = cluster.services.iter().find(|service| service.name == "shop").unwrap();
        let (leases, guaranteed) = (Vec::new(), Vec::new());
        let mut world = Self {
            book,
            lease,
            shop: Holder::new(Settings::of(&cluster, shop, 1), Duration::ZERO),
            said: Renewal { holder: holder("shop"), incarnation: 1, leases, guaranteed, claim: None },
            now: Duration::ZERO,
            ordered_at: None,
        };
        world.tell(Heard::FrontUp(ChildList::default()));
        world.tell(Heard::LinkUp { node: 0, adopted: Some(Vec::new()), asked_at: world.now });
        world
    }

    fn tell(&mut self, heard: Heard) {
        self.shop.hear(self.now, heard);
        self.carry_out();
    }

    fn carry_out(&mut self) {
        for effect in self.shop.effects() {
            match effect {
                Effect::Claim { claim, .. } => self.said.claim = Some(claim),
                Effect::Add { .. } => self.ordered_at = self.ordered_at.or(Some(self.now)),
                _ => {}
            }
        }
    }

    /// The node's answer to shop's renewal, or, unasked, what it has to say.
    fn speak(&mut self, sent_at: Option<Duration>) {
        let roll = self.book.roll(self.now, &self.said);
        let claims = roll.claims.into_iter().map(|heard| (heard.claim, heard.age)).collect();
        let slots_free = roll.slots_free as u32;
        let reclaiming = roll.reclaiming;
        let word = NodeWord { incarnation: 1, slots_free, reclaiming, claims, ..NodeWord::default() };
        self.tell(Heard::Renewed { node: 0, word, sent_at });
    }

    /// One millisecond of both, in which shop is busy and mail renews.
    fn pass(&mut self) {
        self.now += MILLISECOND;
        let millis = self.now.as_millis() as u64;
        if millis.is_multiple_of(TICK) {
            let load = Sample {
                interval: Duration::from_secs(1),
                in_flight_mean: 20.0,
                local_ready: true,
                ..Sample::default()
            };
            self.tell(Heard::Sample(FrontSample { load, ..FrontSample::default() }));
            self.shop.tick(self.now);
            self.carry_out();
        }
        if millis.is_multiple_of(RENEW) {
            let claim = Claim {
                service: "mail".to_owned(),
                front_end: "127.0.0.2".to_owned(),
                held: 1,
                want: 1,
                min: 0,
                max: 1,
                weight: 1.0,
                priority: 0,
                slots: 0,
            };
            let (leases, guaranteed) = (vec![self.lease.clone()], Vec::new());
            let renewal =
                Renewal { holder: holder("mail"), incarnation: 1, leases, guaranteed, claim: Some(claim) };
            self.book.renew(self.now, &renewal).unwrap();
            self.book.renew(self.now, &self.said).unwrap();
            self.speak(Some(self.now));
        }
        self.book.tick(self.now);
        self.settle();
    }

    fn settle(&mut self) {
        let all = lease::Effect::NotifyAll;
        let shop = lease::Effect::Notify(holder("shop"));
        let effects = self.book.effects();
        if effects.contains(&all) || effects.contains(&shop) {
            self.speak(None);
        }
    }
}

#[test]
fn a_slot_given_back_between_two_renewals_is_asked_for_at_once() {
    let mut world = World::new();
    for _ in 0..20_300 {
        world.pass();
    }
    assert_eq!(world.ordered_at, None, "the node is full");
    // Mail gives it back, and its process takes a moment to end.
    assert!(world.book.release(&world.lease.clone()).is_pending());
    for _ in 0..40 {
        world.pass();
    }
    assert_eq!(world.ordered_at, None, "a process still runs there");
    world.book.processes_gone(&world.lease.id);
    world.settle();
    // Neither the next renewal, at 21 s, nor the next tick was waited for.
    assert_eq!(world.ordered_at, Some(world.now));
}
