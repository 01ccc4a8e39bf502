//! Whether it is known what is there: after a start, and after a sleep. A load-manager that was stopped for
//! longer than a node may be silent has heard nobody, which says nothing of the nodes: what it held is not
//! given up, and nothing is decided, before they have had the time to answer.

use std::time::Duration;

use super::{Holder, News};
use crate::node::{Link, Node, Silence};

/// How long the nodes and the service-manager have to say what is there.
const SETTLE_MAX: Duration = Duration::from_secs(2);

impl Holder {
    /// `look` is due so often that nobody who is awake hears nothing for so long.
    pub(super) fn notice_sleep(&mut self, now: Duration) {
        let slept = now.saturating_sub(self.now);
        if slept >= self.settings.patience.jeopardy {
            self.tell(News::Overslept { slept });
            self.settling = Some(now);
        }
    }

    /// Whether what was there before the start or the sleep is known: everybody has answered, or had the time.
    pub(super) fn is_settled(&mut self) -> bool {
        if let Some(since) = self.settling {
            let everybody = self.front_up && self.nodes.iter().all(|node| self.has_answered(node));
            if everybody || self.now.saturating_sub(since) >= SETTLE_MAX {
                self.settling = None;
            }
        }
        self.settling.is_none()
    }

    fn has_answered(&self, node: &Node) -> bool {
        let silence = node.silence(self.now, self.settings.patience);
        !node.is_member() || node.link != Link::Unknown && silence != Silence::Expired && !node.is_adopting
    }
}
