//! What a fault does to the world, and how it ends.

use load_manager::holder::Heard;

use super::{Due, SECOND, World};
use crate::faults::Fault;
use crate::wire::ToNode;

/// A daemon that ended as it was told is started again so soon at most.
const RESTART: u64 = 4 * SECOND;

impl World {
    pub(super) fn fault(&mut self, fault: Fault) {
        match fault {
            Fault::Cut { service, nodes, there, back, until } => {
                for node in nodes {
                    self.network.cut(service, node, there, back, until);
                }
            }
            Fault::Load { service, in_flight } => self.fronts[service].in_flight = in_flight as f64,
            Fault::PauseManager { service, until, twin } => self.pause_manager(service, until, twin),
            Fault::CrashManager { service, until } => {
                if let Some(manager) = self.fronts[service].manager
                    && self.managers[manager].is_up
                {
                    self.end_manager(manager);
                    self.at(until, Due::StartManager(service));
                }
            }
            Fault::CrashFront { service, until } => {
                if self.fronts[service].is_up {
                    self.fronts[service].crash();
                    self.tell_all(service, &Due::Told(0, Heard::FrontDown("it was killed".to_owned())));
                    self.at(until, Due::StartFront(service));
                }
            }
            Fault::CrashNode { node, until } => {
                if self.nodes[node].is_up {
                    self.crash_node(node, until);
                }
            }
            Fault::PauseNode { node, until } => {
                let paused = &mut self.nodes[node];
                if paused.is_up && paused.paused_until <= self.now {
                    (paused.paused_until, paused.woken) = (until, until);
                    self.at(until, Due::WakeNode(node));
                }
            }
            Fault::EditNode { node, command } => self.nodes[node].command = command,
            Fault::Edit { command } => {
                self.command = command;
                self.reload();
            }
            Fault::CrashService { node } | Fault::Maintain { node, .. } | Fault::EndNode { node } => {
                self.at_daemon(node, fault);
            }
        }
    }

    /// What a node's daemon is told, or sees for itself.
    fn at_daemon(&mut self, index: usize, fault: Fault) {
        if self.waits_at_node(index) {
            return self.deferred_at_nodes[index].push(Due::Fault(fault));
        }
        let (now, dice, node) = (self.now, &mut self.dice, &mut self.nodes[index]);
        match fault {
            Fault::CrashService { .. } if node.is_up => node.kill_service(now, dice),
            Fault::EndNode { .. } if node.is_up => node.announce_end(now, dice),
            Fault::Maintain { drained, .. } => node.maintain(now, drained, dice),
            _ => return,
        }
        self.after_node(index);
    }

    fn pause_manager(&mut self, service: usize, until: u64, twin: bool) {
        let Some(index) = self.fronts[service].manager else { return };
        let manager = &mut self.managers[index];
        if !manager.is_up || manager.paused_until > self.now {
            return;
        }
        (manager.paused_until, manager.woken) = (until, until);
        self.at(until, Due::WakeManager(index));
        if twin {
            self.at(self.now + (until - self.now) / 2, Due::StartManager(service));
        }
    }

    pub(super) fn end_manager(&mut self, manager: usize) {
        self.managers[manager].is_up = false;
        self.deferred[manager].clear();
        for node in 0..self.nodes.len() {
            self.send_node(manager, node, ToNode::Closed);
        }
    }

    fn crash_node(&mut self, node: usize, until: u64) {
        let waited = std::mem::take(&mut self.deferred_at_nodes[node]);
        self.nodes[node].crash(self.now, &mut self.dice);
        for due in waited {
            self.happen(due);
        }
        self.after_node(node);
        self.at(until, Due::StartNode(node));
    }

    /// Its announced end has come: no lease is left.
    pub(super) fn node_ended(&mut self, node: usize) {
        let until = self.now + self.dice.within(SECOND / 2..RESTART);
        self.crash_node(node, until);
    }

    pub(super) fn start_node(&mut self, node: usize) {
        self.nodes[node].restart(self.now);
        self.node_times[node] = u64::MAX;
    }

    pub(super) fn start_front(&mut self, service: usize) {
        self.fronts[service].is_up = true;
        self.tell_all(service, &Due::Connect(0));
    }

    /// Every load-manager of a service sees it.
    fn tell_all(&mut self, service: usize, what: &Due) {
        for manager in 0..self.managers.len() {
            if self.managers[manager].is_up && self.managers[manager].service == service {
                let delay = self.dice.within(1_000..200_000);
                let due = match what {
                    Due::Told(_, heard) => Due::Told(manager, heard.clone()),
                    _ => Due::Connect(manager),
                };
                self.at(self.now + delay, due);
            }
        }
    }
}
