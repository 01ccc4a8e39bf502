//! Where a node stands: in the pool, on its link and for this front end, and the word for it.

use std::time::Duration;

use super::{Lease, Node};

/// Whether cluster.toml has the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// It does.
    Member,
    /// It does no more, and something of ours may still be there: it is drained and given back.
    Leaving,
    /// It does no more, and nothing of ours is there: nobody speaks to it.
    Left,
}

/// Where a node stands for this front end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// Not held.
    Free,
    /// Asked for, or granted and starting.
    Starting(Option<Lease>),
    /// In the child_list, taking requests.
    Ready(Lease),
    /// In the child_list, not answering: last to be asked.
    Jeopardy(Lease),
    /// On its way out.
    Draining(Lease, DrainStep),
}

/// How far a drain has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrainStep {
    /// Marked in the child_list; the service-manager's own requests end.
    AtFront,
    /// The node counts down to 0 too.
    AtNode,
    /// The node was told, and is asked to take requests again.
    Returning,
    /// The service is being stopped: no way back.
    Ending,
}

/// What is known of the link to the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// Not tried yet.
    Unknown,
    /// Answers; the incarnation is new with each start of its daemon.
    Up {
        /// Of the daemon that answers; 0 until its first report.
        incarnation: u64,
    },
    /// Does not answer, and why.
    Down {
        /// One sentence.
        words: String,
    },
}

impl Node {
    /// The word for where it stands, for a person.
    pub fn state_name(&self, now: Duration) -> &'static str {
        match (&self.stage, &self.link) {
            (Stage::Starting(_), _) => "starting",
            (Stage::Ready(_), _) if self.report.probe_fails => "not ready",
            (Stage::Ready(_), _) if self.stands_by => "standby",
            (Stage::Ready(_), _) => "ready",
            (Stage::Jeopardy(_), _) => "jeopardy",
            (Stage::Draining(_, DrainStep::Ending), _) => "stopping",
            (Stage::Draining(..), _) => "draining",
            // It has not said yet what it has.
            (Stage::Free, Link::Unknown | Link::Up { incarnation: 0 }) => "unknown",
            (Stage::Free, Link::Down { .. }) => "unreachable",
            (Stage::Free, Link::Up { .. }) if self.is_silent => "unreachable",
            (Stage::Free, Link::Up { .. }) => self.free_name(now),
        }
    }

    fn free_name(&self, now: Duration) -> &'static str {
        if self.report.maintenance {
            "drained by operator"
        } else if self.report.stopping {
            "going down"
        } else if self.awaits_slot(now) {
            "awaited"
        } else if now < self.paused_until {
            "backing off"
        } else if self.report.slots_free == 0 {
            "taken"
        } else {
            "free"
        }
    }
}
