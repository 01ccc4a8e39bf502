//! A node: the book, the processes of its leases, and the streams and calls that wait at it. It stands
//! for the task-processor's owner; what no owner knows, whether a process lives, is known here, and
//! each answer of the book is held against it.

#[path = "node/calls.rs"]
mod calls;
#[path = "node/effects.rs"]
mod effects;
#[path = "node/life.rs"]
mod life;
#[path = "node/rules.rs"]
mod rules;
#[path = "node/streams.rs"]
mod streams;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use task_processor::lease::{Book, Holder, LeaseId, Limits};

use crate::wire::{Reply, ToManager, ToNode};
use e2e::dice::Dice;

use calls::Waiting;
pub(crate) use effects::Fate;
use streams::Line;

/// Who sent a message.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    /// Which load-manager of the world.
    pub(crate) manager: usize,
    pub(crate) holder: Holder,
    pub(crate) incarnation: u64,
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

/// What a node is made of.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) name: String,
    pub(crate) data_address: String,
    pub(crate) limits: Limits,
    /// Of its clock.
    pub(crate) rate: f64,
    pub(crate) stop_timeout: u64,
}

pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) data_address: String,
    pub(crate) limits: Limits,
    rate: f64,
    pub(crate) is_up: bool,
    /// Nothing gets in or out before this.
    pub(crate) paused_until: u64,
    pub(crate) woken: u64,
    /// New with each start; what is meant for an earlier life does not come here.
    pub(crate) life: u64,
    pub(crate) book: Book,
    began: u64,
    now: u64,
    saved_epoch: u64,
    saved_maintenance: bool,
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
    pub(crate) fn new(machine: Machine) -> Self {
        let Machine { name, data_address, limits, rate, stop_timeout } = machine;
        Self {
            book: Book::new(limits.clone(), 0, false, 0),
            name,
            data_address,
            limits,
            rate,
            is_up: true,
            paused_until: 0,
            woken: 0,
            life: 1,
            began: 0,
            now: 0,
            saved_epoch: 0,
            saved_maintenance: false,
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
        self.settle_at(dice);
    }

    /// What is overdue comes after what has just happened, as in the daemon: one that was paused takes
    /// what waited for it first.
    fn settle_at(&mut self, dice: &mut Dice) {
        self.settle(dice);
        self.book.tick(self.local());
        self.settle(dice);
    }

    pub(crate) fn meet(&mut self, now: u64, lease: &LeaseId, fate: Fate, dice: &mut Dice) {
        self.now = now;
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
        self.settle_at(dice);
    }

    pub(crate) fn hear(&mut self, now: u64, from: &Sender, what: ToNode, dice: &mut Dice) {
        self.now = now;
        if !self.is_up {
            return self.refuse(from.manager, what);
        }
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
            }
        }
        self.settle_at(dice);
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
}
