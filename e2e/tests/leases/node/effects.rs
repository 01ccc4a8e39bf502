//! What a node's book wants done, and the processes that it is done to.

use task_processor::lease::{Effect, Holder, LeaseId, State, Why};

use super::streams::Line;
use super::{Node, Out, Process};
use e2e::dice::Dice;

/// What is to happen to a process later.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fate {
    Ready,
    StartFails,
    Gone,
    Idle,
    /// Its daemon was killed, and its guard has ended it.
    LeftoverGone,
}

impl Node {
    pub(super) fn settle(&mut self, dice: &mut Dice) {
        let mut to_notify: Vec<Option<Holder>> = Vec::new();
        loop {
            self.note_idle();
            let effects = self.book.effects();
            if effects.is_empty() {
                break;
            }
            for effect in effects {
                match effect {
                    Effect::Notify(holder) => to_notify.push(Some(holder)),
                    Effect::NotifyAll => to_notify.push(None),
                    effect => self.carry_out(effect, dice),
                }
            }
        }
        self.answer();
        for holder in to_notify {
            let told = |line: &&Line| holder.as_ref().is_none_or(|holder| line.renewal.holder == *holder);
            let lines: Vec<_> = self.lines.iter().filter(told).map(Line::parts).collect();
            for (manager, session, renewal) in lines {
                self.speak(manager, session, 0, &renewal);
            }
        }
        self.is_sound();
    }

    fn note_idle(&mut self) {
        let draining =
            self.book.leases().iter().filter(|lease| matches!(lease.state, State::Draining { .. }));
        let is_idle = |id: &LeaseId| {
            self.processes.get(id).is_none_or(|process| process.idle_at.is_some_and(|at| at <= self.now))
        };
        let ids: Vec<LeaseId> = draining.map(|lease| lease.id.clone()).filter(is_idle).collect();
        for id in ids {
            self.book.in_flight_zero(&id);
        }
    }

    fn carry_out(&mut self, effect: Effect, dice: &mut Dice) {
        match effect {
            Effect::SaveEpoch(epoch) => {
                assert!(epoch > self.saved_epoch, "I2: an epoch is given twice");
                self.saved_epoch = epoch;
                self.book.epoch_saved(epoch);
            }
            Effect::StartProcess(lease) => {
                let process = Process { starting: true, stops: false, idle_at: None };
                let before = self.processes.insert(lease.clone(), process);
                assert!(before.is_none(), "I1: {} is started twice", lease.0);
                let fate = if dice.permille(30) { Fate::StartFails } else { Fate::Ready };
                let micros = dice.within(200_000..2_000_000);
                self.out.push(Out::Later { micros, lease, fate });
            }
            Effect::StopProcess(lease) => {
                let stop_timeout = self.stop_timeout;
                let process = self.processes.get_mut(&lease).expect("I1: what never ran is not stopped");
                if !process.stops {
                    process.stops = true;
                    // One that does not end is killed.
                    let micros = if dice.permille(100) { stop_timeout } else { dice.within(0..1_000_000) };
                    self.out.push(Out::Later { micros, lease, fate: Fate::Gone });
                }
            }
            Effect::Refuse(lease) => {
                let now = self.now;
                if let Some(process) = self.processes.get_mut(&lease) {
                    let most = if dice.permille(100) { 60_000_000 } else { 3_000_000 };
                    let micros = dice.within(0..most);
                    process.idle_at = Some(now + micros);
                    self.out.push(Out::Later { micros, lease, fate: Fate::Idle });
                }
            }
            Effect::Admit(lease) => {
                if let Some(process) = self.processes.get_mut(&lease) {
                    process.idle_at = None;
                }
            }
            Effect::Forget(lease) => {
                assert!(!self.processes.contains_key(&lease), "I1: {} is over before its process", lease.0);
                self.contact.remove(&lease);
            }
            Effect::Fenced(holder, newest) => self.fence(&holder, newest),
            Effect::Reclaim { id, .. } => self.is_revocable(&id),
            Effect::Moved { id, holder, why, .. } => match why {
                Why::Reclaimed | Why::NoticeOver => self.is_revocable(&id),
                Why::Expired | Why::Wanted | Why::GraceOver => {
                    self.out.push(Out::LetGo { lease: id, holder })
                }
                _ => {}
            },
            Effect::Cut(_)
            | Effect::Answering(..)
            | Effect::TakenBack { .. }
            | Effect::Kept(_)
            | Effect::LetGo(..)
            | Effect::Notify(_)
            | Effect::NotifyAll => {}
        }
    }

    fn fence(&mut self, holder: &Holder, newest: u64) {
        let is_older = |line: &Line| line.renewal.holder == *holder && line.renewal.incarnation < newest;
        let older: Vec<_> = self.lines.iter().filter(|line| is_older(line)).map(Line::parts).collect();
        self.lines.retain(|line| !is_older(line));
        for (manager, session, renewal) in older {
            self.speak(manager, session, 0, &renewal);
        }
    }
}
