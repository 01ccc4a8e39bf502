//! What the nodes say on their links: of themselves, and of the leases that this front end holds, or
//! does not know of.

use std::time::Instant;

use cluster::config::DataPath;
use proto::task_processor as wire;

use super::Manager;
use super::losses::Loss;
use crate::event::Event;
use crate::node::{DrainStep, Lease, Link, Report, Silence, Stage};

impl Manager {
    pub(super) fn renewed(&mut self, node: usize, reply: wire::RenewReply, sent: Option<Instant>) {
        if reply.fenced {
            let words = format!("node {} serves a newer one", self.nodes[node].name);
            self.told.try_send(Event::Fenced(words)).ok();
            return;
        }
        let now = self.now();
        let known = match self.nodes[node].link {
            Link::Up { incarnation } if incarnation != 0 => Some(incarnation),
            Link::Up { .. } | Link::Down { .. } | Link::Unknown => None,
        };
        let mut is_news = false;
        if known.is_some_and(|known| known != reply.node_incarnation) {
            self.lose(node, "its task-processor was started anew", Loss::Gone);
            is_news = true;
        }
        let born = self.born;
        let record = &mut self.nodes[node];
        record.link = Link::Up { incarnation: reply.node_incarnation };
        if let Some(sent) = sent {
            record.answered = sent.saturating_duration_since(born);
        }
        let mut said = report(&reply, record.lease().map(|lease| lease.id.as_str()));
        // A node that relays refuses requests meanwhile.
        said.probe_fails &= self.service.path == DataPath::Direct;
        is_news |= record.hear(said);
        if let (Stage::Jeopardy(lease), Silence::None) = (&record.stage, record.silence(now, self.patience)) {
            let lease = lease.clone();
            record.enter(Stage::Ready(lease), now);
            tracing::info!(node = record.name, "answers again");
        }
        for lease in &reply.leases {
            is_news |= self.heard_of_lease(node, lease, sent);
        }
        if is_news {
            self.decide();
        }
    }

    /// What a node says of one lease may end it. Answers whether a child was lost.
    fn heard_of_lease(&mut self, node: usize, report: &wire::LeaseReport, sent: Option<Instant>) -> bool {
        let record = &self.nodes[node];
        if record.lease().is_none_or(|lease| lease.id != report.lease_id) {
            self.release_stray(node, report);
            return false;
        }
        // Said before this stage began.
        if sent.is_some_and(|sent| sent.saturating_duration_since(self.born) < record.since) {
            return false;
        }
        let why = if report.detail.is_empty() { "the node ends the lease" } else { report.detail.as_str() };
        match (&record.stage, report.state()) {
            (Stage::Ready(_) | Stage::Jeopardy(_) | Stage::Draining(..), wire::LeaseState::Gone)
            | (Stage::Ready(_) | Stage::Jeopardy(_), wire::LeaseState::Stopping) => {
                self.lose(node, why, Loss::Crashed);
                true
            }
            (Stage::Ready(_) | Stage::Jeopardy(_), state) => {
                match (&report.reclaim, state) {
                    (Some(reclaim), _) => self.reclaimed(node, &reclaim.reason),
                    (None, wire::LeaseState::Draining) => self.reclaimed(node, why),
                    (None, _) => {}
                }
                false
            }
            (Stage::Free | Stage::Starting(_) | Stage::Draining(..), _) => false,
        }
    }

    /// A lease of this front end that nobody here knows: an answer came too late, or it was given up
    /// while the node was silent. It is given back, so that it is not held for its whole time to live.
    fn release_stray(&mut self, node: usize, report: &wire::LeaseReport) {
        let is_live = match report.state() {
            wire::LeaseState::Reserved
            | wire::LeaseState::Starting
            | wire::LeaseState::Ready
            | wire::LeaseState::Orphan
            | wire::LeaseState::Draining => true,
            // The node ends these by itself.
            wire::LeaseState::Unspecified | wire::LeaseState::Stopping | wire::LeaseState::Gone => false,
        };
        // While an order is under way the grant may be on its way here.
        let ordering = matches!(self.nodes[node].stage, Stage::Starting(_));
        if !is_live || ordering || self.clients[node].is_none() {
            return;
        }
        tracing::info!(
            node = self.nodes[node].name,
            lease = report.lease_id,
            "a lease nobody knows here is given back"
        );
        let lease = Lease {
            id: report.lease_id.clone(),
            epoch: report.epoch,
            token: String::new(),
            data_address: String::new(),
        };
        if self.nodes[node].stage == Stage::Free {
            let now = self.now();
            self.nodes[node].enter(Stage::Draining(lease.clone(), DrainStep::Ending), now);
        }
        self.stop_and_release(node, lease);
    }

    pub(super) fn link_down(&mut self, node: usize, words: String) {
        let record = &mut self.nodes[node];
        if !matches!(record.link, Link::Down { .. }) {
            tracing::warn!(node = record.name, "unreachable: {words}");
        }
        record.link = Link::Down { words };
    }
}

fn report(reply: &wire::RenewReply, lease_id: Option<&str>) -> Report {
    let load = reply.load.unwrap_or_default();
    let lease = reply.leases.iter().find(|lease| Some(lease.lease_id.as_str()) == lease_id);
    Report {
        slots_free: reply.slots_free,
        maintenance: reply.maintenance,
        stopping: reply.stopping,
        cpu: load.cpu,
        cpus: load.cpus,
        service_cpu: lease.map_or(0.0, |lease| lease.cpu),
        service_memory_bytes: lease.map_or(0, |lease| lease.memory_bytes),
        in_flight: lease.and_then(|lease| lease.in_flight),
        probe_fails: lease.is_some_and(|lease| lease.probe_fails),
    }
}
