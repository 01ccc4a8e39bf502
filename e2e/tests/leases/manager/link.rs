//! A load-manager's links to the nodes: what comes from there, and how each is connected, renewed on, and
//! connected anew.

use std::time::Duration;

use load_manager::holder::Heard;
use load_manager::node::LeaseRef;
use load_manager::sent::Sent;
use task_processor::lease::{LeaseId, Renewal};

use super::{Alarm, CONNECT_TIMEOUT, Manager, RENEW, SECOND};
use crate::wire::{self, ToManager, ToNode};

const RETRY_FIRST: u64 = SECOND / 4;
const RETRY_MAX: u64 = 5 * SECOND;

#[derive(Debug, Default)]
pub(super) struct Link {
    pub(super) session: u64,
    pub(super) is_trying: bool,
    pub(super) is_up: bool,
    pub(super) adopted: bool,
    pub(super) leases: Vec<LeaseRef>,
    pub(super) sequence: u64,
    pub(super) sent: Sent<Duration>,
    pub(super) asked_at: Duration,
    pub(super) heard_at: u64,
    pub(super) pause: u64,
}

impl Manager {
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
                link.sent = Sent::default();
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
                    let sent_at = link.sent.take(sequence);
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

    pub(super) fn is_on(&self, node: usize, session: u64) -> bool {
        self.links[node].is_up && self.links[node].session == session
    }

    pub(super) fn connect(&mut self, node: usize) {
        let asked_at = self.local();
        let link = &mut self.links[node];
        link.session += 1;
        (link.is_trying, link.is_up, link.asked_at) = (true, false, asked_at);
        let (session, adopt) = (link.session, !link.adopted || link.leases.is_empty());
        self.say(node, ToNode::Hello { session, adopt });
        self.later(CONNECT_TIMEOUT, Alarm::NoWelcome { node, session });
    }

    pub(super) fn connect_later(&mut self, node: usize) {
        let link = &mut self.links[node];
        link.pause = (link.pause * 2).clamp(RETRY_FIRST, RETRY_MAX);
        let pause = link.pause;
        self.later(pause, Alarm::Connect { node });
    }

    /// A connection that breaks is tried again at once, and nobody is told.
    pub(super) fn broken(&mut self, node: usize) {
        self.links[node].is_up = false;
        self.later(RETRY_FIRST, Alarm::Connect { node });
    }

    pub(super) fn renew(&mut self, node: usize) {
        let now = self.local();
        let link = &mut self.links[node];
        link.sequence += 1;
        link.sent.push(link.sequence, now);
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
}
