//! The node under test, and a watcher from outside who knows the rules and remembers what happened.

use std::collections::{HashMap, HashSet};
use std::task::Poll;

use cluster::share::{Claim, shares};

use super::*;

pub(super) const SLOTS: usize = 2;
pub(super) const POOL_SLOTS: u32 = 4;
pub(super) const NOTICE: Duration = Duration::from_secs(30);
const TTL: Duration = Duration::from_secs(10);

/// One thing that may happen; `u8`s choose among the leases, holders and epochs known so far.
#[derive(Debug, Clone)]
pub(super) enum Event {
    Reserve { holder: u8, incarnation: u64, request: u8, reclaim: Option<ReclaimWish> },
    Call { call: Call, lease: u8, older_epoch: bool },
    Adopt { holder: u8, incarnation: u64 },
    Renew { holder: u8, incarnation: u64, says: Says },
    Happen { what: What, lease: u8 },
    Listen { holder: u8, listening: bool },
    Maintenance(bool),
    End,
    Pass { millis: u64 },
}

/// What a holder says of itself: held, want, min and priority; and which leases it marks, by the bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Says {
    pub(super) numbers: Option<(u32, u32, u32, u32)>,
    pub(super) marks: u8,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Call {
    Start,
    Drain,
    Undrain,
    Stop,
    Release,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum What {
    Started,
    StartFailed,
    InFlightZero,
    ProcessesGone,
    Exited,
    Probed(bool),
}

/// The node under test, with what a watcher from outside remembers.
pub(super) struct World {
    pub(super) book: Book,
    pub(super) now: Duration,
    named: Vec<LeaseRef>,
    /// Leases whose processes were started and not reported gone since.
    pub(super) running: HashSet<LeaseId>,
    /// Whom a free slot is kept for.
    pub(super) kept: Vec<Holder>,
    /// The last claim of each holder, and when it was heard.
    claims: HashMap<Holder, (Claim, Duration)>,
    saved: u64,
    pub(super) epochs: HashSet<u64>,
}

fn holder(number: u8) -> Holder {
    Holder { service: "shop".to_owned(), front_end: format!("front-{}", number % 3) }
}

impl World {
    pub(super) fn new(saved: u64) -> Self {
        let limits = Limits {
            slots: SLOTS,
            ttl: TTL,
            orphan_grace: Duration::from_secs(60),
            reservation_timeout: Duration::from_secs(30),
            reclaim_notice: NOTICE,
            pool_slots: POOL_SLOTS,
            observe_only: false,
            drain_limits: [("shop".to_owned(), Duration::from_secs(300))].into(),
        };
        Self {
            book: Book::new(limits, saved, false, 0),
            now: Duration::ZERO,
            named: Vec::new(),
            running: HashSet::new(),
            kept: Vec::new(),
            claims: HashMap::new(),
            saved,
            epochs: HashSet::new(),
        }
    }

    fn pick(&self, lease: u8) -> Option<LeaseRef> {
        (!self.named.is_empty()).then(|| self.named[usize::from(lease) % self.named.len()].clone())
    }

    pub(super) fn apply(&mut self, event: &Event) {
        match event {
            Event::Reserve { holder, incarnation, request, reclaim } => {
                let _ = self.ask_for(*holder, *incarnation, &format!("request-{request}"), *reclaim);
            }
            Event::Call { call, lease, older_epoch } => {
                let Some(mut lease) = self.pick(*lease) else { return };
                if *older_epoch {
                    lease.epoch -= 1;
                }
                self.call(*call, &lease);
            }
            Event::Adopt { holder: who, incarnation } => self.adopt(&holder(*who), *incarnation),
            Event::Renew { holder: who, incarnation, says } => self.renew(holder(*who), *incarnation, *says),
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

    pub(super) fn ask_for(
        &mut self,
        who: u8,
        incarnation: u64,
        request: &str,
        reclaim: Option<ReclaimWish>,
    ) -> Result<Grant, Denial> {
        let number = self.named.len();
        let wish = Wish {
            holder: holder(who),
            incarnation,
            request_id: request.to_owned(),
            id: LeaseId(format!("lease-{number}")),
            token: Token::new(format!("token-{number}")),
            reclaim,
        };
        let for_others = self.kept.iter().filter(|other| **other != wish.holder).count();
        let open = SLOTS - self.book.leases().len() - for_others;
        let answer = self.book.reserve(self.now, wish.clone());
        self.run_effects();
        assert_eq!(self.book.reserve(self.now, wish.clone()), answer, "a repeated wish is answered the same");
        self.run_effects();
        if let Ok(grant) = &answer {
            assert!(grant.lease.epoch <= self.saved, "the epoch is on disk before the grant is answered");
            if !self.named.contains(&grant.lease) {
                assert!(open > 0, "what is kept for somebody is granted to nobody else");
                self.keep(grant.lease.clone());
            }
        }
        answer
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

    fn renew(&mut self, holder: Holder, incarnation: u64, says: Says) {
        let claim = says.numbers.map(|(held, want, min, priority)| {
            let Holder { service, front_end } = holder.clone();
            Claim { service, front_end, held, want, min, max: 9, weight: 1.0, priority, slots: 0 }
        });
        let marked = self.named.iter().enumerate().filter(|(index, _)| says.marks >> (index % 8) & 1 == 1);
        let guaranteed = marked.map(|(_, lease)| lease.id.clone()).collect();
        let leases = self.named.clone();
        let renewal =
            Renewal { holder: holder.clone(), incarnation, leases, guaranteed, claim: claim.clone() };
        let is_fenced = self.book.renew(self.now, &renewal).is_err();
        if !is_fenced {
            // Before the effects: a newer incarnation's silence on it forgets what an older one claimed.
            self.run_effects();
            if let Some(claim) = claim {
                self.claims.insert(holder.clone(), (claim, self.now));
            }
        }
        let roll = self.book.roll(self.now, &renewal);
        assert_eq!(roll.fenced, is_fenced);
        assert!(roll.claims.iter().all(|heard| heard.claim.front_end != holder.front_end));
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

    pub(super) fn run_effects(&mut self) {
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
                Effect::Cut(id) | Effect::StopProcess(id) => assert!(self.running.contains(&id)),
                Effect::Forget(id) => {
                    assert!(!self.running.contains(&id), "a slot is freed after its process")
                }
                Effect::Fenced(holder, _) => {
                    self.claims.remove(&holder);
                }
                Effect::Reclaim { id, holder, claimant, notice } => {
                    assert_eq!(notice, NOTICE);
                    self.is_due(&id, &holder, &claimant);
                }
                Effect::Kept(claimant) => self.kept.push(claimant.holder),
                Effect::LetGo(claimant, _) => self.kept.retain(|holder| *holder != claimant.holder),
                Effect::Moved { holder, why: Why::Granted, .. } => self.kept.retain(|kept| *kept != holder),
                Effect::Moved { id, why: Why::Reclaimed | Why::NoticeOver, .. } => {
                    let is_guaranteed = self.book.lease(&id).is_some_and(|lease| lease.guaranteed);
                    assert!(!is_guaranteed, "what is guaranteed is never reclaimed");
                }
                Effect::Admit(_) | Effect::Refuse(_) | Effect::Answering(..) => {}
                Effect::Notify(_) | Effect::NotifyAll => {}
                Effect::TakenBack { .. } | Effect::Moved { .. } => {}
            }
        }
        self.is_sound();
    }

    fn is_sound(&self) {
        let leases = self.book.leases();
        assert!(leases.len() + self.kept.len() <= SLOTS, "one lease for each slot at most");
        for who in 0..3 {
            let for_others = self.kept.iter().filter(|other| **other != holder(who)).count();
            let (leases, guaranteed) = (Vec::new(), Vec::new());
            let renewal = Renewal { holder: holder(who), incarnation: 9, leases, guaranteed, claim: None };
            let slots_free = self.book.roll(self.now, &renewal).slots_free;
            let open = SLOTS - self.book.leases().len() - for_others;
            // None of the last ones where others go before.
            assert!([0, open].contains(&slots_free), "{slots_free} of {open} are free for {}", holder(who));
        }
        let reclaims = leases.iter().filter_map(|lease| Some((lease, lease.reclaim.as_ref()?)));
        let mut claimants: Vec<&Holder> = self.kept.iter().collect();
        for (lease, reclaim) in reclaims {
            assert!(!lease.guaranteed, "what is guaranteed is never reclaimed");
            claimants.push(&reclaim.claimant.holder);
        }
        let count = claimants.len();
        claimants.sort();
        claimants.dedup();
        assert_eq!(claimants.len(), count, "one slot is reclaimed for a holder at a time");
    }

    /// A reclaim takes from who has more than it is due for who has less, as far as the claims go.
    fn is_due(&self, id: &LeaseId, holder: &Holder, claimant: &Claimant) {
        assert_ne!(holder, &claimant.holder);
        assert!(self.book.lease(id).is_some_and(|lease| lease.holder == *holder));
        assert!(claimant.pool_slots <= POOL_SLOTS);
        let lately = |(_, heard_at): &&(Claim, Duration)| self.now < *heard_at + 3 * TTL;
        let claims: Vec<Claim> =
            self.claims.values().filter(lately).map(|(claim, _)| claim.clone()).collect();
        let shares = shares(&claims, claimant.pool_slots);
        let of = |holder: &Holder| {
            let place = claims.iter().position(|claim| claim.front_end == holder.front_end).unwrap();
            (&claims[place], shares[place].share)
        };
        let ((giver, its_due), (taker, due)) = (of(holder), of(&claimant.holder));
        assert!(self.now < self.claims[&claimant.holder].1 + TTL, "a reclaim is for somebody who is there");
        match claimant.shortage {
            Shortage::Starved => assert!(giver.held > its_due && taker.held < due),
            Shortage::UnderMin => {
                assert!(giver.held > its_due.min(giver.min) && taker.held < taker.min.min(taker.want));
            }
        }
    }

    /// Every process that is told to end does.
    pub(super) fn end_what_stops(&mut self) {
        let ending = self.book.leases().iter().filter(|lease| matches!(lease.state, State::Stopping { .. }));
        let ids: Vec<LeaseId> = ending.map(|lease| lease.id.clone()).collect();
        for id in ids {
            self.happen(What::ProcessesGone, &id);
        }
        self.run_effects();
    }

    /// Nobody renews any more; processes end when they are told to.
    pub(super) fn time_passes_in_silence(&mut self) {
        for _ in 0..50 {
            self.now += Duration::from_secs(400);
            self.book.tick(self.now);
            self.run_effects();
            self.end_what_stops();
        }
    }
}
