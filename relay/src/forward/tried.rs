//! The upstreams one request has tried.

use crate::retry::ATTEMPTS_MAX;

/// The ids of the upstreams tried so far, without an allocation.
#[derive(Default)]
pub(super) struct Tried {
    ids: [u64; ATTEMPTS_MAX],
    count: usize,
}

impl Tried {
    pub(super) fn ids(&self) -> &[u64] {
        &self.ids[..self.count]
    }

    pub(super) fn add(&mut self, id: u64) {
        if self.count < ATTEMPTS_MAX {
            self.ids[self.count] = id;
            self.count += 1;
        }
    }
}
