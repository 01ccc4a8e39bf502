//! How the owner carries out what the book wants done.

use cluster::process::Spec;

use super::{Owner, Service};
use crate::lease::{Effect, LeaseId, State};
use crate::node::{CallFault, journal, runner};
use crate::saved::Saved;

impl Owner {
    /// Carries out everything the book wants done, and what follows from that, answers the calls that
    /// can be answered by then, and tells the holders what they did not ask for.
    ///
    /// # Errors
    /// When an epoch could not be saved; whatever depends on it must not be answered. The rest is done.
    pub(super) async fn settle(&mut self) -> Result<(), CallFault> {
        let mut result = Ok(());
        loop {
            self.note_idle();
            let effects = self.book.effects();
            if effects.is_empty() {
                break;
            }
            for effect in effects {
                journal::note(&effect);
                if let Err(fault) = self.carry_out(effect).await {
                    result = Err(fault);
                }
            }
        }
        self.answer_waiting();
        self.notify();
        result
    }

    /// As `settle`, where nothing waits for an epoch.
    pub(super) async fn settle_or_log(&mut self) {
        if let Err(fault) = self.settle().await {
            tracing::error!(%fault, "epoch not saved");
        }
    }

    async fn carry_out(&mut self, effect: Effect) -> Result<(), CallFault> {
        match effect {
            Effect::SaveEpoch(epoch) => {
                self.save(Saved { epoch, ..self.saved }).await?;
                self.book.epoch_saved(epoch);
            }
            Effect::StartProcess(id) => self.start_process(id),
            Effect::Cut(id) => self.cut(&id),
            Effect::StopProcess(id) => {
                if let Some(service) = self.services.get(&id) {
                    service.stop.cancel();
                }
            }
            Effect::Admit(id) => self.with_door(&id, |door| door.reopen()),
            Effect::Refuse(id) => self.with_door(&id, |door| door.shut()),
            Effect::Answering(id, answering) => self.with_door(&id, |door| door.set_answering(answering)),
            Effect::Forget(id) => self.forget(&id),
            Effect::Notify(holder) => {
                self.to_notify.insert(holder);
            }
            Effect::NotifyAll => self.to_notify.extend(self.lines.holders().cloned()),
            Effect::Fenced(holder, newest) => {
                let older = self.lines.older(&holder, newest);
                if !older.is_empty() {
                    journal::fenced(&holder, newest);
                }
                self.to_fence.extend(older);
            }
            Effect::Reclaim { .. } | Effect::TakenBack { .. } | Effect::Kept(_) | Effect::LetGo(..) => {}
            Effect::Moved { .. } => {}
        }
        Ok(())
    }

    /// Counts what is about to be cut.
    fn cut(&mut self, id: &LeaseId) {
        let door = self.services.get(id).and_then(|service| service.door.as_ref());
        let requests = door.map_or(0, |door| door.in_flight());
        if let Some(lease) = self.book.lease(id)
            && requests > 0
        {
            journal::cut(lease, requests);
            self.requests_cut += u64::from(requests);
        }
    }

    /// Writes what must survive the daemon, away from this task's thread: a sync can take a while.
    pub(super) async fn save(&mut self, saved: Saved) -> Result<(), CallFault> {
        let file = self.state_file.clone();
        let written = tokio::task::spawn_blocking(move || file.write(saved)).await;
        written.map_err(|_| CallFault::Ended)??;
        self.saved = saved;
        Ok(())
    }

    /// Finds the drains whose last request has ended. Of requests that come straight to a service none is
    /// known here: its front end has seen to them before it drains.
    fn note_idle(&mut self) {
        let draining =
            self.book.leases().iter().filter(|lease| matches!(lease.state, State::Draining { .. }));
        let idle = draining.filter(|lease| {
            let door = self.services.get(&lease.id).and_then(|service| service.door.as_ref());
            door.is_none_or(|door| door.in_flight() == 0)
        });
        let ids: Vec<LeaseId> = idle.map(|lease| lease.id.clone()).collect();
        for id in ids {
            self.book.in_flight_zero(&id);
        }
    }

    fn start_process(&mut self, id: LeaseId) {
        let Some(lease) = self.book.lease(&id) else { return };
        let found = self.terms.services.iter().find(|service| service.name == lease.holder.service);
        let Some(service) = found else {
            // The book grants only what the same list holds.
            self.book.start_failed(&id, format!("service {} is not in cluster.toml", lease.holder.service));
            return;
        };
        let notes = Some(super::notes(&self.terms));
        let spec = Spec { notes, ..Spec::on_node(service, self.terms.machine) };
        let record = Service { command: Some(service.command_digest()), ..Service::default() };
        let run = runner::run(id.clone(), spec, record.stop.clone(), self.events.0.clone());
        self.runners.spawn(run);
        self.services.insert(id, record);
    }

    fn forget(&mut self, id: &LeaseId) {
        if let Some(door) = self.services.remove(id).and_then(|service| service.door) {
            self.surroundings.gate.remove(&door);
        }
        self.publish_roots();
    }

    /// Tells the load sampler which processes to look at.
    pub(super) fn publish_roots(&self) {
        let root = |(id, service): (&LeaseId, &Service)| Some((id.clone(), service.running?.guard_pid));
        self.surroundings.roots.send_replace(self.services.iter().filter_map(root).collect());
    }

    fn with_door(&self, id: &LeaseId, act: impl Fn(&crate::gate::Door)) {
        if let Some(door) = self.services.get(id).and_then(|service| service.door.as_deref()) {
            act(door);
        }
    }
}
