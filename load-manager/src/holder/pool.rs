//! The pool while it changes: nodes that cluster.toml has since join it, those that it has no more are
//! drained and seen off, and who stays may stand elsewhere.
//!
//! An index names a node for good, so that whatever is still heard of it is heard of nobody else: one that
//! joins gets the next index, and one that is back at the same address its old one. Of a name there is one
//! node at a time: at another address it is another node, which joins when the one before it has left.

use std::time::Duration;

use super::{Cause, Effect, Heard, Holder, News, PoolNode, Settings};
use crate::node::{DrainStep, Link, Membership, Node, Patience, Silence, Stage};

/// What cluster.toml has become since the start.
#[derive(Debug, Clone, Default)]
pub(super) struct Pool {
    /// Its nodes, in the order in which they are to be tried.
    wanted: Vec<PoolNode>,
    /// Whether one of those that it has no more is still there.
    is_moving: bool,
}

impl Holder {
    /// Goes on with other settings, as after a reload of cluster.toml. No request is lost by it: what
    /// serves on a node that is gone from it is drained like any other.
    pub fn reload(&mut self, now: Duration, settings: Settings) {
        self.step(now, |holder| holder.go_by(settings));
    }

    fn go_by(&mut self, settings: Settings) {
        let wanted = settings.order.iter().map(|&index| settings.nodes[index].clone()).collect();
        let nodes = std::mem::take(&mut self.settings.nodes);
        let decider = settings.decider.clone().following(&self.settings.decider);
        self.settings = Settings { nodes, order: Vec::new(), decider, ..settings };
        self.decider.reload(self.settings.decider.clone());
        self.pool = Pool { wanted, is_moving: true };
        // Whoever has the file read again may have put right what was wrong.
        self.rollout.resume();
        for node in 0..self.nodes.len() {
            if self.nodes[node].is_member() && !self.pool.wanted.iter().any(|place| self.is_at(node, place)) {
                self.nodes[node].membership = Membership::Leaving;
                let sentence = self.why_leaving(node);
                self.note(Cause::Removed, &[node], &sentence);
            }
        }
        self.enlist();
    }

    /// Sees off who leaves and lets in who waits for that. Due after everything that may have moved a node.
    pub(super) fn follow_pool(&mut self) {
        if !self.pool.is_moving {
            return;
        }
        for node in 0..self.nodes.len() {
            if self.nodes[node].membership == Membership::Leaving {
                self.see_off(node);
            }
        }
        self.enlist();
        self.pool.is_moving = self.nodes.iter().any(|node| node.membership == Membership::Leaving);
    }

    /// The node of that name that is there.
    pub(super) fn node_named(&self, name: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.name == name && node.membership != Membership::Left)
    }

    /// Whether it was said on a link that is closed: what was on its way then means nothing any more.
    pub(super) fn is_of_closed_link(&self, heard: &Heard) -> bool {
        match heard {
            Heard::LinkUp { node, .. }
            | Heard::Renewed { node, .. }
            | Heard::LinkRefused { node, .. }
            | Heard::LinkSilent { node, .. }
            | Heard::Adopted { node, .. } => self.nodes[*node].membership == Membership::Left,
            Heard::FrontUp(_)
            | Heard::FrontDown(_)
            | Heard::Sample(_)
            | Heard::ListApplied(_)
            | Heard::Fenced(_)
            | Heard::Reserved { .. }
            | Heard::Added { .. }
            | Heard::NodeDrained { .. }
            | Heard::Undrained { .. }
            | Heard::Released { .. } => false,
        }
    }

    /// One step of its way out, which is that of any drain.
    fn see_off(&mut self, node: usize) {
        match self.nodes[node].stage {
            // What it still holds comes with the answer.
            Stage::Free if self.nodes[node].is_adopting => {}
            Stage::Free => {
                self.nodes[node].leave(self.now);
                self.effect(Effect::CloseLink { node });
                self.tell(News::Left { node });
            }
            Stage::Ready(_) | Stage::Jeopardy(_) => {
                let (name, why) = (self.nodes[node].name.clone(), self.why_leaving(node));
                self.begin_drain(&name, &why);
                self.replace();
            }
            // It is not to stand by or to be started again when its last request has ended.
            Stage::Draining(..) => (self.nodes[node].rests, self.nodes[node].restarts) = (false, false),
            // The call that starts it comes to its end first.
            Stage::Starting(_) => {}
        }
    }

    /// Every node of cluster.toml that can be one of the pool now is, and they are tried in its order.
    fn enlist(&mut self) {
        let mut order = Vec::with_capacity(self.pool.wanted.len());
        for place in self.pool.wanted.clone() {
            let known = (0..self.nodes.len()).find(|&node| self.is_at(node, &place));
            let is_waited_for = self.node_named(&place.name).is_some_and(|other| Some(other) != known);
            match known {
                _ if is_waited_for => {}
                Some(node) => {
                    order.push(node);
                    self.come_back(node);
                    self.nodes[node].set_speed(place.speed);
                    self.settings.nodes[node] = place;
                }
                None => {
                    order.push(self.nodes.len());
                    self.come_new(place);
                }
            }
        }
        self.settings.order = order;
    }

    fn come_new(&mut self, place: PoolNode) {
        let node = self.nodes.len();
        self.nodes.push(Node::new(&place.name, place.speed, self.now));
        self.settings.nodes.push(place);
        self.effect(Effect::OpenLink { node });
        self.note(Cause::Joined, &[node], "it is new in cluster.toml");
    }

    /// One that is on its way out stays, where it has not been stopped yet.
    fn come_back(&mut self, node: usize) {
        let was = std::mem::replace(&mut self.nodes[node].membership, Membership::Member);
        match was {
            Membership::Member => return,
            Membership::Left => self.effect(Effect::OpenLink { node }),
            Membership::Leaving => {
                let name = self.nodes[node].name.clone();
                if self.nodes[node].can_return(self.now, self.settings.patience) {
                    self.take_back(&name);
                }
            }
        }
        self.note(Cause::Joined, &[node], "it is in cluster.toml again");
    }

    /// Whether the node is the one of this name at this address.
    fn is_at(&self, node: usize, place: &PoolNode) -> bool {
        let known = &self.settings.nodes[node];
        known.name == place.name && known.control == place.control
    }

    fn why_leaving(&self, node: usize) -> String {
        let name = &self.nodes[node].name;
        match self.pool.wanted.iter().find(|place| place.name == *name) {
            Some(place) => format!("by cluster.toml it is at {} now", place.control),
            None => "it is not in cluster.toml any more".to_owned(),
        }
    }
}

impl Node {
    /// Whether its drain, where it has one, can be taken back, as far as is known here.
    pub(super) fn can_return(&self, now: Duration, patience: Patience) -> bool {
        let Stage::Draining(_, step) = &self.stage else { return false };
        let is_early = matches!(step, DrainStep::AtFront | DrainStep::AtNode);
        // Taken back while it is silent, it would be sent requests as one that answers.
        let answers = matches!(self.link, Link::Up { .. }) && self.silence(now, patience) == Silence::None;
        // A node that asked for the drain would only ask again.
        let is_asked_for = self.report.maintenance || self.report.stopping || self.report.is_reclaimed;
        is_early && answers && self.is_member() && !is_asked_for
    }
}
