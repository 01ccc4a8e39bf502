//! A node: the book, the processes of its leases, and the streams and calls that wait at it. It stands
//! for the task-processor's owner; what no owner knows, whether a process lives, is known here, and
//! each answer of the book is held against it.

use std::collections::{BTreeMap, BTreeSet};
use std::task::Poll;
use std::time::Duration;

use task_processor::lease::{
    Book, Effect, Holder, LeaseId, LeaseRef, Limits, Progress, Renewal, State, Token, Why, Wish,
};

use crate::dice::Dice;
use crate::wire::{self, Ask, Reply, ToManager, ToNode};

/// What a guard takes at most to end its service once its daemon is gone (design section 7).
const GUARD_TAKES: u64 = 5_000_000;

/// Who sent a message.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    /// Which load-manager of the world.
    pub(crate) manager: usize,
    pub(crate) holder: Holder,
    pub(crate) incarnation: u64,
}

/// What is to happen to a process later.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fate {
    Ready,
    StartFails,
    Gone,
    Idle,
    /// Its daemon was killed, and its guard has ended it.
    LeftoverGone,
}

/// What a node causes outside.
#[derive(Debug)]
pub(crate) enum Out {
    Say {
        manager: usize,
        what: ToManager,
    },
    Later {
        micros: u64,
        lease: LeaseId,
        fate: Fate,
    },
    /// The node let a lease go because its holder did not renew it.
    LetGo {
        lease: LeaseId,
        holder: Holder,
    },
}

#[derive(Debug)]
struct Process {
    starting: bool,
    stops: bool,
    /// When the last request that was let in ends; `None`: some are let in.
    idle_at: Option<u64>,
}

#[derive(Debug)]
struct Line {
    manager: usize,
    session: u64,
    renewal: Renewal,
}

#[derive(Debug)]
struct Waiting {
    manager: usize,
    call: u64,
    step: u32,
    ask: Ask,
}

pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) data_address: String,
    pub(crate) limits: Limits,
    pub(crate) rate: f64,
    pub(crate) is_up: bool,
    /// New with each start; what is meant for an earlier life does not come here.
    pub(crate) life: u64,
    pub(crate) book: Book,
    began: u64,
    now: u64,
    saved_epoch: u64,
    sessions: BTreeSet<(usize, u64)>,
    lines: Vec<Line>,
    waiting: Vec<Waiting>,
    processes: BTreeMap<LeaseId, Process>,
    /// Processes of earlier lives of the daemon that have not ended.
    leftovers: BTreeSet<LeaseId>,
    /// When a lease's holder was heard of it last, and whether it marked it.
    contact: BTreeMap<LeaseId, (u64, bool)>,
    newest: BTreeMap<Holder, u64>,
    named: u64,
    stop_timeout: u64,
    pub(crate) out: Vec<Out>,
}

impl Node {
    pub(crate) fn new(
        name: String,
        data_address: String,
        limits: Limits,
        rate: f64,
        stop_timeout: u64,
    ) -> Self {
        Self {
            book: Book::new(limits.clone(), 0, false, 0),
            name,
            data_address,
            limits,
            rate,
            is_up: true,
            life: 1,
            began: 0,
            now: 0,
            saved_epoch: 0,
            sessions: BTreeSet::new(),
            lines: Vec::new(),
            waiting: Vec::new(),
            processes: BTreeMap::new(),
            leftovers: BTreeSet::new(),
            contact: BTreeMap::new(),
            newest: BTreeMap::new(),
            named: 0,
            stop_timeout,
            out: Vec::new(),
        }
    }

    /// Its own time.
    fn local(&self) -> Duration {
        Duration::from_micros(((self.now - self.began) as f64 * self.rate) as u64)
    }

    /// When its book has something to do next.
    pub(crate) fn deadline(&self) -> Option<u64> {
        let local = self.book.next_deadline()?;
        Some(self.began + (local.as_micros() as f64 / self.rate) as u64 + 2)
    }

    pub(crate) fn tick(&mut self, now: u64, dice: &mut Dice) {
        self.now = now;
        self.book.tick(self.local());
        self.settle(dice);
    }

    /// The daemon is killed. Its guards end the processes in their own time; whoever waits hears that the
    /// line broke.
    pub(crate) fn crash(&mut self, dice: &mut Dice) {
        self.is_up = false;
        for line in std::mem::take(&mut self.lines) {
            let what = ToManager::Reset { session: line.session };
            self.out.push(Out::Say { manager: line.manager, what });
        }
        for Waiting { manager, call, step, .. } in std::mem::take(&mut self.waiting) {
            let what = ToManager::Answer { call, step, reply: Reply::Broken };
            self.out.push(Out::Say { manager, what });
        }
        self.sessions.clear();
        for lease in std::mem::take(&mut self.processes).into_keys() {
            let (micros, fate) = (dice.within(0..GUARD_TAKES), Fate::LeftoverGone);
            self.out.push(Out::Later { micros, lease: lease.clone(), fate });
            self.leftovers.insert(lease);
        }
        self.contact.clear();
        self.newest.clear();
    }

    /// It is started anew with what it saved.
    pub(crate) fn restart(&mut self, now: u64) {
        self.is_up = true;
        self.life += 1;
        (self.began, self.now) = (now, now);
        self.book = Book::new(self.limits.clone(), self.saved_epoch, false, self.leftovers.len());
    }

    /// A process of an earlier life has ended.
    pub(crate) fn leftover_gone(&mut self, now: u64, lease: &LeaseId, dice: &mut Dice) {
        self.leftovers.remove(lease);
        if self.is_up {
            self.now = now;
            self.book.leftover_gone();
            self.settle(dice);
        }
    }

    /// A service ends by itself.
    pub(crate) fn kill_service(&mut self, now: u64, dice: &mut Dice) {
        self.now = now;
        let living = self.processes.iter().filter(|(_, process)| !process.stops && !process.starting);
        let Some(id) = living.map(|(id, _)| id.clone()).next() else { return };
        self.book.process_exited(&id, "it was killed".to_owned());
        self.settle(dice);
    }

    pub(crate) fn meet(&mut self, now: u64, lease: &LeaseId, fate: Fate, dice: &mut Dice) {
        self.now = now;
        self.book.tick(self.local());
        let Some(process) = self.processes.get_mut(lease) else { return };
        match fate {
            Fate::Ready if !process.stops => {
                process.starting = false;
                self.book.started(lease);
            }
            Fate::StartFails if !process.stops => {
                self.processes.remove(lease);
                self.book.start_failed(lease, "it did not get ready".to_owned());
            }
            Fate::Gone => {
                self.processes.remove(lease);
                self.book.processes_gone(lease);
            }
            Fate::Ready | Fate::StartFails | Fate::Idle | Fate::LeftoverGone => {}
        }
        self.settle(dice);
    }

    pub(crate) fn hear(&mut self, now: u64, from: &Sender, what: ToNode, dice: &mut Dice) {
        self.now = now;
        if !self.is_up {
            return self.refuse(from.manager, what);
        }
        self.book.tick(self.local());
        self.settle(dice);
        match what {
            ToNode::Hello { session, adopt } => self.hello(from, session, adopt, dice),
            ToNode::Renew { session, sequence, renewal } => {
                if self.sessions.contains(&(from.manager, session)) {
                    self.renew(from, session, sequence, renewal, dice);
                } else {
                    self.say(from.manager, ToManager::Reset { session });
                }
            }
            ToNode::Call { call, step, ask } => self.call(from, call, step, ask, dice),
            ToNode::Closed => {
                self.sessions.retain(|(manager, _)| *manager != from.manager);
                self.close(from.manager, u64::MAX);
                self.settle(dice);
            }
        }
    }

    /// The machine answers for a daemon that is not there.
    fn refuse(&mut self, manager: usize, what: ToNode) {
        match what {
            ToNode::Hello { session, .. } => self.say(manager, ToManager::Refused { session }),
            ToNode::Renew { session, .. } => self.say(manager, ToManager::Reset { session }),
            ToNode::Call { call, step, .. } => {
                self.say(manager, ToManager::Answer { call, step, reply: Reply::Broken });
            }
            ToNode::Closed => {}
        }
    }

    fn say(&mut self, manager: usize, what: ToManager) {
        self.out.push(Out::Say { manager, what });
    }

    /// The lines of a load-manager's connections before `session` end.
    fn close(&mut self, manager: usize, session: u64) {
        self.lines.retain(|line| line.manager != manager || line.session >= session);
        let holders: Vec<Holder> = self.newest.keys().cloned().collect();
        for holder in holders {
            let listens = self.lines.iter().any(|line| line.renewal.holder == holder);
            if !listens {
                self.book.set_listening(&holder, false);
            }
        }
    }

    fn hello(&mut self, from: &Sender, session: u64, adopt: bool, dice: &mut Dice) {
        self.sessions.retain(|(manager, older)| *manager != from.manager || *older > session);
        self.sessions.insert((from.manager, session));
        self.close(from.manager, session);
        let mut adopted = None;
        if adopt {
            adopted = self.adopt(from, dice);
            if adopted.is_none() {
                return self.say(from.manager, ToManager::Fenced { session });
            }
        }
        self.say(from.manager, ToManager::Welcome { session, adopted });
    }

    /// What it hands over; `None` where a newer load-manager is known.
    fn adopt(&mut self, from: &Sender, dice: &mut Dice) -> Option<Vec<load_manager::holder::Adopted>> {
        let is_stale = self.is_superseded(from);
        let before = is_stale.then(|| self.picture());
        let now = self.local();
        let answer = self.book.adopt(now, &from.holder, from.incarnation);
        self.is_untouched(before, answer.is_err());
        self.settle(dice);
        let leases = answer.ok()?;
        self.speaks(from);
        for lease in &leases {
            self.is_saved(lease.grant.lease.epoch);
            self.touch(&lease.grant.lease.id);
        }
        let address = &self.data_address;
        Some(leases.into_iter().map(|lease| wire::adopted(lease, address.clone())).collect())
    }

    fn renew(&mut self, from: &Sender, session: u64, sequence: u64, renewal: Renewal, dice: &mut Dice) {
        let is_stale = self.is_superseded(from);
        let before = is_stale.then(|| self.picture());
        let now = self.local();
        let renewed = self.book.renew(now, &renewal);
        self.is_untouched(before, renewed.is_err());
        if renewed.is_ok() {
            self.speaks(from);
            for named in &renewal.leases {
                let is_held = self.book.lease(&named.id).is_some_and(|lease| lease.epoch == named.epoch);
                if is_held {
                    self.contact.insert(named.id.clone(), (self.now, renewal.guaranteed.contains(&named.id)));
                }
            }
            let holder = renewal.holder.clone();
            self.lines.retain(|line| line.manager != from.manager);
            self.lines.push(Line { manager: from.manager, session, renewal: renewal.clone() });
            self.book.set_listening(&holder, true);
        }
        self.settle(dice);
        self.speak(from.manager, session, sequence, &renewal);
        if renewed.is_err() {
            self.close(from.manager, u64::MAX);
        }
    }

    fn speak(&mut self, manager: usize, session: u64, sequence: u64, renewal: &Renewal) {
        let roll = self.book.roll(self.local(), renewal);
        let word = wire::word(roll, self.life);
        self.say(manager, ToManager::Word { session, sequence, word });
    }

    fn call(&mut self, from: &Sender, call: u64, step: u32, ask: Ask, dice: &mut Dice) {
        if let Ask::Reserve { request_id, reclaim } = &ask {
            let reply = self.reserve(from, request_id.clone(), *reclaim, dice);
            return self.say(from.manager, ToManager::Answer { call, step, reply });
        }
        if let Ask::Adopt = &ask {
            // One that is superseded hears so on its stream.
            let reply = self.adopt(from, dice).map_or(Reply::Broken, Reply::Adopted);
            return self.say(from.manager, ToManager::Answer { call, step, reply });
        }
        let lease = lease_of(&ask).clone();
        let known = self.book.lease(&lease.id).map(|known| known.epoch);
        let is_stale = known.is_some_and(|epoch| epoch != lease.epoch);
        let before = is_stale.then(|| self.picture());
        if known == Some(lease.epoch) {
            self.touch(&lease.id);
        }
        let now = self.local();
        let progress = match &ask {
            Ask::Start(lease) => self.book.start(lease),
            Ask::Drain(lease) => self.book.drain(now, lease),
            Ask::Undrain(lease) => Poll::Ready(self.book.undrain(now, lease)),
            Ask::Stop(lease) => self.book.stop(lease),
            Ask::Release(lease) => self.book.release(lease),
            Ask::Adopt | Ask::Reserve { .. } => return,
        };
        self.is_untouched(before, matches!(progress, Poll::Ready(Err(_))));
        if let Poll::Ready(Err(refusal)) = &progress {
            let reply = Reply::Done(Err(refusal.to_string()));
            self.settle(dice);
            return self.say(from.manager, ToManager::Answer { call, step, reply });
        }
        self.waiting.push(Waiting { manager: from.manager, call, step, ask });
        self.settle(dice);
    }

    fn reserve(
        &mut self,
        from: &Sender,
        request_id: String,
        reclaim: Option<task_processor::lease::ReclaimWish>,
        dice: &mut Dice,
    ) -> Reply {
        self.named += 1;
        let name = format!("{}-{}-{}", self.name, self.life, self.named);
        let wish = Wish {
            holder: from.holder.clone(),
            incarnation: from.incarnation,
            request_id,
            id: LeaseId(name.clone()),
            token: Token::new(name),
            reclaim,
        };
        let is_stale = self.is_superseded(from);
        let before = is_stale.then(|| self.picture());
        let now = self.local();
        let answer = self.book.reserve(now, wish);
        self.is_untouched(before, answer.is_err());
        self.settle(dice);
        if !is_stale {
            self.speaks(from);
        }
        match answer {
            Ok(grant) => {
                self.is_saved(grant.lease.epoch);
                if self.book.lease(&grant.lease.id).is_some() {
                    self.touch(&grant.lease.id);
                }
                Reply::Granted(wire::granted(grant, self.data_address.clone()))
            }
            Err(denial) => Reply::Denied {
                words: denial.detail,
                retry_after: denial.retry_after,
                reclaiming: denial.reclaiming,
            },
        }
    }

    fn touch(&mut self, lease: &LeaseId) {
        let now = self.now;
        self.contact.entry(lease.clone()).and_modify(|contact| contact.0 = now).or_insert((now, false));
    }

    fn settle(&mut self, dice: &mut Dice) {
        let mut to_notify: Vec<Option<Holder>> = Vec::new();
        loop {
            self.note_idle();
            let effects = self.book.effects();
            if effects.is_empty() {
                break;
            }
            for effect in effects {
                match effect {
                    Effect::Notify(holder) => to_notify.push(Some(holder)),
                    Effect::NotifyAll => to_notify.push(None),
                    effect => self.carry_out(effect, dice),
                }
            }
        }
        self.answer();
        for holder in to_notify {
            let told = |line: &&Line| holder.as_ref().is_none_or(|holder| line.renewal.holder == *holder);
            let lines: Vec<_> = self.lines.iter().filter(told).map(Line::parts).collect();
            for (manager, session, renewal) in lines {
                self.speak(manager, session, 0, &renewal);
            }
        }
        self.is_sound();
    }

    fn note_idle(&mut self) {
        let draining =
            self.book.leases().iter().filter(|lease| matches!(lease.state, State::Draining { .. }));
        let is_idle = |id: &LeaseId| {
            self.processes.get(id).is_none_or(|process| process.idle_at.is_some_and(|at| at <= self.now))
        };
        let ids: Vec<LeaseId> = draining.map(|lease| lease.id.clone()).filter(is_idle).collect();
        for id in ids {
            self.book.in_flight_zero(&id);
        }
    }

    fn carry_out(&mut self, effect: Effect, dice: &mut Dice) {
        match effect {
            Effect::SaveEpoch(epoch) => {
                assert!(epoch > self.saved_epoch, "I2: an epoch is given twice");
                self.saved_epoch = epoch;
                self.book.epoch_saved(epoch);
            }
            Effect::StartProcess(lease) => {
                let process = Process { starting: true, stops: false, idle_at: None };
                let before = self.processes.insert(lease.clone(), process);
                assert!(before.is_none(), "I1: {} is started twice", lease.0);
                let fate = if dice.permille(30) { Fate::StartFails } else { Fate::Ready };
                let micros = dice.within(200_000..2_000_000);
                self.out.push(Out::Later { micros, lease, fate });
            }
            Effect::StopProcess(lease) => {
                let stop_timeout = self.stop_timeout;
                let process = self.processes.get_mut(&lease).expect("I1: what never ran is not stopped");
                if !process.stops {
                    process.stops = true;
                    // One that does not end is killed.
                    let micros = if dice.permille(100) { stop_timeout } else { dice.within(0..1_000_000) };
                    self.out.push(Out::Later { micros, lease, fate: Fate::Gone });
                }
            }
            Effect::Refuse(lease) => {
                let now = self.now;
                if let Some(process) = self.processes.get_mut(&lease) {
                    let most = if dice.permille(100) { 60_000_000 } else { 3_000_000 };
                    let micros = dice.within(0..most);
                    process.idle_at = Some(now + micros);
                    self.out.push(Out::Later { micros, lease, fate: Fate::Idle });
                }
            }
            Effect::Admit(lease) => {
                if let Some(process) = self.processes.get_mut(&lease) {
                    process.idle_at = None;
                }
            }
            Effect::Forget(lease) => {
                assert!(!self.processes.contains_key(&lease), "I1: {} is over before its process", lease.0);
                self.contact.remove(&lease);
            }
            Effect::Fenced(holder, newest) => self.fence(&holder, newest),
            Effect::Reclaim { id, .. } => self.is_revocable(&id),
            Effect::Moved { id, holder, why, .. } => match why {
                Why::Reclaimed | Why::NoticeOver => self.is_revocable(&id),
                Why::Expired | Why::Wanted | Why::GraceOver => {
                    self.out.push(Out::LetGo { lease: id, holder })
                }
                _ => {}
            },
            Effect::Cut(_)
            | Effect::Answering(..)
            | Effect::TakenBack { .. }
            | Effect::Kept(_)
            | Effect::LetGo(..)
            | Effect::Notify(_)
            | Effect::NotifyAll => {}
        }
    }

    fn fence(&mut self, holder: &Holder, newest: u64) {
        let is_older = |line: &Line| line.renewal.holder == *holder && line.renewal.incarnation < newest;
        let older: Vec<_> = self.lines.iter().filter(|line| is_older(line)).map(Line::parts).collect();
        self.lines.retain(|line| !is_older(line));
        for (manager, session, renewal) in older {
            self.speak(manager, session, 0, &renewal);
        }
    }

    fn answer(&mut self) {
        let book = &self.book;
        let answered = self.waiting.extract_if(.., |waiting| progress(book, &waiting.ask).is_ready());
        for Waiting { manager, call, step, ask } in answered.collect::<Vec<_>>() {
            if let Poll::Ready(result) = progress(&self.book, &ask) {
                let reply = Reply::Done(result.map_err(|refusal| refusal.to_string()));
                self.say(manager, ToManager::Answer { call, step, reply });
            }
        }
    }

    fn is_superseded(&self, from: &Sender) -> bool {
        self.newest.get(&from.holder).is_some_and(|newest| *newest > from.incarnation)
    }

    fn speaks(&mut self, from: &Sender) {
        self.newest.insert(from.holder.clone(), from.incarnation);
    }

    fn picture(&self) -> String {
        format!("{:?}", self.book.leases())
    }

    fn is_untouched(&self, before: Option<String>, is_refused: bool) {
        if let Some(before) = before {
            assert!(is_refused, "I2: who is out of date is not refused");
            assert_eq!(before, self.picture(), "I2: who is out of date acts");
        }
    }

    fn is_saved(&self, epoch: u64) {
        assert!(epoch <= self.saved_epoch, "I2: epoch {epoch} is given before it is on disk");
    }

    fn is_revocable(&self, lease: &LeaseId) {
        let is_marked = self.contact.get(lease).is_some_and(|(_, marked)| *marked);
        assert!(!is_marked, "I4: {} is reclaimed and guaranteed", lease.0);
    }

    /// At most one lease and one process for each slot, those of leases that are over and of earlier lives
    /// of the daemon included.
    fn is_sound(&self) {
        let mut taken: BTreeSet<&LeaseId> = self.book.leases().iter().map(|lease| &lease.id).collect();
        taken.extend(self.processes.keys());
        taken.extend(&self.leftovers);
        assert!(taken.len() <= self.limits.slots, "I1: {} has more than its slots: {taken:?}", self.name);
    }

    /// No process lives on for longer than `bound` after the last contact with its holder.
    pub(crate) fn ends_what_nobody_holds(&self, now: u64, bound: u64) {
        for lease in self.processes.keys() {
            let contact = self.contact.get(lease).map_or(0, |(at, _)| *at);
            assert!(
                now <= contact + bound,
                "I3: {} lives {} us after the last contact",
                lease.0,
                now - contact
            );
        }
    }
}

impl Line {
    fn parts(&self) -> (usize, u64, Renewal) {
        (self.manager, self.session, self.renewal.clone())
    }
}

fn lease_of(ask: &Ask) -> &LeaseRef {
    match ask {
        Ask::Start(lease) | Ask::Drain(lease) | Ask::Undrain(lease) | Ask::Stop(lease) => lease,
        Ask::Release(lease) => lease,
        Ask::Adopt | Ask::Reserve { .. } => unreachable!("it names no lease"),
    }
}

fn progress(book: &Book, ask: &Ask) -> Progress {
    match ask {
        Ask::Start(lease) => book.start_progress(lease),
        Ask::Drain(lease) => book.drain_progress(lease),
        Ask::Undrain(_) | Ask::Adopt | Ask::Reserve { .. } => Poll::Ready(Ok(())),
        Ask::Stop(lease) => book.stop_progress(lease),
        Ask::Release(lease) => book.release_progress(lease),
    }
}
