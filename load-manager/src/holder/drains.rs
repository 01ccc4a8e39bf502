//! Drains carried out (design section 4): marked in the child_list, the service-manager's own
//! requests to 0, the node's to 0, stop, release. Nothing here cuts a request.

use std::time::Duration;

use super::{Cause, Child, ChildState, Effect, Holder, News};
use crate::node::{DrainStep, Lease, LeaseRef, Stage};

/// A service-manager that no longer has a child on its list closes what is left of its connections after
/// 5 s, in which both ends of each can say goodbye; and the list is on its way there for a moment.
const PARTING_TIME: Duration = Duration::from_secs(6);

impl Holder {
    /// Marks a child as draining; the new list tells the service-manager.
    pub(super) fn begin_drain(&mut self, name: &str, why: &str) {
        let Some(node) = self.node_named(name) else { return };
        let (Stage::Ready(lease) | Stage::Jeopardy(lease)) = &self.nodes[node].stage else { return };
        let lease = lease.clone();
        self.tell(News::Draining { node, why: why.to_owned() });
        self.nodes[node].rests = false;
        if self.nodes[node].stands_by {
            // Nobody is sent there, so that no list needs to say so.
            return self.drain_at_node(node, lease);
        }
        self.mark_draining(node, lease);
    }

    /// No new request goes there from the list on that this input ends with.
    pub(super) fn mark_draining(&mut self, node: usize, lease: Lease) {
        // One that was to return by this very input is marked still.
        let is_marked = |child: &Child| child.lease == lease && child.state == ChildState::Draining;
        let is_marked = self.list.children.iter().any(is_marked);
        self.nodes[node].enter(Stage::Draining(lease, DrainStep::AtFront), self.now);
        // The list that says so is made when everything that follows from this input is known: one for all.
        self.nodes[node].mark = self.list.generation + u64::from(!is_marked);
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
        let Some(node) = self.node_named(name) else { return };
        match self.nodes[node].stage.clone() {
            Stage::Draining(lease, DrainStep::AtFront) => {
                self.tell(News::DrainTakenBack { node });
                self.nodes[node].enter(Stage::Ready(lease), self.now);
                self.activate_at(node);
            }
            Stage::Draining(lease, DrainStep::AtNode) => {
                self.stop_waiting(node);
                self.effect(Effect::Undrain { node, lease: lease.reference() });
                self.nodes[node].enter(Stage::Draining(lease, DrainStep::Returning), self.now);
            }
            Stage::Free
            | Stage::Starting(_)
            | Stage::Ready(_)
            | Stage::Jeopardy(_)
            | Stage::Draining(_, DrainStep::Returning | DrainStep::Ending) => {}
        }
    }

    pub(super) fn undrained(&mut self, node: usize, lease_id: &str, result: Result<(), String>) {
        let Stage::Draining(lease, DrainStep::Returning) = &self.nodes[node].stage else { return };
        if lease.id != lease_id {
            return;
        }
        let lease = lease.clone();
        match result {
            Ok(()) => {
                self.tell(News::DrainTakenBack { node });
                self.nodes[node].enter(Stage::Ready(lease), self.now);
                self.join(node);
            }
            Err(words) => {
                self.tell(News::UndrainFailed { node, words });
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
        for node in 0..self.nodes.len() {
            if let Stage::Draining(lease, DrainStep::AtFront) = &self.nodes[node].stage
                && self.is_empty_at_front(node, lease)
            {
                let lease = lease.clone();
                if self.nodes[node].rests {
                    self.stand_by(node, lease);
                } else {
                    self.drain_at_node(node, lease);
                }
            }
        }
    }

    /// Whether the service-manager has put the mark in force and counts no request to it since; after
    /// `long_lived_timeout`, long-lived ones do not hold a drain up any more.
    fn is_empty_at_front(&self, node: usize, lease: &Lease) -> bool {
        let mark = self.nodes[node].mark;
        // Before the service-manager was heard, no list has the mark.
        let has_mark = |generation| mark > 0 && generation >= mark;
        let Some(sample) =
            self.sample.as_ref().filter(|sample| has_mark(self.applied) && has_mark(sample.generation))
        else {
            return false;
        };
        let Some(child) = sample.children.iter().find(|child| child.lease_id == lease.id) else {
            return true;
        };
        let waited = self.now.saturating_sub(self.nodes[node].since);
        child.count.in_flight == 0
            || (child.count.in_flight == child.count.long_lived && waited >= self.settings.long_lived_timeout)
    }

    /// The front end sends it nothing any more: off the list, and counted down by the node.
    fn drain_at_node(&mut self, node: usize, lease: Lease) {
        if !self.nodes[node].reached {
            return;
        }
        let parting = self.parting(node);
        self.effect(Effect::Drain { node, lease: lease.reference(), parting });
        self.nodes[node].enter(Stage::Draining(lease, DrainStep::AtNode), self.now);
        self.children.retain(|&child| child != node);
    }

    /// How long the service has to go on after the node has answered: it counts none of the requests that
    /// go straight to the service, and long-lived ones are being closed politely from now on.
    fn parting(&self, node: usize) -> Duration {
        let is_direct = self.settings.nodes[node].entrance.is_direct();
        if is_direct && self.nodes[node].front.in_flight > 0 { PARTING_TIME } else { Duration::ZERO }
    }

    pub(super) fn node_drained(&mut self, node: usize, lease_id: &str, result: Result<(), String>) {
        let Stage::Draining(lease, DrainStep::AtNode) = &self.nodes[node].stage else { return };
        if lease.id != lease_id {
            return;
        }
        let lease = lease.clone();
        if let Err(words) = result {
            // Our own count was 0 before it was asked, so nothing of ours can be cut by going on.
            self.tell(News::DrainUnanswered { node, words });
        }
        self.end_lease(node, lease);
    }

    /// No way back from here: the service is stopped and the slot given back.
    pub(super) fn end_lease(&mut self, node: usize, lease: Lease) {
        let reference = lease.reference();
        self.nodes[node].enter(Stage::Draining(lease, DrainStep::Ending), self.now);
        self.stop_and_release(node, reference);
    }

    /// Has the service stopped and the slot given back, where the node was ever reached.
    pub(super) fn stop_and_release(&mut self, node: usize, lease: LeaseRef) {
        if self.nodes[node].reached {
            self.ended.remember(&lease.id);
            self.effect(Effect::StopAndRelease { node, lease });
        }
    }

    pub(super) fn released(&mut self, node: usize, lease_id: &str, result: Result<(), String>) {
        let record = &mut self.nodes[node];
        let Stage::Draining(lease, DrainStep::Ending) = &record.stage else { return };
        if lease.id != lease_id {
            return;
        }
        match result {
            Ok(()) => {
                record.enter(Stage::Free, self.now);
                // Free for everybody: what the last report said of its slots is one lease old.
                record.report.slots_free = record.report.slots_free.max(1);
                self.tell(News::GivenBack { node });
                // What is started again is ordered before somebody else has the slot.
                self.roll();
            }
            Err(words) => {
                record.lost(format!("giving it back failed: {words}"), self.now);
                self.tell(News::GiveBackFailed { node, words });
            }
        }
    }
}
