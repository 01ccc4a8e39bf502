//! Nodes that fall silent, vanish or lose their service: out of the child_list at once.

use super::Manager;
use super::record::Cause;
use crate::node::{Silence, Stage};

/// How a node was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// Its daemon is gone, was started anew, or is silent: it may be asked again when it answers.
    Gone,
    /// Its service ended there by itself.
    Crashed,
}

impl Manager {
    pub(super) fn look_for_silence(&mut self) {
        let now = self.now();
        let mut lost = false;
        for index in 0..self.nodes.len() {
            let node = &mut self.nodes[index];
            match node.silence(now, self.patience) {
                Silence::None => {}
                Silence::Jeopardy => {
                    if let Stage::Ready(lease) = &node.stage {
                        let lease = lease.clone();
                        tracing::warn!(
                            node = node.name,
                            "silent: gets no new request while another is ready"
                        );
                        node.enter(Stage::Jeopardy(lease), now);
                        lost = true;
                    }
                }
                Silence::Expired => {
                    let why = "it was silent for so long that its lease had to be given up";
                    lost |= self.lose(index, why, Loss::Gone);
                }
            }
        }
        if lost {
            self.decide();
        }
    }

    /// A node is gone: out of the list at once. Answers whether that may ask for another one; the
    /// caller lets the decider see it when it has said all it knows.
    pub(super) fn lose(&mut self, node: usize, why: &str, loss: Loss) -> bool {
        let now = self.now();
        match self.nodes[node].stage {
            // The call that starts it will end with its own words.
            Stage::Free | Stage::Starting(None) => false,
            Stage::Starting(Some(_)) => {
                self.nodes[node].enter(Stage::Starting(None), now);
                false
            }
            Stage::Ready(_) | Stage::Jeopardy(_) | Stage::Draining(..) => {
                tracing::warn!(node = self.nodes[node].name, "lost: {why}");
                let words = format!("lost: {why}");
                match loss {
                    Loss::Gone => self.nodes[node].lost(words, now),
                    Loss::Crashed => self.nodes[node].crashed(words, now),
                }
                self.stop_waiting(node);
                self.children.retain(|&child| child != node);
                self.note(Cause::Lost, &[node], why);
                self.publish();
                true
            }
        }
    }
}
