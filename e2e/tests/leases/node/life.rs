//! What happens to a node's daemon: it is killed, paused, started anew, drained by an operator, or told
//! to end.

use task_processor::lease::{Book, LeaseId};

use super::{Fate, Node, Out};
use crate::wire::{Reply, ToManager};
use e2e::dice::Dice;

const SECOND: u64 = 1_000_000;

/// What a guard takes at most to end its service once its daemon is gone (design section 7).
const GUARD_TAKES: u64 = 5 * SECOND;

impl Node {
    /// The daemon is killed. Its guards end the processes in a while; whoever waits hears that the line broke.
    pub(crate) fn crash(&mut self, now: u64, dice: &mut Dice) {
        self.now = now;
        self.is_up = false;
        (self.paused_until, self.woken) = (now, now);
        for line in std::mem::take(&mut self.lines) {
            let what = ToManager::Reset { session: line.session };
            self.out.push(Out::Say { manager: line.manager, what });
        }
        for waiting in std::mem::take(&mut self.waiting) {
            let what = ToManager::Answer { call: waiting.call, step: waiting.step, reply: Reply::Broken };
            self.out.push(Out::Say { manager: waiting.manager, what });
        }
        self.sessions.clear();
        for lease in std::mem::take(&mut self.processes).into_keys() {
            let (micros, fate) = (dice.within(0..GUARD_TAKES), Fate::LeftoverGone);
            self.out.push(Out::Later { micros, lease: lease.clone(), fate });
            self.leftovers.insert(lease);
        }
        self.contact.clear();
        self.newest.clear();
    }

    /// A process of an earlier life has ended.
    pub(crate) fn leftover_gone(&mut self, now: u64, lease: &LeaseId, dice: &mut Dice) {
        self.leftovers.remove(lease);
        if self.is_up {
            self.now = now;
            self.book.leftover_gone();
            self.settle_at(dice);
        }
    }

    /// It is started anew with what it saved.
    pub(crate) fn restart(&mut self, now: u64) {
        self.is_up = true;
        self.life += 1;
        (self.began, self.now) = (now, now);
        let (limits, leftovers) = (self.limits.clone(), self.leftovers.len());
        self.book = Book::new(limits, self.saved_epoch, self.saved_maintenance, leftovers);
    }

    /// An operator drains it, or takes that back. A daemon that is down finds it when it starts.
    pub(crate) fn maintain(&mut self, now: u64, maintenance: bool, dice: &mut Dice) {
        self.saved_maintenance = maintenance;
        if self.is_up {
            self.now = now;
            self.book.set_maintenance(maintenance);
            self.settle_at(dice);
        }
    }

    /// The daemon is told to end, and announces that.
    pub(crate) fn announce_end(&mut self, now: u64, dice: &mut Dice) {
        self.now = now;
        self.book.end(self.local());
        self.settle_at(dice);
    }

    /// A service ends by itself.
    pub(crate) fn kill_service(&mut self, now: u64, dice: &mut Dice) {
        self.now = now;
        let living = self.processes.iter().filter(|(_, process)| !process.stops && !process.starting);
        let Some(id) = living.map(|(id, _)| id.clone()).next() else { return };
        self.book.process_exited(&id, "it was killed".to_owned());
        self.settle_at(dice);
    }
}
