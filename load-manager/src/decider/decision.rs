//! What a tick yields: what to do, why, and by which figures.

use std::time::Duration;

use cluster::level::Level;

use super::{Figures, Reason};

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Nothing.
    Hold,
    /// More nodes: first those of `activate` are sent requests, then the drains of `undrain` are taken
    /// back, then `count` further nodes are ordered. At least one of the three is not empty.
    Add {
        /// Nodes that stood by and serve from now on. Further nodes come in their place where there is room.
        activate: Vec<String>,
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
    /// Fewer nodes that serve: these get no further request and stand by, at least one.
    Rest {
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
    /// The word for it: `hold`, `add`, `undrain` (drains taken back and nothing more), `activate` (no
    /// node but such as stood by), `drain` or `rest`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Add { count: 0, undrain, .. } if undrain.is_empty() => "activate",
            Self::Add { count: 0, .. } => "undrain",
            Self::Add { .. } => "add",
            Self::Drain { .. } => "drain",
            Self::Rest { .. } => "rest",
        }
    }

    /// How many nodes it moves.
    pub fn count(&self) -> u32 {
        let named = u32::try_from(self.nodes().len()).unwrap_or(u32::MAX);
        match self {
            Self::Add { count, .. } => named.saturating_add(*count),
            Self::Hold | Self::Drain { .. } | Self::Rest { .. } => named,
        }
    }

    /// The nodes it names.
    pub fn nodes(&self) -> Vec<&str> {
        match self {
            Self::Hold => Vec::new(),
            Self::Add { activate, undrain, .. } => {
                activate.iter().chain(undrain).map(String::as_str).collect()
            }
            Self::Drain { nodes } | Self::Rest { nodes } => nodes.iter().map(String::as_str).collect(),
        }
    }
}
