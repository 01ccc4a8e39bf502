//! Nodes that fall silent, vanish or lose their service: out of the child_list at once.

use super::{Cause, Effect, Holder, News};
use crate::node::{DrainStep, Silence, Stage};

/// How a node was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// Its daemon is gone or was started anew, or has ended the lease: it may be asked again when it answers.
    Gone,
    /// It is silent: it is asked nothing before it speaks again.
    Silent,
    /// Its service ended there by itself.
    Crashed,
}

impl Holder {
    pub(super) fn look_for_silence(&mut self) {
        if !self.is_settled() {
            return;
        }
        let mut lost = false;
        for index in 0..self.nodes.len() {
            let node = &mut self.nodes[index];
            match node.silence(self.now, self.settings.patience) {
                Silence::None => {}
                Silence::Jeopardy => {
                    if let Stage::Ready(lease) = &node.stage {
                        let lease = lease.clone();
                        node.enter(Stage::Jeopardy(lease), self.now);
                        self.tell(News::Silent { node: index });
                        lost = true;
                    }
                }
                Silence::Expired => {
                    let why = "it was silent for so long that its lease had to be given up";
                    lost |= self.lose(index, why, Loss::Silent);
                }
            }
        }
        if lost {
            self.decide();
        }
    }

    /// A node is gone: out of the list that this input ends with. Answers whether that may ask for another
    /// one; the caller lets the decider see it when it has said all it knows.
    pub(super) fn lose(&mut self, node: usize, why: &str, loss: Loss) -> bool {
        match &self.nodes[node].stage {
            // The call that starts it will end with its own words.
            Stage::Free | Stage::Starting(None) => false,
            Stage::Starting(Some(_)) => {
                self.nodes[node].enter(Stage::Starting(None), self.now);
                false
            }
            Stage::Ready(_) | Stage::Jeopardy(_) | Stage::Draining(..) => {
                self.tell(News::Lost { node, why: why.to_owned() });
                self.stop_waiting(node);
                let words = format!("lost: {why}");
                let runs_new = self.nodes[node].report.runs == Some(self.settings.command);
                if loss == Loss::Crashed && runs_new && self.nodes[node].is_young(self.now) {
                    self.stop_rollout(node, why);
                }
                match loss {
                    Loss::Gone => self.nodes[node].lost(words, self.now),
                    Loss::Silent => self.nodes[node].fell_silent(words, self.now),
                    Loss::Crashed => self.nodes[node].crashed(words, self.now),
                }
                self.children.retain(|&child| child != node);
                self.note(Cause::Lost, &[node], why);
                true
            }
        }
    }

    /// Gives up the answer of the call that waits at a draining node, where one does.
    pub(super) fn stop_waiting(&mut self, node: usize) {
        if let Stage::Draining(_, DrainStep::AtNode | DrainStep::Returning) = self.nodes[node].stage {
            self.effect(Effect::StopWaiting { node });
        }
    }
}
