//! The slots that are not free yet after the daemon was killed and started again: in each a service of its
//! earlier life still has processes, and a slot is granted again only when these are gone.

use super::Book;
use crate::lease::Effect;

/// Why such a slot is not granted.
pub(super) const STILL_ENDS: &str = "a process of the daemon's previous life still ends";

impl Book {
    /// Slots that are taken in that way.
    pub fn leftovers(&self) -> usize {
        self.leftovers
    }

    /// Every process of one such service is gone: its slot is free, and who waits for one hears of it.
    pub fn leftover_gone(&mut self) {
        self.leftovers = self.leftovers.saturating_sub(1);
        self.effects.push(Effect::NotifyAll);
    }

    /// Slots in which something is or may be running.
    pub(super) fn taken_slots(&self) -> usize {
        self.leases.len() + self.leftovers
    }
}
