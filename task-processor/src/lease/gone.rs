//! The leases that ended lately, so that a repeated call about one still gets its right answer.

use std::collections::VecDeque;

use super::{Lease, LeaseId};

/// Ended leases that are remembered; far more than can end within the retries of one call.
const REMEMBERED: usize = 64;

/// The last leases that ended, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    leases: VecDeque<Lease>,
}

impl Ended {
    /// Remembers a lease; its `detail` says what ended it.
    pub(crate) fn remember(&mut self, lease: Lease) {
        if self.leases.len() == REMEMBERED {
            self.leases.pop_front();
        }
        self.leases.push_back(lease);
    }

    /// The ended lease of that name.
    pub(crate) fn find(&self, id: &LeaseId) -> Option<&Lease> {
        self.leases.iter().rev().find(|lease| lease.id == *id)
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Lease> {
        self.leases.iter()
    }
}
