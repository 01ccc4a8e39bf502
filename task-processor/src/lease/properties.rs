//! What holds for the leases whatever happens in whatever order.

use std::collections::HashSet;
use std::task::Poll;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

const SLOTS: usize = 2;

/// One thing that may happen; `u8`s choose among the leases, holders and epochs known so far.
#[derive(Debug, Clone)]
enum Event {
    Reserve { holder: u8, incarnation: u64, request: u8 },
    Call { call: Call, lease: u8, older_epoch: bool },
    Adopt { holder: u8, incarnation: u64 },
    Renew { holder: u8, incarnation: u64 },
    Happen { what: What, lease: u8 },
    Listen { holder: u8, listening: bool },
    Maintenance(bool),
    End,
    Pass { millis: u64 },
}

#[derive(Debug, Clone, Copy)]
enum Call {
    Start,
    Drain,
    Undrain,
    Stop,
    Release,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Started,
    StartFailed,
    InFlightZero,
    ProcessesGone,
    Exited,
    Probed(bool),
}

/// The node under test, with what a watcher from outside remembers.
struct World {
    book: Book,
    now: Duration,
    named: Vec<LeaseRef>,
    /// Leases whose processes were started and not reported gone since.
    running: HashSet<LeaseId>,
    saved: u64,
    epochs: HashSet<u64>,
}

fn holder(number: u8) -> Holder {
    Holder { service: "shop".to_owned(), front_end: format!("front-{}", number % 2) }
}

fn event() -> impl Strategy<Value = Event> {
    let call = prop::sample::select(vec![Call::Start, Call::Drain, Call::Undrain, Call::Stop, Call::Release]);
    let what = prop::sample::select(vec![
        What::Started,
        What::StartFailed,
        What::InFlightZero,
        What::ProcessesGone,
        What::Exited,
        What::Probed(false),
        What::Probed(true),
    ]);
    prop_oneof![
        4 => (any::<u8>(), 1..4_u64, 0..4_u8)
            .prop_map(|(holder, incarnation, request)| Event::Reserve { holder, incarnation, request }),
        8 => (call, any::<u8>(), prop::bool::weighted(0.1))
            .prop_map(|(call, lease, older_epoch)| Event::Call { call, lease, older_epoch }),
        1 => (any::<u8>(), 1..4_u64).prop_map(|(holder, incarnation)| Event::Adopt { holder, incarnation }),
        3 => (any::<u8>(), 1..4_u64).prop_map(|(holder, incarnation)| Event::Renew { holder, incarnation }),
        6 => (what, any::<u8>()).prop_map(|(what, lease)| Event::Happen { what, lease }),
        1 => (any::<u8>(), any::<bool>()).prop_map(|(holder, listening)| Event::Listen { holder, listening }),
        1 => any::<bool>().prop_map(Event::Maintenance),
        1 => prop::bool::weighted(0.05).prop_map(|end| if end { Event::End } else { Event::Pass { millis: 1 } }),
        4 => (0..20_000_u64).prop_map(|millis| Event::Pass { millis }),
    ]
}

impl World {
    fn new(saved: u64) -> Self {
        let limits = Limits {
            slots: SLOTS,
            ttl: Duration::from_secs(10),
            orphan_grace: Duration::from_secs(60),
            reservation_timeout: Duration::from_secs(30),
            reclaim_notice: Duration::from_secs(30),
            drain_limits: [("shop".to_owned(), Duration::from_secs(300))].into(),
        };
        Self {
            book: Book::new(limits, saved, false),
            now: Duration::ZERO,
            named: Vec::new(),
            running: HashSet::new(),
            saved,
            epochs: HashSet::new(),
        }
    }

    fn pick(&self, lease: u8) -> Option<LeaseRef> {
        (!self.named.is_empty()).then(|| self.named[usize::from(lease) % self.named.len()].clone())
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::Reserve { holder: who, incarnation, request } => {
                self.reserve(holder(*who), *incarnation, *request)
            }
            Event::Call { call, lease, older_epoch } => {
                let Some(mut lease) = self.pick(*lease) else { return };
                if *older_epoch {
                    lease.epoch -= 1;
                }
                self.call(*call, &lease);
            }
            Event::Adopt { holder: who, incarnation } => self.adopt(&holder(*who), *incarnation),
            Event::Renew { holder: who, incarnation } => {
                let renewal =
                    Renewal { holder: holder(*who), incarnation: *incarnation, leases: self.named.clone() };
                let is_fenced = self.book.renew(self.now, &renewal).is_err();
                assert_eq!(self.book.roll(self.now, &renewal).fenced, is_fenced);
            }
            Event::Happen { what, lease } => {
                let Some(lease) = self.pick(*lease) else { return };
                self.happen(*what, &lease.id);
            }
            Event::Listen { holder: who, listening } => self.book.set_listening(&holder(*who), *listening),
            Event::Maintenance(on) => self.book.set_maintenance(*on),
            Event::End => self.book.end(self.now),
            Event::Pass { millis } => {
                self.now += Duration::from_millis(*millis);
                self.book.tick(self.now);
            }
        }
        self.run_effects();
    }

    fn reserve(&mut self, holder: Holder, incarnation: u64, request: u8) {
        let number = self.named.len();
        let wish = Wish {
            holder,
            incarnation,
            request_id: format!("request-{request}"),
            id: LeaseId(format!("lease-{number}")),
            token: Token::new(format!("token-{number}")),
        };
        let answer = self.book.reserve(self.now, wish.clone());
        self.run_effects();
        assert_eq!(self.book.reserve(self.now, wish), answer, "a repeated wish is answered the same");
        let Ok(grant) = answer else { return };
        assert!(grant.lease.epoch <= self.saved, "the epoch is on disk before the grant is answered");
        if !self.named.contains(&grant.lease) {
            self.keep(grant.lease);
        }
    }

    fn keep(&mut self, lease: LeaseRef) {
        assert!(self.epochs.insert(lease.epoch), "an epoch is given once: {lease:?}");
        self.named.push(lease);
    }

    fn adopt(&mut self, holder: &Holder, incarnation: u64) {
        let Ok(adopted) = self.book.adopt(self.now, holder, incarnation) else { return };
        self.run_effects();
        assert_eq!(self.book.adopt(self.now, holder, incarnation).as_ref(), Ok(&adopted));
        for lease in adopted.into_iter().map(|adopted| adopted.grant.lease) {
            assert!(lease.epoch <= self.saved, "the epoch is on disk before the adoption is answered");
            if !self.named.contains(&lease) {
                self.keep(lease);
            }
        }
    }

    fn call(&mut self, call: Call, lease: &LeaseRef) {
        let before = format!("{:?}", self.book.leases());
        let first = self.act(call, lease);
        let live = self.book.lease(&lease.id).map(|found| found.epoch);
        if live.is_some_and(|epoch| epoch != lease.epoch) {
            assert!(matches!(first, Poll::Ready(Err(Refusal::Stale { .. }))), "{first:?}");
            assert_eq!(format!("{:?}", self.book.leases()), before, "a stale epoch acts on nothing");
        }
        self.run_effects();
        assert_eq!(self.act(call, lease), first, "a repeated call is answered the same");
    }

    fn act(&mut self, call: Call, lease: &LeaseRef) -> Progress {
        match call {
            Call::Start => self.book.start(lease),
            Call::Drain => self.book.drain(self.now, lease),
            Call::Undrain => Poll::Ready(self.book.undrain(self.now, lease)),
            Call::Stop => self.book.stop(lease),
            Call::Release => self.book.release(lease),
        }
    }

    /// Tells what the runner of a process could tell at this time, and nothing else.
    fn happen(&mut self, what: What, id: &LeaseId) {
        if !self.running.contains(id) {
            return;
        }
        let state = self.book.lease(id).map(|lease| lease.state);
        match what {
            What::Started => self.book.started(id),
            What::StartFailed if state == Some(State::Starting) => {
                self.running.remove(id);
                self.book.start_failed(id, "no luck".to_owned());
            }
            What::ProcessesGone if matches!(state, Some(State::Stopping { .. })) => {
                self.running.remove(id);
                self.book.processes_gone(id);
            }
            What::StartFailed | What::ProcessesGone => {}
            What::InFlightZero => self.book.in_flight_zero(id),
            What::Exited => self.book.process_exited(id, "crashed".to_owned()),
            What::Probed(answering) => self.book.probed(id, answering),
        }
    }

    fn run_effects(&mut self) {
        for effect in self.book.effects() {
            match effect {
                Effect::SaveEpoch(epoch) => {
                    assert!(epoch > self.saved, "saved epochs rise strictly");
                    self.saved = epoch;
                    self.book.epoch_saved(epoch);
                }
                Effect::StartProcess(id) => {
                    assert!(self.running.insert(id), "a lease's service is started once");
                    assert!(self.running.len() <= SLOTS, "one process tree for each slot at most");
                }
                Effect::StopProcess(id) => assert!(self.running.contains(&id)),
                Effect::Forget(id) => {
                    assert!(!self.running.contains(&id), "a slot is freed after its process")
                }
                Effect::Admit(_) | Effect::Refuse(_) | Effect::Answering(..) => {}
                Effect::Notify(_) | Effect::NotifyAll => {}
                Effect::Fenced(..) | Effect::Moved { .. } => {}
            }
        }
        assert!(self.book.leases().len() <= SLOTS, "one lease for each slot at most");
    }

    /// Nobody renews any more; processes end when they are told to.
    fn time_passes_in_silence(&mut self) {
        for _ in 0..50 {
            self.now += Duration::from_secs(400);
            self.book.tick(self.now);
            self.run_effects();
            let ending =
                self.book.leases().iter().filter(|lease| matches!(lease.state, State::Stopping { .. }));
            let ids: Vec<LeaseId> = ending.map(|lease| lease.id.clone()).collect();
            for id in ids {
                self.happen(What::ProcessesGone, &id);
            }
            self.run_effects();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn one_lease_a_slot_rising_epochs_and_no_stale_act(events in prop::collection::vec(event(), 1..120)) {
        let mut world = World::new(7);
        for event in &events {
            world.apply(event);
        }
        prop_assert!(world.epochs.iter().all(|epoch| *epoch > 7), "no epoch of an earlier life comes again");
    }

    #[test]
    fn every_lease_ends_when_nobody_renews_it(events in prop::collection::vec(event(), 1..120)) {
        let mut world = World::new(0);
        for event in &events {
            world.apply(event);
        }
        world.time_passes_in_silence();
        prop_assert!(world.book.leases().is_empty(), "{:?}", world.book.leases());
        prop_assert_eq!(world.book.next_deadline(), None);
        prop_assert!(world.running.is_empty());
    }

    #[test]
    fn a_deadline_that_was_ticked_does_not_come_again(events in prop::collection::vec(event(), 1..120)) {
        let mut world = World::new(0);
        for event in &events {
            world.apply(event);
            world.book.tick(world.now);
            world.run_effects();
            prop_assert!(world.book.next_deadline().is_none_or(|deadline| deadline > world.now));
        }
    }
}
