//! What a node knows that no book does: who spoke to it last, what is on its disk, and which processes
//! live. Each answer of the book is held against it (I1 to I4 of `leases`).

use std::collections::BTreeSet;

use task_processor::lease::LeaseId;

use super::{Node, Sender};

impl Node {
    pub(super) fn touch(&mut self, lease: &LeaseId) {
        let now = self.now;
        self.contact.entry(lease.clone()).and_modify(|contact| contact.0 = now).or_insert((now, false));
    }

    pub(super) fn is_superseded(&self, from: &Sender) -> bool {
        self.newest.get(&from.holder).is_some_and(|newest| *newest > from.incarnation)
    }

    pub(super) fn speaks(&mut self, from: &Sender) {
        self.newest.insert(from.holder.clone(), from.incarnation);
    }

    pub(super) fn picture(&self) -> String {
        format!("{:?}", self.book.leases())
    }

    pub(super) fn is_untouched(&self, before: Option<String>, is_refused: bool) {
        if let Some(before) = before {
            assert!(is_refused, "I2: who is out of date is not refused");
            assert_eq!(before, self.picture(), "I2: who is out of date acts");
        }
    }

    pub(super) fn is_saved(&self, epoch: u64) {
        assert!(epoch <= self.saved_epoch, "I2: epoch {epoch} is given before it is on disk");
    }

    pub(super) fn is_revocable(&self, lease: &LeaseId) {
        let is_marked = self.contact.get(lease).is_some_and(|(_, marked)| *marked);
        assert!(!is_marked, "I4: {} is reclaimed and guaranteed", lease.0);
    }

    /// At most one lease and one process for each slot, with those of leases that are over, and of earlier
    /// lives of the daemon.
    pub(super) fn is_sound(&self) {
        let mut taken: BTreeSet<&LeaseId> = self.book.leases().iter().map(|lease| &lease.id).collect();
        taken.extend(self.processes.keys());
        taken.extend(&self.leftovers);
        assert!(taken.len() <= self.limits.slots, "I1: {} has more than its slots: {taken:?}", self.name);
    }

    /// No process lives on for longer than `bound` after the last contact with its holder, or after the
    /// daemon was woken.
    pub(crate) fn ends_what_nobody_holds(&self, now: u64, bound: u64) {
        if self.paused_until > now {
            return;
        }
        for lease in self.processes.keys() {
            let contact = self.contact.get(lease).map_or(0, |(at, _)| *at).max(self.woken);
            assert!(
                now <= contact + bound,
                "I3: {} lives {} us after the last contact",
                lease.0,
                now - contact
            );
        }
    }
}
