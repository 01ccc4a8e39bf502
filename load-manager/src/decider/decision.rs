//! What a tick yields: what to do, why, and by which figures.

use std::time::Duration;

use cluster::level::Level;

use super::{Figures, Reason};

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Nothing.
    Hold,
    /// More nodes: first the drains of `undrain` are taken back, then `count` further nodes are
    /// ordered. At least one of the two is not empty.
    Add {
        /// Nodes whose drain is taken back.
        undrain: Vec<String>,
        /// Further nodes to order.
        count: u32,
    },
    /// Fewer nodes: drain these, at least one.
    Drain {
        /// The nodes.
        nodes: Vec<String>,
    },
}

/// One tick's decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The time that the tick was given.
    pub at: Duration,
    /// What to do.
    pub action: Action,
    /// The level of the load; without data, the last one known.
    pub level: Level,
    /// Why that is done, or why nothing is.
    pub reason: Reason,
    /// The figures it was decided by; without data, the last ones known.
    pub figures: Figures,
}

impl Action {
    /// The word for it: `hold`, `add`, `undrain` (drains taken back and nothing more) or `drain`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Add { count: 0, .. } => "undrain",
            Self::Add { .. } => "add",
            Self::Drain { .. } => "drain",
        }
    }

    /// How many nodes it moves.
    pub fn count(&self) -> u32 {
        let named = u32::try_from(self.nodes().len()).unwrap_or(u32::MAX);
        match self {
            Self::Add { count, .. } => named.saturating_add(*count),
            Self::Hold | Self::Drain { .. } => named,
        }
    }

    /// The nodes it names.
    pub fn nodes(&self) -> &[String] {
        match self {
            Self::Hold => &[],
            Self::Add { undrain, .. } => undrain,
            Self::Drain { nodes } => nodes,
        }
    }
}
