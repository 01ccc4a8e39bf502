//! The child_list as the nodes' states make it, and the renewals that go with it.

use proto::service_manager as front;

use super::Manager;
use crate::calls;
use crate::node::{DrainStep, Node, Stage};

impl Manager {
    /// Sends the list on where it differs from the last one, and each changed node's lease to its link.
    pub(super) fn publish(&mut self) {
        let mut changed = false;
        for (node, renewals) in self.nodes.iter_mut().zip(&self.renewals) {
            if node.take_changed() {
                changed = true;
                let leases: Vec<_> = node.lease().map(calls::reference).into_iter().collect();
                renewals.send_if_modified(|now| {
                    let differs = *now != leases;
                    *now = leases;
                    differs
                });
            }
        }
        // Before the service-manager was heard, the generation to go on from is not known.
        if !changed || !(self.front_up || self.generation > 0) {
            return;
        }
        let children: Vec<_> = self.children.iter().filter_map(|&index| child(&self.nodes[index])).collect();
        if self.wanted.borrow().children != children {
            self.generation += 1;
            self.wanted.send_replace(front::ChildList { generation: self.generation, children });
        }
    }

    /// Says the list again to a service-manager that has just come up. One that already has it takes
    /// the higher generation without a change.
    pub(super) fn republish(&mut self) {
        let children: Vec<_> = self.children.iter().filter_map(|&index| child(&self.nodes[index])).collect();
        if self.generation == 0 && children.is_empty() {
            return;
        }
        self.generation += 1;
        for index in 0..self.nodes.len() {
            if matches!(self.nodes[index].stage, Stage::Draining(_, DrainStep::AtFront)) {
                self.marked[index] = self.generation;
            }
        }
        self.wanted.send_replace(front::ChildList { generation: self.generation, children });
    }
}

fn child(node: &Node) -> Option<front::Child> {
    let (lease, state) = match &node.stage {
        Stage::Ready(lease) | Stage::Jeopardy(lease) if node.report.probe_fails => {
            (lease, front::ChildState::NotReady)
        }
        Stage::Ready(lease) => (lease, front::ChildState::Ready),
        Stage::Jeopardy(lease) => (lease, front::ChildState::Jeopardy),
        Stage::Draining(lease, DrainStep::AtFront) => (lease, front::ChildState::Draining),
        Stage::Draining(_, DrainStep::AtNode | DrainStep::Returning | DrainStep::Ending)
        | Stage::Free
        | Stage::Starting(_) => {
            return None;
        }
    };
    Some(front::Child {
        node: node.name.clone(),
        lease_id: lease.id.clone(),
        address: lease.data_address.clone(),
        token: lease.token.clone(),
        speed: node.speed,
        state: state.into(),
        epoch: lease.epoch,
    })
}
