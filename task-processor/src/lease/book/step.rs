//! How an event acts on one lease of the book: the epoch is checked, the state moves, and the
//! effects of the move are noted.

use std::mem;

use super::{Book, unfit};
use crate::lease::state::Step;
use crate::lease::{Effect, Lease, LeaseId, LeaseRef, Refusal, State, Why};

impl Book {
    /// Finds the lease and checks the epoch.
    pub(super) fn index(&self, lease: &LeaseRef) -> Result<usize, Refusal> {
        let stale = || Refusal::Stale { id: lease.id.clone(), asked: lease.epoch };
        if let Some(index) = self.leases.iter().position(|found| found.id == lease.id) {
            return if self.leases[index].epoch == lease.epoch { Ok(index) } else { Err(stale()) };
        }
        match self.ended.find(&lease.id) {
            None => Err(Refusal::Unknown(lease.id.clone())),
            Some(ended) if ended.epoch != lease.epoch => Err(stale()),
            Some(ended) => Err(Refusal::Gone { id: lease.id.clone(), why: ended.detail.clone() }),
        }
    }

    /// Lets a call act on its lease.
    pub(super) fn act(
        &mut self,
        lease: &LeaseRef,
        why: Why,
        event: impl Fn(State) -> Step,
    ) -> Result<(), Refusal> {
        let index = self.index(lease)?;
        match event(self.leases[index].state) {
            Step::Unfit => Err(unfit(&self.leases[index])),
            step @ (Step::Stay | Step::To(_) | Step::Gone) => {
                self.go(index, step, why);
                Ok(())
            }
        }
    }

    /// Lets something that happened act on its lease, if that is still there.
    pub(super) fn happen(&mut self, id: &LeaseId, why: Why, event: impl Fn(State) -> Step) -> bool {
        let Some(index) = self.leases.iter().position(|lease| lease.id == *id) else { return false };
        let step = event(self.leases[index].state);
        self.go(index, step, why);
        matches!(step, Step::To(_) | Step::Gone)
    }

    pub(super) fn note(&mut self, id: &LeaseId, detail: String) {
        if let Some(lease) = self.leases.iter_mut().find(|lease| lease.id == *id) {
            lease.detail = detail;
        }
    }

    /// Carries a step out and says what has to be done for it.
    fn go(&mut self, index: usize, step: Step, why: Why) {
        match step {
            Step::Stay | Step::Unfit => {}
            Step::To(next) => {
                let lease = &mut self.leases[index];
                let was = mem::replace(&mut lease.state, next);
                lease.detail = detail_after(lease, why);
                self.effects.extend(doors(&lease.id, was, next, why));
                self.effects.push(moved(lease, Some(next), why));
                self.tell(index, why);
            }
            Step::Gone => {
                self.leases[index].detail = detail_after(&self.leases[index], why);
                self.tell(index, why);
                let mut lease = self.leases.remove(index);
                let reclaim = lease.reclaim.take();
                self.effects.push(Effect::Forget(lease.id.clone()));
                self.effects.push(moved(&lease, None, why));
                self.ended.remember(lease);
                match reclaim {
                    Some(reclaim) => self.keep(reclaim.claimant),
                    None => self.tell_of_free_slot(),
                }
            }
        }
    }

    fn tell(&mut self, index: usize, why: Why) {
        if why.is_news() {
            self.effects.push(Effect::Notify(self.leases[index].holder.clone()));
        }
    }
}

pub(super) fn moved(lease: &Lease, to: Option<State>, why: Why) -> Effect {
    Effect::Moved { id: lease.id.clone(), holder: lease.holder.clone(), epoch: lease.epoch, to, why }
}

/// The sentence that explains the new state: what began the way there, with its own words where it has some.
fn detail_after(lease: &Lease, why: Why) -> String {
    let has_own_words = matches!(why, Why::StartFailed | Why::Exited) || why.is_consequence();
    if lease.state == State::Ready {
        String::new()
    } else if has_own_words && !lease.detail.is_empty() {
        lease.detail.clone()
    } else {
        why.to_string()
    }
}

/// What a change of state means for the processes and for the data path.
fn doors(id: &LeaseId, was: State, next: State, why: Why) -> Vec<Effect> {
    let mut effects = Vec::new();
    match (was.takes_requests(), next.takes_requests()) {
        (false, true) => effects.push(Effect::Admit(id.clone())),
        (true, false) => effects.push(Effect::Refuse(id.clone())),
        (true, true) | (false, false) => {}
    }
    let ending = |state: State| matches!(state, State::Stopping { .. });
    if next == State::Starting {
        effects.push(Effect::StartProcess(id.clone()));
    } else if ending(next) && !ending(was) {
        if why.cuts() {
            effects.push(Effect::Cut(id.clone()));
        }
        effects.push(Effect::StopProcess(id.clone()));
    }
    effects
}
