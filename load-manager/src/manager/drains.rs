//! Drains carried out (design section 4): marked in the child_list, the service-manager's own
//! requests to 0, the node's to 0, stop, release. Nothing here cuts a request.

use std::time::Duration;

use cluster::config::DataPath;

use super::Manager;
use super::record::Cause;
use crate::calls;
use crate::node::{DrainStep, Lease, Stage};

/// A service-manager that no longer has a child on its list closes what is left of its connections after
/// 5 s, in which both ends of each can say goodbye; and the list is on its way there for a moment.
const PARTING_TIME: Duration = Duration::from_secs(6);

impl Manager {
    /// Marks a child as draining; the new list tells the service-manager.
    pub(super) fn begin_drain(&mut self, name: &str, why: &str) {
        let now = self.now();
        let Some(index) = self.nodes.iter().position(|node| node.name == name) else { return };
        let (Stage::Ready(lease) | Stage::Jeopardy(lease)) = &self.nodes[index].stage else { return };
        let lease = lease.clone();
        tracing::info!(node = name, "draining: {why}");
        self.nodes[index].enter(Stage::Draining(lease, DrainStep::AtFront), now);
        self.publish();
        self.marked[index] = self.generation;
    }

    /// The node asks for it: an operator drained it, or its daemon is about to end.
    pub(super) fn reclaimed(&mut self, node: usize, reason: &str) {
        let name = self.nodes[node].name.clone();
        self.note(Cause::Reclaimed, &[node], reason);
        self.begin_drain(&name, reason);
        self.replace();
    }

    /// Takes a drain back, which can be done until the service is being stopped.
    pub(super) fn take_back(&mut self, name: &str) {
        let now = self.now();
        let Some(index) = self.nodes.iter().position(|node| node.name == name) else { return };
        match self.nodes[index].stage.clone() {
            Stage::Draining(lease, DrainStep::AtFront) => {
                tracing::info!(node = name, "drain taken back");
                self.nodes[index].enter(Stage::Ready(lease), now);
            }
            Stage::Draining(lease, DrainStep::AtNode) => {
                let Some(client) = self.clients[index].clone() else { return };
                self.stop_waiting(index);
                self.nodes[index].enter(Stage::Draining(lease.clone(), DrainStep::Returning), now);
                let call = calls::undrain(index, client, lease, self.told.clone());
                self.waiting[index] = Some(self.calls.spawn(call));
            }
            Stage::Free
            | Stage::Starting(_)
            | Stage::Ready(_)
            | Stage::Jeopardy(_)
            | Stage::Draining(_, DrainStep::Returning | DrainStep::Ending) => {}
        }
    }

    pub(super) fn undrained(&mut self, node: usize, lease_id: &str, result: Result<(), String>) {
        let now = self.now();
        let Stage::Draining(lease, DrainStep::Returning) = &self.nodes[node].stage else { return };
        if lease.id != lease_id {
            return;
        }
        match result {
            Ok(()) => {
                let lease = lease.clone();
                self.waiting[node] = None;
                tracing::info!(node = self.nodes[node].name, "drain taken back");
                self.nodes[node].enter(Stage::Ready(lease), now);
                self.join(node);
            }
            Err(words) => {
                tracing::warn!(node = self.nodes[node].name, "the drain could not be taken back: {words}");
                let lease = lease.clone();
                self.end_lease(node, lease);
            }
        }
    }

    pub(super) fn list_applied(&mut self, generation: u64) {
        self.applied = generation;
        self.step_drains();
    }

    /// Looks which draining children have no request of ours left.
    pub(super) fn step_drains(&mut self) {
        for index in 0..self.nodes.len() {
            if let Stage::Draining(lease, DrainStep::AtFront) = &self.nodes[index].stage
                && self.is_empty_at_front(index, lease)
            {
                let lease = lease.clone();
                self.drain_at_node(index, lease);
            }
        }
    }

    /// Whether the service-manager has put the mark in force and counts no request to it since; after
    /// `long_lived_timeout`, long-lived ones do not hold a drain up any more.
    fn is_empty_at_front(&self, index: usize, lease: &Lease) -> bool {
        let mark = self.marked[index];
        let Some(sample) =
            self.sample.as_ref().filter(|sample| self.applied >= mark && sample.generation >= mark)
        else {
            return false;
        };
        let Some(load) = sample.children.iter().find(|child| child.lease_id == lease.id) else { return true };
        let waited = self.now().saturating_sub(self.nodes[index].since);
        load.in_flight == 0
            || (load.in_flight == load.long_lived && waited >= self.service.long_lived_timeout)
    }

    /// The front end sends it nothing any more: off the list, and counted down by the node.
    fn drain_at_node(&mut self, index: usize, lease: Lease) {
        let now = self.now();
        let Some(client) = self.clients[index].clone() else { return };
        self.nodes[index].enter(Stage::Draining(lease.clone(), DrainStep::AtNode), now);
        self.children.retain(|&child| child != index);
        let (limit, told) = (self.service.long_lived_timeout, self.told.clone());
        let parting = self.parting(index);
        self.waiting[index] =
            Some(self.calls.spawn(calls::drain(index, client, lease, limit, parting, told)));
    }

    /// How long the service has to go on after the node has answered: it counts none of the requests that
    /// go straight to the service, and long-lived ones are being closed politely from now on.
    fn parting(&self, index: usize) -> Duration {
        match self.service.path {
            DataPath::Direct if self.nodes[index].front.in_flight > 0 => PARTING_TIME,
            DataPath::Direct | DataPath::Relayed => Duration::ZERO,
        }
    }

    pub(super) fn node_drained(&mut self, node: usize, lease_id: &str, result: Result<(), String>) {
        self.waiting[node] = None;
        let Stage::Draining(lease, DrainStep::AtNode) = &self.nodes[node].stage else { return };
        if lease.id != lease_id {
            return;
        }
        if let Err(words) = result {
            // Our own count was 0 before it was asked, so nothing of ours can be cut by going on.
            tracing::warn!(node = self.nodes[node].name, "the drain was not answered: {words}");
        }
        let lease = lease.clone();
        self.end_lease(node, lease);
    }

    /// No way back from here: the service is stopped and the slot given back.
    fn end_lease(&mut self, node: usize, lease: Lease) {
        let now = self.now();
        self.waiting[node] = None;
        self.nodes[node].enter(Stage::Draining(lease.clone(), DrainStep::Ending), now);
        self.stop_and_release(node, lease);
    }

    /// Has the service stopped and the slot given back, where the node was ever reached.
    pub(super) fn stop_and_release(&mut self, node: usize, lease: Lease) {
        if let Some(client) = self.clients[node].clone() {
            let (limit, told) = (self.service.stop_timeout, self.told.clone());
            self.calls.spawn(calls::stop_and_release(node, client, lease, limit, told));
        }
    }

    pub(super) fn released(&mut self, node: usize, lease_id: &str, result: Result<(), String>) {
        let now = self.now();
        let record = &mut self.nodes[node];
        if record.lease().is_none_or(|lease| lease.id != lease_id) {
            return;
        }
        match result {
            Ok(()) => {
                tracing::info!(node = record.name, "given back");
                record.enter(Stage::Free, now);
                // Free for everybody: what the last report said of its slots is one lease old.
                record.report.slots_free = record.report.slots_free.max(1);
            }
            Err(words) => {
                tracing::warn!(node = record.name, "giving it back failed, its time to live will: {words}");
                record.lost(format!("giving it back failed: {words}"), now);
            }
        }
    }

    pub(super) fn stop_waiting(&mut self, node: usize) {
        if let Some(call) = self.waiting[node].take() {
            call.abort();
        }
    }
}
