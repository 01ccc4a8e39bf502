//! How the manager carries out what the holder wants done, with no choice left.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proto::service_manager as front;
use proto::task_processor as pb;

use super::{Fenced, Manager, log};
use crate::calls::{self, Identity, NodeClient};
use crate::holder::{Effect, Entry};
use crate::link::Said;
use crate::node::LeaseRef;
use crate::wire;

impl Manager {
    /// Carries out everything the holder wants done, in order. What comes of a call is an event.
    ///
    /// # Errors
    /// When somebody newer has taken over.
    pub(super) fn carry_out(&mut self) -> Result<(), Fenced> {
        for effect in self.holder.effects() {
            match effect {
                Effect::Add { node, request_id } => self.add(node, request_id, None),
                Effect::Reclaim { node, request_id, wish } => {
                    self.add(node, request_id, Some(wire::reclaim_wish(wish)));
                }
                Effect::Adopt { node } => self.adopt(node),
                Effect::Drain { node, lease, parting } => self.drain(node, lease, parting),
                Effect::Undrain { node, lease } => self.undrain(node, lease),
                Effect::StopWaiting { node } => {
                    if let Some(call) = self.waiting[node].take() {
                        call.abort();
                    }
                }
                Effect::StopAndRelease { node, lease } => self.stop_and_release(node, lease),
                Effect::OpenLink { node } => self.open_link(node),
                Effect::CloseLink { node } => {
                    self.links.close(node);
                    self.clients[node] = None;
                }
                Effect::Renew { node, leases } => {
                    self.links.renew(node, leases.into_iter().map(wire::reference).collect());
                }
                Effect::Claim { claim, guaranteed } => {
                    self.links.say(Said { claim: wire::claim(claim), guaranteed });
                }
                Effect::Publish(list) => {
                    let front::ChildList { generation, children } = wire::published(list);
                    let commands = Some(self.commands());
                    let incarnation = self.identity.incarnation;
                    let learned_capacity = self.holder.learned().unwrap_or_default();
                    let list = front::SetChildListRequest {
                        generation,
                        children,
                        incarnation,
                        commands,
                        learned_capacity,
                    };
                    self.wanted.send_replace(list);
                }
                Effect::Record(entry) => self.record(entry),
                Effect::Tell(news) => log::news(&news, self.holder.nodes()),
                Effect::Fenced(words) => {
                    return Err(Fenced { service: self.service.name.clone(), words });
                }
            }
        }
        Ok(())
    }

    /// Tells the service-manager how the nodes' copies are run, where that is news and it has been told a list.
    pub(super) fn tell_commands(&self) {
        let commands = Some(self.commands());
        self.wanted.send_if_modified(|wanted| {
            let is_news = wanted.generation > 0 && wanted.commands != commands;
            wanted.commands = if is_news { commands } else { wanted.commands };
            is_news
        });
    }

    fn commands(&self) -> front::Commands {
        let (new, old) = self.holder.copies_by_command();
        let stopped = self.holder.rollout().is_some_and(|rollout| rollout.state == "stopped");
        front::Commands { new, old, stopped }
    }

    fn open_link(&mut self, node: usize) {
        let nodes = &self.holder.settings().nodes;
        self.clients.resize(nodes.len(), None);
        self.waiting.resize(nodes.len(), None);
        self.links.open(node, nodes[node].name.clone(), nodes[node].control);
    }

    fn add(&mut self, node: usize, request_id: String, reclaim: Option<pb::ReclaimWish>) {
        let Identity { service, front_end, incarnation } = self.identity.clone();
        let wish = pb::ReserveRequest { service, front_end, incarnation, request_id, reclaim };
        let (client, told) = (self.client(node), self.told.clone());
        let entrance = self.holder.settings().nodes[node].entrance.clone();
        let start_timeout = self.service.start_timeout;
        let call = calls::add(node, client, wish, entrance, start_timeout, told);
        self.calls.spawn(call);
    }

    fn adopt(&mut self, node: usize) {
        let (client, told) = (self.client(node), self.told.clone());
        let call = calls::adopt(node, client, self.identity.clone(), told);
        self.calls.spawn(call);
    }

    pub(super) fn drain(&mut self, node: usize, lease: LeaseRef, parting: Duration) {
        let (client, told) = (self.client(node), self.told.clone());
        let call = calls::drain(node, client, lease, self.service.long_lived_timeout, parting, told);
        self.waiting[node] = Some(self.calls.spawn(call));
    }

    fn undrain(&mut self, node: usize, lease: LeaseRef) {
        let call = calls::undrain(node, self.client(node), lease, self.told.clone());
        self.waiting[node] = Some(self.calls.spawn(call));
    }

    fn stop_and_release(&mut self, node: usize, lease: LeaseRef) {
        let (client, told) = (self.client(node), self.told.clone());
        self.calls.spawn(calls::stop_and_release(node, client, lease, self.service.stop_timeout, told));
    }

    fn client(&self, node: usize) -> NodeClient {
        self.clients[node].clone().expect("nothing is asked of a node whose link was never up")
    }

    fn record(&mut self, entry: Entry) {
        if let Entry::Decided(decision) = &entry {
            log::decided(decision);
        }
        self.journal.record(wire::decision(&entry, unix_ms()));
    }
}

fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
