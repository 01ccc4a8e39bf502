//! A load-manager: the holder, its links to the nodes and the calls under way. It stands for the shell
//! around the holder, with its time limits and its repeats, and with a clock of its own rate.

#[path = "manager/calls.rs"]
mod calls;
#[path = "manager/link.rs"]
mod link;

use std::collections::BTreeMap;
use std::time::Duration;

use cluster::share::Claim;
use load_manager::holder::{ChildList, Effect, Heard, Holder, Settings};
use task_processor::lease;

use crate::node::Sender;
use crate::wire::{self, Reply, ToNode};
use e2e::dice::Dice;

use calls::{Call, Stage};
use link::Link;

const SECOND: u64 = 1_000_000;
const CONNECT_TIMEOUT: u64 = SECOND;
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

pub(crate) struct Manager {
    pub(crate) holder: Holder,
    pub(crate) sender: Sender,
    pub(crate) service: usize,
    pub(crate) is_up: bool,
    /// Nothing gets in or out before this.
    pub(crate) paused_until: u64,
    pub(crate) born: u64,
    pub(crate) woken: u64,
    /// Orders and drains so far, and all else that moves a node.
    pub(crate) moves: u64,
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
    /// `list`: what the service-manager has in force, if it is up.
    pub(crate) fn new(start: Start, now: u64, list: Option<ChildList>) -> Self {
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
            moves: 0,
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
        if let Some(list) = list {
            manager.tell(Heard::FrontUp(list));
        }
        for node in 0..count {
            manager.later(0, Alarm::Connect { node });
        }
        manager.later(0, Alarm::Look);
        manager.later(0, Alarm::Tick);
        manager
    }

    /// What it says of itself to the others, once it does.
    pub(crate) fn claim(&self) -> Option<&Claim> {
        self.said.as_ref().map(|(claim, _)| claim)
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

    fn carry_out(&mut self) {
        for effect in self.holder.effects() {
            self.moves += u64::from(moves(&effect));
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
                Effect::OpenLink { .. } | Effect::CloseLink { .. } => unreachable!("the pool stays as it is"),
                Effect::Fenced(words) => self.out.push(Out::Fenced(words)),
            }
        }
    }
}

/// Whether a node changes hands by it, or is about to.
fn moves(effect: &Effect) -> bool {
    match effect {
        Effect::Add { .. } | Effect::Reclaim { .. } => true,
        Effect::Drain { .. } | Effect::Undrain { .. } | Effect::StopAndRelease { .. } => true,
        Effect::Adopt { .. }
        | Effect::StopWaiting { .. }
        | Effect::Renew { .. }
        | Effect::Claim { .. }
        | Effect::OpenLink { .. }
        | Effect::CloseLink { .. }
        | Effect::Publish(_) => false,
        Effect::Record(_) | Effect::Tell(_) | Effect::Fenced(_) => false,
    }
}
