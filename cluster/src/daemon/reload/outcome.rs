//! What became of a file that was read again: of every change whether the daemon goes by it now, or has
//! to be started anew for it. Pure, and derived from what the daemon goes by, so that nothing is said to
//! be applied that is not, and nothing is left out.

use tracing::{debug, info, warn};

use crate::config::{Change, Cluster, changes};

/// The changes of one file, each in one of three lists.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// The daemon goes by these now.
    pub applied: Vec<Change>,
    /// It will when it is started anew.
    pub needs_restart: Vec<Change>,
    /// These are other daemons'.
    pub elsewhere: Vec<Change>,
}

impl Outcome {
    /// A daemon that went by `before` goes by `now`, as far as it could follow `read`. `concerns` tells
    /// its changes from those of other daemons.
    pub fn of(before: &Cluster, now: &Cluster, read: &Cluster, concerns: impl Fn(&Change) -> bool) -> Self {
        let (applied, mut elsewhere): (Vec<_>, Vec<_>) =
            changes(before, now).into_iter().partition(&concerns);
        let (needs_restart, others): (Vec<_>, Vec<_>) = changes(now, read).into_iter().partition(&concerns);
        elsewhere.extend(others);
        Self { applied, needs_restart, elsewhere }
    }

    /// One line for each change, and one for all. `daemon` is what needs to be started anew.
    pub fn log(&self, daemon: &str) {
        let Self { applied, needs_restart, elsewhere } = self;
        for change in elsewhere {
            debug!("not of the {daemon}: {change}");
        }
        for change in applied {
            info!("applied: {change}");
        }
        for change in needs_restart {
            warn!("not applied, restart the {daemon} for it: {change}");
        }
        let (applied, needs_restart) = (applied.len(), needs_restart.len());
        info!(applied, needs_restart, elsewhere = elsewhere.len(), "cluster.toml was read again");
    }
}
