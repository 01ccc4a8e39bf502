//! The decider asked, and what it says begun. It is told of the nodes as they stand.

use super::Holder;
use crate::decider::{Action, CpuUse, DrainingNode, Fleet, ReadyNode, Reason};
use crate::node::{DrainStep, Node, Stage};

impl Holder {
    /// Asks the decider and has what it says carried out.
    pub(super) fn decide(&mut self) {
        if !self.is_settled() {
            return;
        }
        let fleet = self.fleet_in_the_pool();
        let decision = self.decider.tick(self.now, &fleet);
        self.record(&decision);
        match &decision.action {
            Action::Hold => {}
            Action::Add { activate, undrain, count } => {
                for name in activate {
                    self.activate(name);
                }
                for name in undrain {
                    self.take_back(name);
                }
                self.order(*count);
            }
            Action::Rest { nodes } => {
                for name in nodes {
                    self.begin_rest(name);
                }
            }
            Action::Drain { nodes } => {
                let gives_back = matches!(decision.reason, Reason::OverShare { .. });
                if gives_back {
                    self.gave_back(nodes.len());
                }
                let why = if gives_back { "another service is due it" } else { "the load is low" };
                for name in nodes {
                    self.begin_drain(name, why);
                }
            }
        }
        let has_acted = decision.action != Action::Hold;
        self.last = Some(decision);
        self.sharing.is_due = true;
        self.ask_back();
        if !has_acted {
            self.roll();
        }
    }

    /// What the decider is told of the nodes, and of what of the pool this service is due.
    pub(super) fn fleet_in_the_pool(&mut self) -> Fleet {
        Fleet { share: self.due_share(), ..self.fleet() }
    }

    /// What the decider is told of the nodes. One that is ready in the place of another, which is still there,
    /// is on its way for it: there is one too many only for the rollout.
    pub(crate) fn fleet(&self) -> Fleet {
        let mut fleet = self.whole_fleet();
        let extra = self.rollout.extra().map(|node| self.nodes[node].name.as_str());
        let before = fleet.ready.len();
        fleet.ready.retain(|node| Some(node.node.as_str()) != extra);
        fleet.ordered += (before - fleet.ready.len()) as u32;
        fleet
    }

    /// The nodes as they are.
    pub(super) fn whole_fleet(&self) -> Fleet {
        let comes = |node: &&Node| {
            let comes = matches!(node.stage, Stage::Starting(_) | Stage::Draining(_, DrainStep::Returning));
            (comes || node.is_adopting || node.restarts) && node.is_member()
        };
        let ordered = self.nodes.iter().filter(comes).count();
        let available = self.nodes.iter().filter(|node| node.can_be_asked(self.now)).count();
        Fleet {
            ready: self.children.iter().filter_map(|&index| self.ready_node(index)).collect(),
            ordered: ordered as u32,
            draining: self.nodes.iter().filter_map(|node| self.draining_node(node)).collect(),
            floor: self.floor,
            available: available as u32,
            share: None,
            standby: self.standby_nodes(),
        }
    }

    pub(super) fn ready_node(&self, index: usize) -> Option<ReadyNode> {
        let node = &self.nodes[index];
        // One in jeopardy is still ours: it is told by how old its data are.
        let (Stage::Ready(_) | Stage::Jeopardy(_)) = node.stage else { return None };
        let cpu = (node.report.cpus > 0)
            .then(|| CpuUse { used: node.report.service_cpu, allowed: f64::from(node.report.cpus) });
        Some(ReadyNode {
            node: node.name.clone(),
            k: self.settings.decider.capacity * node.speed,
            age: self.now.saturating_sub(node.ready_since),
            long_lived: node.front.long_lived,
            in_flight: node.front.in_flight,
            cpu,
            data_age: node.data_age(self.now),
            is_out: node.front.out.is_some() || node.report.probe_fails,
        })
    }

    fn draining_node(&self, node: &Node) -> Option<DrainingNode> {
        let Stage::Draining(_, step) = &node.stage else { return None };
        // One that is started again is on its way in.
        if *step == DrainStep::Returning || node.rests || node.restarts {
            return None;
        }
        Some(DrainingNode {
            node: node.name.clone(),
            undrainable: node.can_return(self.now, self.settings.patience),
            since: self.now.saturating_sub(node.since),
        })
    }
}
