//! A load-manager: the holder, its links to the nodes and the calls under way. It stands for the shell
//! around the holder, with its time limits and its repeats, and with a clock of its own rate.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use cluster::share::Claim;
use load_manager::holder::{AddFault, ChildList, Effect, Heard, Holder, Settings};
use load_manager::node::{Lease, LeaseRef};
use task_processor::lease::{self, LeaseId, Renewal};

use crate::dice::Dice;
use crate::node::Sender;
use crate::wire::{self, Ask, Reply, ToManager, ToNode};

const SECOND: u64 = 1_000_000;
const ANSWER_TIMEOUT: u64 = 2 * SECOND;
const CONNECT_TIMEOUT: u64 = SECOND;
const SLACK: u64 = 5 * SECOND;
const RETRY_FIRST: u64 = SECOND / 4;
const RETRY_MAX: u64 = 5 * SECOND;
const RENEW: u64 = 3 * SECOND;
/// The pings of a connection notice a cut link after so long.
const PING: u64 = 6 * SECOND;

/// What a load-manager sets an alarm for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Alarm {
    Look,
    Tick,
    Connect { node: usize },
    NoWelcome { node: usize, session: u64 },
    Renew { node: usize, session: u64 },
    Ping { node: usize, session: u64 },
    NoAnswer { call: u64, step: u32 },
    Parted { call: u64 },
}

/// What it causes outside.
#[derive(Debug)]
pub(crate) enum Out {
    Say { node: usize, what: ToNode },
    Later { micros: u64, alarm: Alarm },
    Publish(ChildList),
    Fenced(String),
}

#[derive(Debug, Default)]
struct Link {
    session: u64,
    is_trying: bool,
    is_up: bool,
    adopted: bool,
    leases: Vec<LeaseRef>,
    sequence: u64,
    sent: VecDeque<(u64, Duration)>,
    asked_at: Duration,
    heard_at: u64,
    pause: u64,
}

#[derive(Debug)]
struct Call {
    node: usize,
    step: u32,
    sent_at: Duration,
    what: Stage,
}

#[derive(Debug)]
enum Stage {
    Adopt,
    Reserve {
        request_id: String,
        reclaim: Option<lease::ReclaimWish>,
        is_repeat: bool,
    },
    Start(Lease),
    /// The start has failed, for this reason.
    GiveUp(LeaseRef, String),
    Drain {
        lease: LeaseRef,
        parting: u64,
        result: Option<Result<(), String>>,
    },
    Undrain(LeaseRef),
    Stop(LeaseRef),
    Release(LeaseRef),
}

pub(crate) struct Manager {
    pub(crate) holder: Holder,
    pub(crate) sender: Sender,
    pub(crate) service: usize,
    pub(crate) is_up: bool,
    /// Nothing gets in or out before this.
    pub(crate) paused_until: u64,
    pub(crate) born: u64,
    pub(crate) woken: u64,
    rate: f64,
    now: u64,
    links: Vec<Link>,
    calls: BTreeMap<u64, Call>,
    /// The call that waits at each node that drains.
    waiting: BTreeMap<usize, u64>,
    named: u64,
    said: Option<(Claim, Vec<String>)>,
    addresses: Vec<String>,
    start_timeout: u64,
    stop_timeout: u64,
    drain_limit: u64,
    pub(crate) out: Vec<Out>,
}

/// How long the service's processes may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) start: u64,
    pub(crate) stop: u64,
    pub(crate) drain: u64,
}

/// What a load-manager is started with.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) settings: Settings,
    pub(crate) service: usize,
    /// Which of the world's.
    pub(crate) index: usize,
    /// Of its clock.
    pub(crate) rate: f64,
    pub(crate) times: Times,
    /// Where the nodes take requests.
    pub(crate) addresses: Vec<String>,
}

impl Manager {
    pub(crate) fn new(start: Start, now: u64, list: ChildList) -> Self {
        let Start { settings, service, index, rate, times, addresses } = start;
        let holder =
            lease::Holder { service: settings.service.clone(), front_end: settings.front_end.clone() };
        let sender = Sender { manager: index, holder, incarnation: settings.incarnation };
        let count = settings.nodes.len();
        let mut manager = Self {
            holder: Holder::new(settings, Duration::ZERO),
            sender,
            service,
            is_up: true,
            paused_until: 0,
            born: now,
            woken: now,
            rate,
            now,
            links: (0..count).map(|_| Link::default()).collect(),
            calls: BTreeMap::new(),
            waiting: BTreeMap::new(),
            named: 0,
            said: None,
            addresses,
            start_timeout: times.start,
            stop_timeout: times.stop,
            drain_limit: times.drain,
            out: Vec::new(),
        };
        manager.tell(Heard::FrontUp(list));
        for node in 0..count {
            manager.later(0, Alarm::Connect { node });
        }
        manager.later(0, Alarm::Look);
        manager.later(0, Alarm::Tick);
        manager
    }

    /// Its own time.
    pub(crate) fn local(&self) -> Duration {
        Duration::from_micros(((self.now - self.born) as f64 * self.rate) as u64)
    }

    /// After so long by its own clock.
    fn later(&mut self, micros: u64, alarm: Alarm) {
        let micros = (micros as f64 / self.rate) as u64;
        self.out.push(Out::Later { micros, alarm });
    }

    fn say(&mut self, node: usize, what: ToNode) {
        self.out.push(Out::Say { node, what });
    }

    pub(crate) fn hear(&mut self, now: u64, heard: Heard) {
        self.now = now;
        self.tell(heard);
    }

    fn tell(&mut self, heard: Heard) {
        let now = self.local();
        self.holder.hear(now, heard);
        self.carry_out();
    }

    pub(crate) fn ring(&mut self, now: u64, alarm: Alarm, dice: &mut Dice) {
        self.now = now;
        match alarm {
            Alarm::Look => {
                let now = self.local();
                self.holder.look(now);
                self.carry_out();
                self.later(SECOND / 4, Alarm::Look);
            }
            Alarm::Tick => {
                let now = self.local();
                self.holder.tick(now);
                self.carry_out();
                self.later(SECOND, Alarm::Tick);
            }
            Alarm::Connect { node } => self.connect(node),
            Alarm::NoWelcome { node, session } => {
                let link = &mut self.links[node];
                if link.session == session && link.is_trying {
                    link.is_trying = false;
                    self.tell(Heard::LinkSilent { node, words: "no connection".to_owned() });
                    self.connect_later(node);
                }
            }
            Alarm::Renew { node, session } => {
                if self.is_on(node, session) {
                    self.renew(node);
                    self.later(RENEW - dice.within(0..RENEW / 5), Alarm::Renew { node, session });
                }
            }
            Alarm::Ping { node, session } => {
                if self.is_on(node, session) {
                    if now - self.links[node].heard_at >= PING {
                        self.broken(node);
                    } else {
                        self.later(SECOND, Alarm::Ping { node, session });
                    }
                }
            }
            Alarm::NoAnswer { call, step } => {
                if self.calls.get(&call).is_some_and(|call| call.step == step) {
                    self.answered(call, Reply::Broken);
                }
            }
            Alarm::Parted { call } => self.drained(call),
        }
    }

    pub(crate) fn receive(&mut self, now: u64, node: usize, what: ToManager) {
        self.now = now;
        match what {
            ToManager::Welcome { session, adopted } => {
                let link = &mut self.links[node];
                if link.session != session || !link.is_trying {
                    return;
                }
                (link.is_trying, link.is_up, link.heard_at, link.pause) = (false, true, now, 0);
                link.adopted |= adopted.is_some();
                link.sent.clear();
                let asked_at = link.asked_at;
                self.tell(Heard::LinkUp { node, adopted, asked_at });
                self.renew(node);
                self.later(RENEW, Alarm::Renew { node, session });
                self.later(SECOND, Alarm::Ping { node, session });
            }
            ToManager::Refused { session } => {
                let link = &mut self.links[node];
                if link.session == session && link.is_trying {
                    link.is_trying = false;
                    self.tell(Heard::LinkRefused { node, words: "nobody listens".to_owned() });
                    self.connect_later(node);
                }
            }
            ToManager::Fenced { session } => {
                if self.links[node].session == session {
                    self.tell(Heard::Fenced("the node said so".to_owned()));
                }
            }
            ToManager::Word { session, sequence, word } => {
                if self.is_on(node, session) {
                    let link = &mut self.links[node];
                    link.heard_at = now;
                    let sent_at = take_sent(&mut link.sent, sequence);
                    self.tell(Heard::Renewed { node, word, sent_at });
                }
            }
            ToManager::Reset { session } => {
                if self.is_on(node, session) {
                    self.broken(node);
                }
            }
            ToManager::Answer { call, step, reply } => {
                if self.calls.get(&call).is_some_and(|call| call.step == step) {
                    self.answered(call, reply);
                }
            }
        }
    }

    fn is_on(&self, node: usize, session: u64) -> bool {
        self.links[node].is_up && self.links[node].session == session
    }

    fn connect(&mut self, node: usize) {
        let asked_at = self.local();
        let link = &mut self.links[node];
        link.session += 1;
        (link.is_trying, link.is_up, link.asked_at) = (true, false, asked_at);
        let (session, adopt) = (link.session, !link.adopted || link.leases.is_empty());
        self.say(node, ToNode::Hello { session, adopt });
        self.later(CONNECT_TIMEOUT, Alarm::NoWelcome { node, session });
    }

    fn connect_later(&mut self, node: usize) {
        let link = &mut self.links[node];
        link.pause = (link.pause * 2).clamp(RETRY_FIRST, RETRY_MAX);
        let pause = link.pause;
        self.later(pause, Alarm::Connect { node });
    }

    /// A connection that breaks is tried again at once, and nobody is told.
    fn broken(&mut self, node: usize) {
        self.links[node].is_up = false;
        self.later(RETRY_FIRST, Alarm::Connect { node });
    }

    fn renew(&mut self, node: usize) {
        let now = self.local();
        let link = &mut self.links[node];
        link.sequence += 1;
        link.sent.push_back((link.sequence, now));
        if link.sent.len() > 8 {
            link.sent.pop_front();
        }
        let (claim, marked) = self.said.clone().map_or((None, Vec::new()), |(claim, ids)| (Some(claim), ids));
        let is_here = |id: &String| link.leases.iter().any(|lease| lease.id == *id);
        let renewal = Renewal {
            holder: self.sender.holder.clone(),
            incarnation: self.sender.incarnation,
            leases: link.leases.iter().map(wire::reference).collect(),
            guaranteed: marked.into_iter().filter(is_here).map(LeaseId).collect(),
            claim,
        };
        let (session, sequence) = (link.session, link.sequence);
        self.say(node, ToNode::Renew { session, sequence, renewal });
    }

    fn carry_out(&mut self) {
        for effect in self.holder.effects() {
            match effect {
                Effect::Add { node, request_id } => self.add(node, request_id, None),
                Effect::Reclaim { node, request_id, wish } => {
                    self.add(node, request_id, Some(wire::wish(wish)));
                }
                Effect::Adopt { node } => {
                    self.begin(node, Stage::Adopt);
                }
                Effect::Drain { node, lease, parting } => {
                    let parting = parting.as_micros() as u64;
                    let call = self.begin(node, Stage::Drain { lease, parting, result: None });
                    self.waiting.insert(node, call);
                }
                Effect::Undrain { node, lease } => {
                    let call = self.begin(node, Stage::Undrain(lease));
                    self.waiting.insert(node, call);
                }
                Effect::StopWaiting { node } => {
                    if let Some(call) = self.waiting.remove(&node) {
                        self.calls.remove(&call);
                    }
                }
                Effect::StopAndRelease { node, lease } => {
                    self.begin(node, Stage::Stop(lease));
                }
                Effect::Renew { node, leases } => {
                    self.links[node].leases = leases;
                    if self.links[node].is_up {
                        self.renew(node);
                    }
                }
                Effect::Claim { claim, guaranteed } => self.said = Some((claim, guaranteed)),
                Effect::Publish(list) => self.out.push(Out::Publish(list)),
                Effect::Record(_) | Effect::Tell(_) => {}
                Effect::Fenced(words) => self.out.push(Out::Fenced(words)),
            }
        }
    }

    fn add(&mut self, node: usize, request_id: String, reclaim: Option<lease::ReclaimWish>) {
        self.begin(node, Stage::Reserve { request_id, reclaim, is_repeat: false });
    }

    fn begin(&mut self, node: usize, what: Stage) -> u64 {
        self.named += 1;
        self.ask(self.named, Call { node, step: 0, sent_at: Duration::ZERO, what });
        self.named
    }

    fn ask(&mut self, number: u64, mut call: Call) {
        call.step += 1;
        call.sent_at = self.local();
        let reference = wire::reference;
        let (ask, limit) = match &call.what {
            Stage::Adopt => (Ask::Adopt, ANSWER_TIMEOUT),
            Stage::Reserve { request_id, reclaim, .. } => {
                (Ask::Reserve { request_id: request_id.clone(), reclaim: *reclaim }, ANSWER_TIMEOUT)
            }
            Stage::Start(lease) => (Ask::Start(reference(&lease.reference())), self.start_timeout + SLACK),
            Stage::GiveUp(lease, _) => (Ask::Release(reference(lease)), ANSWER_TIMEOUT + SLACK),
            Stage::Drain { lease, .. } => (Ask::Drain(reference(lease)), self.drain_limit),
            Stage::Undrain(lease) => (Ask::Undrain(reference(lease)), ANSWER_TIMEOUT),
            Stage::Stop(lease) => (Ask::Stop(reference(lease)), self.stop_timeout + SLACK),
            Stage::Release(lease) => (Ask::Release(reference(lease)), self.stop_timeout + SLACK),
        };
        let (node, step) = (call.node, call.step);
        self.calls.insert(number, call);
        self.say(node, ToNode::Call { call: number, step, ask });
        self.later(limit, Alarm::NoAnswer { call: number, step });
    }

    /// What a call was answered leads to the next one, or to what the holder hears.
    fn answered(&mut self, number: u64, reply: Reply) {
        let Some(mut call) = self.calls.remove(&number) else { return };
        let node = call.node;
        let refused = |words: String, retry_after, reclaiming| Heard::Added {
            node,
            result: Err(AddFault::Refused { words, retry_after, reclaiming }),
        };
        let result = match &reply {
            Reply::Done(result) => result.clone(),
            Reply::Adopted(_) | Reply::Granted(_) | Reply::Denied { .. } | Reply::Broken => {
                Err("no answer in time".to_owned())
            }
        };
        match call.what {
            Stage::Adopt => {
                let result =
                    if let Reply::Adopted(leases) = reply { Ok(leases) } else { result.map(|()| vec![]) };
                self.tell(Heard::Adopted { node, result, asked_at: call.sent_at });
            }
            Stage::Reserve { request_id, reclaim, is_repeat } => match reply {
                Reply::Granted(mut lease) => {
                    lease.data_address.clone_from(&self.addresses[node]);
                    let bare = Lease { data_address: String::new(), ..lease.clone() };
                    self.tell(Heard::Reserved { node, lease: bare, sent_at: call.sent_at });
                    call.what = Stage::Start(lease);
                    self.ask(number, call);
                }
                Reply::Denied { words, retry_after, reclaiming } => {
                    self.tell(refused(words, retry_after, reclaiming));
                }
                Reply::Done(_) | Reply::Adopted(_) | Reply::Broken if is_repeat => {
                    self.tell(refused("no answer in time".to_owned(), Duration::ZERO, false));
                }
                Reply::Done(_) | Reply::Adopted(_) | Reply::Broken => {
                    call.what = Stage::Reserve { request_id, reclaim, is_repeat: true };
                    self.ask(number, call);
                }
            },
            Stage::Start(lease) => match result {
                Ok(()) => self.tell(Heard::Added { node, result: Ok(lease) }),
                Err(words) => {
                    call.what = Stage::GiveUp(lease.reference(), words);
                    self.ask(number, call);
                }
            },
            Stage::GiveUp(_, words) => {
                self.tell(Heard::Added { node, result: Err(AddFault::Failed(words)) });
            }
            Stage::Drain { lease, parting, .. } => {
                call.what = Stage::Drain { lease, parting, result: Some(result) };
                call.step += 1;
                self.calls.insert(number, call);
                self.later(parting, Alarm::Parted { call: number });
            }
            Stage::Undrain(lease) => self.tell(Heard::Undrained { node, lease_id: lease.id, result }),
            Stage::Stop(lease) => {
                call.what = Stage::Release(lease);
                self.ask(number, call);
            }
            Stage::Release(lease) => self.tell(Heard::Released { node, lease_id: lease.id, result }),
        }
    }

    fn drained(&mut self, number: u64) {
        let Some(call) = self.calls.remove(&number) else { return };
        if let Stage::Drain { lease, result: Some(result), .. } = call.what {
            self.tell(Heard::NodeDrained { node: call.node, lease_id: lease.id, result });
        }
    }
}

fn take_sent(sent: &mut VecDeque<(u64, Duration)>, sequence: u64) -> Option<Duration> {
    while let Some(&(oldest, at)) = sent.front() {
        if oldest > sequence {
            return None;
        }
        sent.pop_front();
        if oldest == sequence {
            return Some(at);
        }
    }
    None
}
