//! What the owner says: notices down the renewal streams, and the overview for a person.

use super::Owner;
use crate::gate::Door;
use crate::lease::{Lease, LeaseId, Renewal};
use crate::node::lines::{Line, LineId};
use crate::node::{LeaseOverview, Notice, Overview, Use};

impl Owner {
    /// Answers on one line, unless it was closed meanwhile. A reader that does not keep up loses it.
    pub(super) fn speak(&mut self, id: LineId, sequence: u64) {
        let Some(renewal) = self.lines.find(id).map(|open| open.renewal.clone()) else { return };
        let notice = self.notice(&renewal, sequence);
        let heard = self.lines.find(id).is_some_and(|open| open.send(notice));
        if !heard {
            tracing::warn!(
                service = renewal.holder.service,
                front_end = renewal.holder.front_end,
                "renewal stream dropped: its reader does not keep up"
            );
            let holder = self.lines.end(id);
            self.stop_listening(holder);
        }
    }

    /// Says what is to be said unasked.
    pub(super) fn notify(&mut self) {
        for id in std::mem::take(&mut self.to_fence) {
            self.speak(id, 0);
            // Its successor is the one that listens now, or soon.
            let holder = self.lines.end(id);
            self.stop_listening(holder);
        }
        let holders = std::mem::take(&mut self.to_notify);
        let lines: Vec<LineId> = self.lines.of(&holders).map(|open| open.id()).collect();
        for id in lines {
            self.speak(id, 0);
        }
    }

    /// Tells a superseded load-manager so, and ends its stream.
    pub(super) fn refuse_fenced(&mut self, renewal: &Renewal, sequence: u64, line: &Line) {
        let notice = self.notice(renewal, sequence);
        // A reader that is gone needs no telling.
        let _ = line.out.try_send(notice);
        line.cut.cancel();
        let holder = self.lines.close(line.id);
        self.stop_listening(holder);
    }

    /// What a person is shown.
    pub(super) fn overview(&self) -> Overview {
        Overview {
            node: self.terms.name.clone(),
            node_incarnation: self.incarnation,
            slots: self.terms.slots,
            maintenance: self.book.maintenance(),
            stopping: self.book.is_stopping(),
            machine: self.surroundings.figures.borrow().machine,
            leases: self.book.leases().iter().map(|lease| self.lease_overview(lease)).collect(),
            leftovers: self.book.leftovers(),
            claims: self.book.claims(self.now()),
            requests_cut: self.requests_cut,
            uptime: self.now(),
        }
    }

    /// The same in a line for systemd, like `1 of 2 slots leased: shop`.
    pub(super) fn status_line(&self) -> String {
        let leases = self.book.leases();
        let slots = self.terms.slots;
        let mut line =
            format!("{} of {slots} {} leased", leases.len(), if slots == 1 { "slot" } else { "slots" });
        let mut services: Vec<_> = leases.iter().map(|lease| lease.holder.service.as_str()).collect();
        services.sort_unstable();
        if !services.is_empty() {
            line += &format!(": {}", services.join(", "));
        }
        if self.book.is_stopping() {
            line += "; ending";
        } else if self.book.maintenance() {
            line += "; drained by an operator";
        }
        line
    }

    fn lease_overview(&self, lease: &Lease) -> LeaseOverview {
        let service = self.services.get(&lease.id);
        let load = self.surroundings.figures.borrow().services.get(&lease.id).copied().unwrap_or_default();
        let door = service.and_then(|service| service.door.as_deref());
        let in_flight = door.map(Door::in_flight);
        LeaseOverview {
            id: lease.id.clone(),
            holder: lease.holder.clone(),
            epoch: lease.epoch,
            state: lease.state,
            age: self.now().saturating_sub(lease.granted_at),
            used: Use { in_flight, cpu: load.cpu, memory: load.memory, command: None },
            served: door.map(Door::served),
            pid: service.and_then(|service| service.running).map_or(0, |running| running.pid),
            detail: lease.explanation().to_owned(),
            guaranteed: lease.guaranteed,
            reclaim: self.book.announced(self.now(), lease),
        }
    }

    fn notice(&mut self, renewal: &Renewal, sequence: u64) -> Notice {
        let roll = self.book.roll(self.now(), renewal);
        let uses = roll.leases.iter().map(|report| self.measure(&report.id)).collect();
        let machine = self.surroundings.figures.borrow().machine;
        let (node_incarnation, requests_cut) = (self.incarnation, self.requests_cut);
        let service = self.terms.services.iter().find(|service| service.name == renewal.holder.service);
        let command = service.map(cluster::config::Service::command_digest);
        Notice { sequence, node_incarnation, roll, uses, machine, requests_cut, command }
    }

    fn measure(&mut self, id: &LeaseId) -> Use {
        let Some(service) = self.services.get_mut(id) else { return Use::default() };
        let figures = self.surroundings.figures.borrow();
        Use {
            in_flight: service.door.as_deref().map(Door::in_flight),
            cpu: service.meter.mean(&figures, id),
            memory: figures.services.get(id).map_or(0, |load| load.memory),
            command: service.running.and(service.command),
        }
    }
}
