//! The child_list as the nodes' stages make it, and the renewals that go with it.

use super::{Effect, Holder};
use crate::node::{DrainStep, Lease, Node, Stage};

/// Who serves this front end, in order: always the whole of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChildList {
    /// Higher with each change; 0: no list was ever made.
    pub generation: u64,
    /// The children.
    pub children: Vec<Child>,
}

/// One child.
#[derive(Debug, Clone, PartialEq)]
pub struct Child {
    /// The name of its node.
    pub node: String,
    /// The lease that it serves by.
    pub lease: Lease,
    /// Against the machine that `capacity` was measured on.
    pub speed: f64,
    /// What it may be sent.
    pub state: ChildState,
}

/// What a child may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChildState {
    /// Requests.
    Ready,
    /// A request only when no ready one can take it: its node does not answer.
    Jeopardy,
    /// No new request; the running ones end.
    Draining,
    /// No new request until its service answers its probe again; the running ones go on.
    NotReady,
}

impl Holder {
    /// Sends the list on where it differs from the last one, and each changed node's lease to its link. Done
    /// once for each input, so that no list says half of what follows from one.
    pub(super) fn publish(&mut self) {
        let mut changed = false;
        for (index, node) in self.nodes.iter_mut().enumerate() {
            if node.take_changed() {
                changed = true;
                let renewed = node.lease().map(Lease::reference);
                if node.renewed != renewed {
                    let leases = renewed.iter().cloned().collect();
                    node.renewed = renewed;
                    self.effects.push(Effect::Renew { node: index, leases });
                }
            }
        }
        self.sharing.is_due |= changed;
        // Before the service-manager was heard, the generation to go on from is not known.
        if !changed || !(self.front_up || self.list.generation > 0) {
            return;
        }
        let children = self.present_children();
        if self.list.children != children {
            self.publish_children(children);
        }
    }

    /// Says the list again to a service-manager that has just come up. One that already has it takes
    /// the higher generation without a change.
    pub(super) fn republish(&mut self) {
        let children = self.present_children();
        // Where no node was ever needed, there is still what was learned to be told.
        if self.list.generation == 0 && children.is_empty() && self.learned.is_none() {
            return;
        }
        self.publish_children(children);
        for node in &mut self.nodes {
            if matches!(node.stage, Stage::Draining(_, DrainStep::AtFront)) {
                node.mark = self.list.generation;
            }
        }
    }

    fn publish_children(&mut self, children: Vec<Child>) {
        self.list = ChildList { generation: self.list.generation + 1, children };
        self.effect(Effect::Publish(self.list.clone()));
    }

    fn present_children(&self) -> Vec<Child> {
        self.children.iter().filter_map(|&index| child(&self.nodes[index])).collect()
    }
}

fn child(node: &Node) -> Option<Child> {
    let (lease, state) = match &node.stage {
        Stage::Ready(lease) | Stage::Jeopardy(lease) if node.report.probe_fails => {
            (lease, ChildState::NotReady)
        }
        Stage::Ready(lease) => (lease, ChildState::Ready),
        Stage::Jeopardy(lease) => (lease, ChildState::Jeopardy),
        Stage::Draining(lease, DrainStep::AtFront) => (lease, ChildState::Draining),
        Stage::Draining(_, DrainStep::AtNode | DrainStep::Returning | DrainStep::Ending)
        | Stage::Free
        | Stage::Starting(_) => {
            return None;
        }
    };
    Some(Child { node: node.name.clone(), lease: lease.clone(), speed: node.speed, state })
}
