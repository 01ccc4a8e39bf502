//! Orders carried out: nodes asked in their order, started side by side; a refusal or a failed
//! start passes the order on to the next node.

use std::time::Duration;

use super::{Cause, Effect, Holder, News};
use crate::node::{Lease, Stage};

/// Why a node could not be added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddFault {
    /// It granted nothing.
    #[error("{words}")]
    Refused {
        /// Its sentence.
        words: String,
        /// When asking again may help.
        retry_after: Duration,
        /// Whether it takes a slot back from another service for this one.
        reclaiming: bool,
    },
    /// It granted a slot, but the service did not get ready there.
    #[error("{0}")]
    Failed(String),
    /// It granted a slot and has not answered since, which says nothing of the service.
    #[error("{0}")]
    Unanswered(String),
}

impl Holder {
    /// Orders `count` nodes, as many as can be asked, and answers which.
    pub(super) fn order(&mut self, count: u32) -> Vec<usize> {
        let (nodes, now) = (&self.nodes, self.now);
        let askable = |index: &usize| nodes[*index].reached && nodes[*index].can_be_asked(now);
        let asked: Vec<usize> =
            self.settings.order.iter().copied().filter(askable).take(count as usize).collect();
        for &node in &asked {
            self.order_at(node);
        }
        asked
    }

    pub(super) fn order_at(&mut self, node: usize) {
        let request_id = self.next_request(node);
        self.effect(Effect::Add { node, request_id });
    }

    /// The name of a wish for a slot of that node, which is asked from now on.
    pub(super) fn next_request(&mut self, node: usize) -> String {
        self.requests += 1;
        self.nodes[node].enter(Stage::Starting(None), self.now);
        self.tell(News::Ordered { node });
        format!("{}-{}", self.settings.incarnation, self.requests)
    }

    pub(super) fn reserved(&mut self, node: usize, lease: Lease, sent_at: Duration) {
        let record = &mut self.nodes[node];
        if record.stage == Stage::Starting(None) {
            record.answered = sent_at;
            let since = record.since;
            record.enter(Stage::Starting(Some(lease)), self.now);
            record.since = since;
        }
    }

    pub(super) fn added(&mut self, node: usize, result: Result<Lease, AddFault>) {
        let record = &mut self.nodes[node];
        if !matches!(record.stage, Stage::Starting(_)) {
            return;
        }
        match result {
            // The lease ran out, or the daemon was started anew, while the service started.
            Ok(lease) if record.stage == Stage::Starting(None) => {
                self.stop_and_release(node, lease.reference());
                self.failed_start(node, "it was lost while it started");
                self.pass_on(node);
            }
            Ok(lease) => {
                let (lease_id, took) = (lease.id.clone(), self.now.saturating_sub(record.since));
                record.enter(Stage::Ready(lease), self.now);
                if self.rollout.extra() == Some(node) {
                    self.join(node);
                } else {
                    self.join_or_stand_by(node);
                }
                self.tell(News::Ready { node, lease_id, took });
            }
            Err(AddFault::Refused { words, retry_after, reclaiming }) => {
                self.tell(News::Refused { node, words: words.clone() });
                self.note(Cause::Refused, &[node], &words);
                self.nodes[node].refused(words, retry_after, self.now);
                if reclaiming {
                    // The slot is free at the end of the notice, and kept for a time to live.
                    self.nodes[node].awaits_until = Some(self.now + retry_after + self.settings.ttl);
                }
                self.pass_on(node);
            }
            Err(AddFault::Failed(words)) => {
                self.failed_start(node, &words);
                if !self.stop_rollout(node, &words) {
                    self.pass_on(node);
                }
            }
            Err(AddFault::Unanswered(words)) => {
                self.failed_start(node, &words);
                self.pass_on(node);
            }
        }
    }

    fn failed_start(&mut self, node: usize, words: &str) {
        let pause = self.nodes[node].start_failed(words.to_owned(), self.now);
        self.tell(News::StartFailed { node, words: words.to_owned(), pause });
        let sentence = format!("{words}; the node is left alone for {} s", pause.as_secs());
        self.note(Cause::StartFailed, &[node], &sentence);
    }

    /// The order goes on to the next node. That of a rollout looks for another one itself; here only what is
    /// wanted all the same.
    fn pass_on(&mut self, node: usize) {
        if self.rollout.awaits(node) {
            self.replace();
        } else {
            self.order(1);
        }
    }

    /// A child has to leave although nothing is wrong with it: one node takes its place at once where the
    /// decider would have it.
    pub(super) fn replace(&mut self) {
        if self.last.is_none() {
            return;
        }
        let fleet = self.fleet_in_the_pool();
        if self.decider.replacements(&fleet) == 0 {
            return;
        }
        let (wanted, held) = (self.decider.want_of_pool(), fleet.held());
        let asked = self.order(1);
        let sentence = if asked.is_empty() {
            format!("{wanted} are wanted and {held} are left, but no further node can be asked now")
        } else {
            format!("{wanted} are wanted and {held} are left")
        };
        self.note(Cause::Replaced, &asked, &sentence);
    }

    /// Puts a node at the end of the child_list.
    pub(super) fn join(&mut self, node: usize) {
        if !self.children.contains(&node) {
            self.children.push(node);
        }
    }
}
