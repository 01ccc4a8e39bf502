//! The leases that this holder has begun to end. A call that stops their service is under way or has
//! been, so that none of them may come back into the child_list, whoever still names it.

use std::collections::VecDeque;

/// As many ends as 500 nodes, borrowed for a minute each, come to in the longest time for which a node
/// may still name one: its time to live, its grace and a drain, about 8 min.
const REMEMBERED: usize = 4096;

/// The last leases ended, oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Ended {
    ids: VecDeque<String>,
}

impl Ended {
    /// Remembers one.
    pub(super) fn remember(&mut self, lease_id: &str) {
        if self.contains(lease_id) {
            return;
        }
        if self.ids.len() == REMEMBERED {
            self.ids.pop_front();
        }
        self.ids.push_back(lease_id.to_owned());
    }

    /// Whether this one has been ended.
    pub(super) fn contains(&self, lease_id: &str) -> bool {
        self.ids.iter().rev().any(|id| id == lease_id)
    }
}
