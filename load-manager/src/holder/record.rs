//! What goes into the journal: the decider's decisions, and what a loss or a refusal left no choice
//! about. The wall clock is for whoever keeps it.

use cluster::level::Level;

use super::{Effect, Holder};
use crate::decider::{Decision, Figures};

/// One entry of the journal.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// What the decider said, also where it changes nothing.
    Decided(Decision),
    /// What had to be done besides.
    Caused {
        /// Why.
        cause: Cause,
        /// Which nodes it is about.
        nodes: Vec<String>,
        /// Why, for a person.
        sentence: String,
        /// The level and the figures of the last decision, once there is one.
        seen: Option<(Level, Figures)>,
    },
}

/// Why something was done that no rule of the decider asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A child is gone.
    Lost,
    /// One that has to leave is replaced.
    Replaced,
    /// A node asked for its lease back.
    Reclaimed,
    /// Fewer than `min` are held: another's slot is asked for.
    UnderMin,
    /// Less than the share is held for long: another's slot is asked for.
    Starved,
    /// A node granted nothing.
    Refused,
    /// A service did not start.
    StartFailed,
    /// A lease from before this start was taken up.
    Adopted,
    /// A node is one of the pool now.
    Joined,
    /// A node is not one of the pool any more: what serves there is drained.
    Removed,
    /// A changed command is rolled out.
    Rollout,
}

impl Entry {
    /// The word for what was done.
    pub fn action(&self) -> &'static str {
        match self {
            Self::Decided(decision) => decision.action.name(),
            Self::Caused { cause, .. } => cause.words().0,
        }
    }

    /// The word for why, of a closed list.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Decided(decision) => decision.reason.name(),
            Self::Caused { cause, .. } => cause.words().1,
        }
    }

    /// Why, for a person.
    pub fn sentence(&self) -> String {
        match self {
            Self::Decided(decision) => decision.reason.to_string(),
            Self::Caused { sentence, .. } => sentence.clone(),
        }
    }

    /// The nodes it names.
    pub fn nodes(&self) -> Vec<&str> {
        match self {
            Self::Decided(decision) => decision.action.nodes(),
            Self::Caused { nodes, .. } => nodes.iter().map(String::as_str).collect(),
        }
    }

    /// How many nodes it is about, named or not.
    pub fn count(&self) -> u32 {
        match self {
            Self::Decided(decision) => decision.action.count(),
            Self::Caused { nodes, .. } => u32::try_from(nodes.len()).unwrap_or(u32::MAX),
        }
    }

    /// The level and the figures that were known then.
    pub fn seen(&self) -> Option<(Level, Figures)> {
        match self {
            Self::Decided(decision) => Some((decision.level, decision.figures)),
            Self::Caused { seen, .. } => *seen,
        }
    }
}

impl Cause {
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Lost => ("lost", "lost"),
            Self::Replaced => ("add", "replaced"),
            Self::Reclaimed => ("reclaim", "reclaimed"),
            Self::UnderMin => ("claim", "under-min"),
            Self::Starved => ("claim", "starved"),
            Self::Refused => ("refused", "refused"),
            Self::StartFailed => ("failed", "start-failed"),
            Self::Adopted => ("adopt", "adopted"),
            Self::Joined => ("join", "joined"),
            Self::Removed => ("remove", "removed"),
            Self::Rollout => ("rollout", "rollout"),
        }
    }
}

impl Holder {
    /// Keeps what the decider said.
    pub(super) fn record(&mut self, decision: &Decision) {
        self.effect(Effect::Record(Entry::Decided(decision.clone())));
    }

    /// Keeps what had to be done.
    pub(super) fn note(&mut self, cause: Cause, nodes: &[usize], sentence: &str) {
        self.effect(Effect::Record(Entry::Caused {
            cause,
            nodes: nodes.iter().map(|&index| self.nodes[index].name.clone()).collect(),
            sentence: sentence.to_owned(),
            seen: self.last.as_ref().map(|last| (last.level, last.figures)),
        }));
    }
}
