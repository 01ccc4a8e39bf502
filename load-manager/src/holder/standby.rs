//! Nodes that stand by: held and ready, and on no list, so that no request goes there until they are put
//! into service.

use super::{Holder, News};
use crate::decider::ReadyNode;
use crate::node::{DrainStep, Lease, Node, Stage};

impl Holder {
    /// Those that stand by, and those that will when their last request has ended.
    pub(super) fn standby_nodes(&self) -> Vec<ReadyNode> {
        let standby = (0..self.nodes.len()).filter(|&node| self.nodes[node].stands_by);
        let resting = (0..self.nodes.len()).filter(|&node| is_resting(&self.nodes[node]));
        let standby = standby.filter_map(|node| self.ready_node(node));
        standby
            .chain(
                resting.map(|node| ReadyNode { node: self.nodes[node].name.clone(), ..ReadyNode::default() }),
            )
            .collect()
    }

    /// A node that has just become ready serves, or stands by where enough serve.
    pub(super) fn join_or_stand_by(&mut self, node: usize) {
        let want = self.last.as_ref().map_or(0, |last| last.figures.want);
        if self.fleet().joins_standby(self.settings.decider.standby, want) {
            self.nodes[node].stands_by = true;
        } else {
            self.join(node);
        }
    }

    /// Puts a node that stands by, or is about to, into service.
    pub(super) fn activate(&mut self, name: &str) {
        let Some(node) = self.node_named(name) else { return };
        if is_resting(&self.nodes[node]) {
            self.take_back(name);
        } else if self.nodes[node].stands_by {
            self.activate_at(node);
        }
    }

    pub(super) fn activate_at(&mut self, node: usize) {
        self.nodes[node].serve();
        self.join(node);
    }

    /// A child gets no new request, and stands by when its last one has ended.
    pub(super) fn begin_rest(&mut self, name: &str) {
        let Some(node) = self.node_named(name) else { return };
        let Stage::Ready(lease) = &self.nodes[node].stage else { return };
        let lease = lease.clone();
        self.tell(News::Resting { node });
        self.nodes[node].rests = true;
        self.mark_draining(node, lease);
    }

    /// Its last request has ended.
    pub(super) fn stand_by(&mut self, node: usize, lease: Lease) {
        self.nodes[node].enter(Stage::Ready(lease), self.now);
        self.nodes[node].rests = false;
        self.nodes[node].stands_by = true;
        self.children.retain(|&child| child != node);
    }
}

/// Whether it will stand by when its last request has ended.
fn is_resting(node: &Node) -> bool {
    node.rests && matches!(node.stage, Stage::Draining(_, DrainStep::AtFront))
}
