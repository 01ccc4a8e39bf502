//! What was there before this load-manager started: the list that the service-manager has in force
//! and the leases that the nodes still hold for this front end.

use std::time::{Duration, Instant};

use proto::service_manager as front;
use proto::task_processor as wire;

use super::Manager;
use super::losses::Loss;
use super::record::Cause;
use crate::calls::NodeClient;
use crate::entrance::EntranceFault;
use crate::node::{DrainStep, Lease, Link, Stage};

impl Manager {
    /// The service-manager answers. A restarted load-manager goes on from its list; a restarted
    /// service-manager is given ours.
    pub(super) fn front_up(&mut self, list: front::ChildList) {
        tracing::info!(
            generation = list.generation,
            children = list.children.len(),
            "the service-manager answers"
        );
        self.front_up = true;
        self.applied = list.generation;
        let fresh = self.generation == 0;
        if list.generation > self.generation {
            self.generation = list.generation;
        }
        if fresh {
            self.take_up(&list);
        }
        self.republish();
    }

    /// The service-manager is gone for now; who is served stays served by what it had.
    pub(super) fn front_down(&mut self, words: String) {
        if self.front_up {
            tracing::warn!("the service-manager does not answer: {words}");
        }
        self.front_up = false;
    }

    /// The children of a list that an earlier load-manager made. What a node has said of itself
    /// already is newer than the list.
    fn take_up(&mut self, list: &front::ChildList) {
        let now = self.now();
        for child in &list.children {
            let Some(index) = self.nodes.iter().position(|node| node.name == child.node) else { continue };
            let lease = Lease {
                id: child.lease_id.clone(),
                epoch: child.epoch,
                token: child.token.clone(),
                data_address: child.address.clone(),
            };
            let node = &mut self.nodes[index];
            let drains = child.state() == front::ChildState::Draining;
            match &node.stage {
                // Not heard yet: the list's word counts until the node has spoken.
                Stage::Free if !matches!(node.link, Link::Up { .. }) => {
                    let stage =
                        if drains { Stage::Draining(lease, DrainStep::AtFront) } else { Stage::Ready(lease) };
                    node.enter(stage, now);
                    node.answered = now;
                    self.join(index);
                }
                Stage::Ready(adopted) if drains => {
                    let adopted = adopted.clone();
                    node.enter(Stage::Draining(adopted, DrainStep::AtFront), now);
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
    pub(super) fn link_up(
        &mut self,
        node: usize,
        client: NodeClient,
        adopted: Option<Vec<wire::Adopted>>,
        asked: Instant,
    ) {
        if matches!(self.nodes[node].link, Link::Down { .. }) {
            tracing::info!(node = self.nodes[node].name, "reachable");
        }
        self.clients[node] = Some(client);
        // Its incarnation comes with its first renewal, where it is not known yet.
        if !matches!(self.nodes[node].link, Link::Up { .. }) {
            self.nodes[node].link = Link::Up { incarnation: 0 };
        }
        let Some(adopted) = adopted else { return };
        let asked = asked.saturating_duration_since(self.born);
        match &self.nodes[node].stage {
            // The order that is under way speaks for itself.
            Stage::Starting(_) => {}
            Stage::Free => self.adopt(node, adopted, asked),
            Stage::Ready(lease) | Stage::Jeopardy(lease) | Stage::Draining(lease, _) => {
                let (ours, others): (Vec<_>, Vec<_>) =
                    adopted.into_iter().partition(|adopted| adopted.lease_id == lease.id);
                match ours.into_iter().next() {
                    Some(ours) => self.match_list(node, ours, asked),
                    None => {
                        self.lose(node, "it does not know the lease any more", Loss::Gone);
                    }
                }
                self.give_back(node, others);
            }
        }
    }

    /// The list named a lease before the node was heard: the node's word on it counts.
    fn match_list(&mut self, node: usize, adopted: wire::Adopted, asked: Duration) {
        let drains = match adopted.state() {
            wire::LeaseState::Ready | wire::LeaseState::Orphan => false,
            wire::LeaseState::Draining => true,
            wire::LeaseState::Unspecified
            | wire::LeaseState::Reserved
            | wire::LeaseState::Starting
            | wire::LeaseState::Stopping
            | wire::LeaseState::Gone => {
                self.lose(node, "the node ended the lease meanwhile", Loss::Gone);
                return;
            }
        };
        let lease = match self.opened(node, &adopted) {
            Ok(lease) => lease,
            Err(fault) => {
                self.lose(node, &fault.to_string(), Loss::Gone);
                self.give_back(node, vec![adopted]);
                return;
            }
        };
        let record = &mut self.nodes[node];
        tracing::info!(node = record.name, epoch = lease.epoch, "lease taken up");
        record.answered = asked;
        record.take_up(lease);
        if drains {
            let name = record.name.clone();
            self.begin_drain(&name, "the node drains it already");
        }
    }

    /// Takes up what serves or drains there; what is half started or half ended is given back, and
    /// asked for anew where it is needed.
    fn adopt(&mut self, node: usize, adopted: Vec<wire::Adopted>, asked: Duration) {
        let serves = |adopted: &wire::Adopted| {
            matches!(
                adopted.state(),
                wire::LeaseState::Ready | wire::LeaseState::Orphan | wire::LeaseState::Draining
            )
        };
        let (mut running, mut others): (Vec<_>, Vec<_>) = adopted.into_iter().partition(serves);
        // One child a node: a serving one rather than a draining one.
        running.sort_by_key(|adopted| adopted.state() == wire::LeaseState::Draining);
        let mut running = running.into_iter();
        if let Some(adopted) = running.next() {
            match self.opened(node, &adopted) {
                Ok(lease) => {
                    let drains = adopted.state() == wire::LeaseState::Draining;
                    self.take_over(node, lease, drains, asked);
                }
                Err(fault) => {
                    tracing::warn!(node = self.nodes[node].name, "what it still held is given back: {fault}");
                    others.push(adopted);
                }
            }
        }
        others.extend(running);
        self.give_back(node, others);
    }

    /// A running lease from before this start becomes a child again.
    fn take_over(&mut self, node: usize, lease: Lease, drains: bool, asked: Duration) {
        let now = self.now();
        let record = &mut self.nodes[node];
        record.answered = asked;
        tracing::info!(node = record.name, lease = lease.id, epoch = lease.epoch, drains, "lease taken up");
        record.enter(Stage::Ready(lease), now);
        self.join(node);
        self.note(Cause::Adopted, &[node], "the node still held it for this front end");
        if drains {
            let name = self.nodes[node].name.clone();
            self.begin_drain(&name, "the node drains it already");
        }
    }

    /// The lease with where its requests go.
    fn opened(&self, node: usize, adopted: &wire::Adopted) -> Result<Lease, EntranceFault> {
        let wire::Adopted { data_address, service_port, .. } = adopted;
        self.entrances[node].open(lease(adopted.clone()), data_address.clone(), *service_port)
    }

    fn give_back(&mut self, node: usize, leases: Vec<wire::Adopted>) {
        let now = self.now();
        for adopted in leases {
            let lease = lease(adopted);
            if self.nodes[node].stage == Stage::Free {
                self.nodes[node].enter(Stage::Draining(lease.clone(), DrainStep::Ending), now);
            }
            self.stop_and_release(node, lease);
        }
    }
}

fn lease(adopted: wire::Adopted) -> Lease {
    Lease {
        id: adopted.lease_id,
        epoch: adopted.epoch,
        token: adopted.token,
        data_address: adopted.data_address,
    }
}
