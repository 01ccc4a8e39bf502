//! What was there before this load-manager started, or before a node fell silent: the list that the
//! service-manager has in force and the leases that the nodes still hold for this front end.

use std::time::Duration;

use super::losses::Loss;
use super::{Adopted, Cause, ChildList, ChildState, Effect, Holder, LeaseState, News};
use crate::entrance::EntranceFault;
use crate::node::{DrainStep, Lease, Link, Stage};

impl Holder {
    /// The service-manager answers. A restarted load-manager goes on from its list; a restarted
    /// service-manager is given ours.
    pub(super) fn front_up(&mut self, list: ChildList) {
        self.tell(News::FrontUp { generation: list.generation, children: list.children.len() });
        self.front_up = true;
        self.applied = list.generation;
        let fresh = self.list.generation == 0;
        self.list.generation = self.list.generation.max(list.generation);
        if fresh {
            self.take_up(&list);
        }
        self.republish();
    }

    /// The service-manager is gone for now; who is served stays served by what it had.
    pub(super) fn front_down(&mut self, words: String) {
        if self.front_up {
            self.tell(News::FrontDown { words });
        }
        self.front_up = false;
    }

    /// The children of a list that an earlier load-manager made. What a node has said of itself
    /// already is newer than the list.
    fn take_up(&mut self, list: &ChildList) {
        for child in &list.children {
            let Some(index) = self.node_named(&child.node) else { continue };
            if self.ended.contains(&child.lease.id) {
                continue;
            }
            let lease = child.lease.clone();
            let node = &mut self.nodes[index];
            let drains = child.state == ChildState::Draining;
            match &node.stage {
                // Not heard yet: the list's word counts until the node has spoken.
                Stage::Free if !matches!(node.link, Link::Up { .. }) => {
                    let stage =
                        if drains { Stage::Draining(lease, DrainStep::AtFront) } else { Stage::Ready(lease) };
                    node.enter(stage, self.now);
                    node.answered = self.now;
                    self.join(index);
                }
                Stage::Ready(adopted) if drains => {
                    let adopted = adopted.clone();
                    node.enter(Stage::Draining(adopted, DrainStep::AtFront), self.now);
                }
                Stage::Free
                | Stage::Starting(_)
                | Stage::Ready(_)
                | Stage::Jeopardy(_)
                | Stage::Draining(..) => {}
            }
        }
        // In the order of the list, whoever was heard of first.
        let place =
            |index: &usize| list.children.iter().position(|child| child.node == self.nodes[*index].name);
        let mut children = self.children.clone();
        children.sort_by_key(|index| place(index).unwrap_or(usize::MAX));
        self.children = children;
    }

    /// A node answers. What it still holds for this front end is taken up again.
    pub(super) fn link_up(&mut self, node: usize, adopted: Option<Vec<Adopted>>, asked_at: Duration) {
        if matches!(self.nodes[node].link, Link::Down { .. }) {
            self.tell(News::Reachable { node });
        }
        self.nodes[node].reached = true;
        self.nodes[node].is_silent = false;
        // Its incarnation comes with its first renewal, where it is not known yet.
        if !matches!(self.nodes[node].link, Link::Up { .. }) {
            self.nodes[node].link = Link::Up { incarnation: 0 };
        }
        if let Some(adopted) = adopted {
            self.handed_over(node, adopted, asked_at);
        }
    }

    /// A node speaks of a lease that was let go, and that still runs there: it is taken up again, whether it
    /// is wanted or not. Where it is not, the decider drains it like any other, which loses nothing.
    pub(super) fn ask_to_adopt(&mut self, node: usize) {
        if !self.nodes[node].is_adopting {
            self.nodes[node].is_adopting = true;
            self.effect(Effect::Adopt { node });
        }
    }

    /// A node that was asked to hand over what it still holds has answered, or not.
    pub(super) fn adopted(&mut self, node: usize, result: Result<Vec<Adopted>, String>, asked_at: Duration) {
        self.nodes[node].is_adopting = false;
        match result {
            // Said before this stage began: a new connection was quicker.
            Ok(_) if asked_at < self.nodes[node].since => {}
            Ok(adopted) => self.handed_over(node, adopted, asked_at),
            Err(words) => self.tell(News::NotHandedOver { node, words }),
        }
    }

    fn handed_over(&mut self, node: usize, adopted: Vec<Adopted>, asked_at: Duration) {
        match &self.nodes[node].stage {
            // The order that is under way speaks for itself.
            Stage::Starting(_) => {}
            Stage::Free => self.adopt(node, adopted, asked_at),
            Stage::Ready(lease) | Stage::Jeopardy(lease) | Stage::Draining(lease, _) => {
                let (ours, others): (Vec<_>, Vec<_>) =
                    adopted.into_iter().partition(|adopted| adopted.lease.id == lease.id);
                match ours.into_iter().next() {
                    Some(ours) => self.match_list(node, ours, asked_at),
                    None => {
                        self.lose(node, "it does not know the lease any more", Loss::Gone);
                    }
                }
                self.give_back(node, others);
            }
        }
    }

    /// The list named a lease before the node was heard: the node's word on it counts.
    fn match_list(&mut self, node: usize, adopted: Adopted, asked_at: Duration) {
        if !adopted.state.runs() {
            self.lose(node, "the node ended the lease meanwhile", Loss::Gone);
            return;
        }
        match self.opened(node, &adopted) {
            Ok(lease) => {
                let drains = adopted.state == LeaseState::Draining;
                self.tell(News::TakenUp { node, lease: lease.reference(), drains });
                let record = &mut self.nodes[node];
                record.answered = record.answered.max(asked_at);
                record.take_up(lease);
                if drains {
                    self.drains_already(node);
                }
            }
            Err(fault) => {
                self.lose(node, &fault.to_string(), Loss::Gone);
                self.give_back(node, vec![adopted]);
            }
        }
    }

    /// Takes up what serves or drains there; what is half started or half ended is given back, and
    /// asked for anew where it is needed.
    fn adopt(&mut self, node: usize, adopted: Vec<Adopted>, asked_at: Duration) {
        let serves = |adopted: &Adopted| adopted.state.runs() && !self.ended.contains(&adopted.lease.id);
        let (mut running, mut others): (Vec<_>, Vec<_>) = adopted.into_iter().partition(serves);
        // One child a node: a serving one rather than a draining one.
        running.sort_by_key(|adopted| adopted.state == LeaseState::Draining);
        let mut running = running.into_iter();
        if let Some(adopted) = running.next() {
            match self.opened(node, &adopted) {
                Ok(lease) => self.take_over(node, lease, adopted.state, asked_at),
                Err(fault) => {
                    self.tell(News::Unusable { node, why: fault.to_string() });
                    others.push(adopted);
                }
            }
        }
        others.extend(running);
        self.give_back(node, others);
    }

    /// A running lease from before this start or a silence becomes a child again.
    fn take_over(&mut self, node: usize, lease: Lease, state: LeaseState, asked_at: Duration) {
        let drains = state == LeaseState::Draining;
        self.tell(News::TakenUp { node, lease: lease.reference(), drains });
        let record = &mut self.nodes[node];
        record.answered = asked_at;
        // Whatever kept it from being asked for a slot, it has one now.
        record.paused_until = self.now;
        record.enter(Stage::Ready(lease), self.now);
        // Before the first decision nobody knows how many are to stand by.
        if self.last.is_some() {
            self.join_or_stand_by(node)
        } else {
            self.join(node)
        }
        self.note(Cause::Adopted, &[node], "the node still held it for this front end");
        if drains {
            self.drains_already(node);
        }
    }

    /// The lease with where its requests go.
    fn opened(&self, node: usize, adopted: &Adopted) -> Result<Lease, EntranceFault> {
        let Adopted { lease, service_port, .. } = adopted;
        self.settings.nodes[node].entrance.open(lease.clone(), lease.data_address.clone(), *service_port)
    }

    fn drains_already(&mut self, node: usize) {
        let name = self.nodes[node].name.clone();
        self.begin_drain(&name, "the node drains it already");
    }

    /// All but the one held, should the node name that twice.
    fn give_back(&mut self, node: usize, leases: Vec<Adopted>) {
        for Adopted { lease, .. } in leases {
            match self.nodes[node].lease() {
                Some(held) if held.id == lease.id => {}
                Some(_) => self.stop_and_release(node, lease.reference()),
                None => self.end_lease(node, lease),
            }
        }
    }
}
