//! How what one part of the world causes reaches the others.

use load_manager::holder::ChildList;

use super::{Due, World};
use crate::manager::{self, Manager};
use crate::network::Way;
use crate::node::{self, Fate};
use crate::wire::{ToManager, ToNode};

impl World {
    pub(super) fn tell_node(&mut self, index: usize, due: Due) {
        let (now, dice, node) = (self.now, &mut self.dice, &mut self.nodes[index]);
        match due {
            Due::AtNode(from, _, what) => node.hear(now, &from, what, dice),
            Due::NodeTime(_, life) if node.is_up && node.life == life => {
                self.node_times[index] = u64::MAX;
                node.tick(now, dice);
            }
            Due::Process(_, _, lease, Fate::LeftoverGone) => node.leftover_gone(now, &lease, dice),
            Due::Process(_, life, lease, fate) if node.is_up && node.life == life => {
                node.meet(now, &lease, fate, dice);
            }
            _ => return,
        }
        self.after_node(index);
    }

    pub(super) fn tell_manager(&mut self, index: usize, due: Due) {
        let (now, manager) = (self.now, &mut self.managers[index]);
        match due {
            Due::AtManager(_, node, what) => manager.receive(now, node, what),
            Due::Told(_, heard) => manager.hear(now, heard),
            Due::Reload(_) => {
                let (service, incarnation) = (manager.service, manager.sender.incarnation);
                let settings = self.settings(service, incarnation);
                self.managers[index].reload(now, settings);
            }
            Due::Ring(_, alarm) => manager.ring(now, alarm, &mut self.dice),
            Due::Connect(_) => {
                let front = &mut self.fronts[manager.service];
                if front.is_up {
                    let heard = front.welcome(manager.sender.incarnation);
                    manager.hear(now, heard);
                }
            }
            _ => return,
        }
        self.after_manager(index);
    }

    pub(super) fn after_manager(&mut self, manager: usize) {
        for out in std::mem::take(&mut self.managers[manager].out) {
            match out {
                manager::Out::Say { node, what } => self.send_node(manager, node, what),
                manager::Out::Later { micros, alarm } => {
                    self.at(self.now + micros, Due::Ring(manager, alarm));
                }
                manager::Out::Publish(list) => {
                    let delay = self.dice.within(1_000..200_000);
                    self.at(self.now + delay, Due::Apply(manager, list));
                }
                manager::Out::Fenced(words) => {
                    let service = self.managers[manager].service;
                    let newest = self.fronts[service].manager;
                    assert_ne!(newest, Some(manager), "I2: the newest is fenced: {words}");
                    self.end_manager(manager);
                }
            }
        }
    }

    pub(super) fn after_node(&mut self, index: usize) {
        for out in std::mem::take(&mut self.nodes[index].out) {
            match out {
                node::Out::Say { manager, what } => self.send_manager(index, manager, what),
                node::Out::Later { micros, lease, fate } => {
                    let life = self.nodes[index].life;
                    self.at(self.now + micros, Due::Process(index, life, lease, fate));
                }
                node::Out::LetGo { lease, holder } => self.holder_let_go_first(&lease, &holder.service),
            }
        }
        let node = &self.nodes[index];
        if !node.is_up {
            return;
        }
        if node.book.has_ended() {
            return self.node_ended(index);
        }
        if let Some(at) = node.deadline()
            && at < self.node_times[index]
        {
            let life = node.life;
            self.node_times[index] = at.max(self.now + 1);
            self.at(self.node_times[index], Due::NodeTime(index, life));
        }
    }

    pub(super) fn send_node(&mut self, manager: usize, node: usize, what: ToNode) {
        let Manager { service, ref sender, .. } = self.managers[manager];
        let (sender, is_call) = (sender.clone(), matches!(what, ToNode::Call { .. }));
        let way = Way { service, manager, node, there: true, is_call };
        let mut arrivals = self.network.arrivals(self.now, way, &mut self.dice);
        let Some(last) = arrivals.pop() else { return };
        for at in arrivals {
            self.at(at, Due::AtNode(sender.clone(), node, what.clone()));
        }
        self.at(last, Due::AtNode(sender, node, what));
    }

    fn send_manager(&mut self, node: usize, manager: usize, what: ToManager) {
        let service = self.managers[manager].service;
        let is_call = matches!(what, ToManager::Answer { .. });
        let way = Way { service, manager, node, there: false, is_call };
        let mut arrivals = self.network.arrivals(self.now, way, &mut self.dice);
        let Some(last) = arrivals.pop() else { return };
        for at in arrivals {
            self.at(at, Due::AtManager(manager, node, what.clone()));
        }
        self.at(last, Due::AtManager(manager, node, what));
    }

    /// The list of a load-manager reaches its service-manager, where that runs.
    pub(super) fn apply(&mut self, manager: usize, list: ChildList) {
        let Manager { service, ref sender, .. } = self.managers[manager];
        let front = &mut self.fronts[service];
        if front.is_up {
            let answer = front.apply(sender.incarnation, list);
            let delay = self.dice.within(1_000..50_000);
            // It is answered in its order: there is one connection, and one list on it at a time.
            front.answered_at = front.answered_at.max(self.now + delay);
            let at = front.answered_at;
            self.at(at, Due::Told(manager, answer));
        }
    }
}
