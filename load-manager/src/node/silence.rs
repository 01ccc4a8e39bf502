//! What it means that nothing is heard of a node.

use std::time::Duration;

use super::{Node, Stage};

/// What the silence of a node means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// It answers, or holds nothing of ours.
    None,
    /// Long enough to send it no new request while another is ready.
    Jeopardy,
    /// So long that the lease must be given up before the node gives it away.
    Expired,
}

/// When silence means what (design section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// No new requests after this.
    pub jeopardy: Duration,
    /// Given up after this: 0.8 of the time to live, so that the holder lets go first.
    pub expiry: Duration,
}

impl Node {
    /// What its silence means at `now`.
    pub fn silence(&self, now: Duration, patience: Patience) -> Silence {
        let silent = now.saturating_sub(self.answered);
        match self.stage {
            Stage::Free | Stage::Starting(None) => Silence::None,
            Stage::Starting(Some(_)) | Stage::Ready(_) | Stage::Jeopardy(_) | Stage::Draining(..) => {
                if silent >= patience.expiry {
                    Silence::Expired
                } else if silent >= patience.jeopardy {
                    Silence::Jeopardy
                } else {
                    Silence::None
                }
            }
        }
    }

    /// How long ago the data of its last report were sent. One that is reached for control and has
    /// taken no connection for a while is as good as silent for so long.
    pub fn data_age(&self, now: Duration) -> Duration {
        now.saturating_sub(self.answered).max(self.front.unreached())
    }
}
