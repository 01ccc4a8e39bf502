//! The streams of the load-managers at a node: who is heard on one, and what is said on it.

use load_manager::holder::Adopted;
use task_processor::lease::{Holder, Renewal};

use super::{Node, Sender};
use crate::wire::{self, ToManager};
use e2e::dice::Dice;

/// One stream.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) manager: usize,
    pub(super) session: u64,
    pub(super) renewal: Renewal,
}

impl Line {
    pub(super) fn parts(&self) -> (usize, u64, Renewal) {
        (self.manager, self.session, self.renewal.clone())
    }
}

impl Node {
    /// The lines of a load-manager's connections before `session` end.
    pub(super) fn close(&mut self, manager: usize, session: u64) {
        self.lines.retain(|line| line.manager != manager || line.session >= session);
        let holders: Vec<Holder> = self.newest.keys().cloned().collect();
        for holder in holders {
            let listens = self.lines.iter().any(|line| line.renewal.holder == holder);
            if !listens {
                self.book.set_listening(&holder, false);
            }
        }
    }

    pub(super) fn hello(&mut self, from: &Sender, session: u64, adopt: bool, dice: &mut Dice) {
        self.sessions.retain(|(manager, older)| *manager != from.manager || *older > session);
        self.sessions.insert((from.manager, session));
        self.close(from.manager, session);
        let mut adopted = None;
        if adopt {
            adopted = self.adopt(from, dice);
            if adopted.is_none() {
                return self.say(from.manager, ToManager::Fenced { session });
            }
        }
        self.say(from.manager, ToManager::Welcome { session, adopted });
    }

    /// What it hands over; `None` where a newer load-manager is known.
    pub(super) fn adopt(&mut self, from: &Sender, dice: &mut Dice) -> Option<Vec<Adopted>> {
        let is_stale = self.is_superseded(from);
        let before = is_stale.then(|| self.picture());
        let now = self.local();
        let answer = self.book.adopt(now, &from.holder, from.incarnation);
        self.is_untouched(before, answer.is_err());
        self.settle(dice);
        let leases = answer.ok()?;
        self.speaks(from);
        for lease in &leases {
            self.is_saved(lease.grant.lease.epoch);
            self.touch(&lease.grant.lease.id);
        }
        let address = &self.data_address;
        Some(leases.into_iter().map(|lease| wire::adopted(lease, address.clone())).collect())
    }

    pub(super) fn renew(
        &mut self,
        from: &Sender,
        session: u64,
        sequence: u64,
        renewal: Renewal,
        dice: &mut Dice,
    ) {
        let is_stale = self.is_superseded(from);
        let before = is_stale.then(|| self.picture());
        let now = self.local();
        let renewed = self.book.renew(now, &renewal);
        self.is_untouched(before, renewed.is_err());
        if renewed.is_ok() {
            self.speaks(from);
            for named in &renewal.leases {
                let is_held = self.book.lease(&named.id).is_some_and(|lease| lease.epoch == named.epoch);
                if is_held {
                    self.contact.insert(named.id.clone(), (self.now, renewal.guaranteed.contains(&named.id)));
                }
            }
            let holder = renewal.holder.clone();
            self.lines.retain(|line| line.manager != from.manager);
            self.lines.push(Line { manager: from.manager, session, renewal: renewal.clone() });
            self.book.set_listening(&holder, true);
        }
        self.settle(dice);
        self.speak(from.manager, session, sequence, &renewal);
        if renewed.is_err() {
            self.close(from.manager, u64::MAX);
        }
    }

    pub(super) fn speak(&mut self, manager: usize, session: u64, sequence: u64, renewal: &Renewal) {
        let roll = self.book.roll(self.local(), renewal);
        let word = wire::word(roll, self.life);
        self.say(manager, ToManager::Word { session, sequence, word });
    }
}
