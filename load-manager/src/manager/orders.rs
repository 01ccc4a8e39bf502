//! Orders carried out: nodes asked in their order, started side by side; a refusal or a failed
//! start passes the order on to the next node.

use std::time::Instant;

use super::Manager;
use super::record::Cause;
use crate::calls::{self, AddFault};
use crate::node::{Lease, Node, Stage};

impl Manager {
    /// Orders `count` nodes, as many as can be asked, and answers which.
    pub(super) fn order(&mut self, count: u32) -> Vec<usize> {
        let now = self.now();
        let order = self.order.clone();
        let askable = order.into_iter().filter(|&index| self.nodes[index].can_be_asked(now));
        let asked: Vec<usize> = askable.take(count as usize).collect();
        for &index in &asked {
            let Some(client) = self.clients[index].clone() else { continue };
            self.requests += 1;
            let request_id = format!("{}-{}", self.identity.incarnation, self.requests);
            tracing::info!(node = self.nodes[index].name, "ordered");
            self.nodes[index].enter(Stage::Starting(None), now);
            let (identity, told) = (self.identity.clone(), self.told.clone());
            self.calls.spawn(calls::add(
                index,
                client,
                identity,
                request_id,
                self.entrances[index].clone(),
                self.service.start_timeout,
                told,
            ));
        }
        asked
    }

    pub(super) fn reserved(&mut self, node: usize, lease: Lease, sent: Instant) {
        let now = self.now();
        let record = &mut self.nodes[node];
        if record.stage == Stage::Starting(None) {
            record.answered = sent.saturating_duration_since(self.born);
            let since = record.since;
            record.enter(Stage::Starting(Some(lease)), now);
            record.since = since;
        }
    }

    pub(super) fn added(&mut self, node: usize, result: Result<Lease, AddFault>) {
        let now = self.now();
        let record = &mut self.nodes[node];
        if !matches!(record.stage, Stage::Starting(_)) {
            return;
        }
        match result {
            // The lease ran out, or the daemon was started anew, while the service started.
            Ok(lease) if record.stage == Stage::Starting(None) => {
                self.stop_and_release(node, lease);
                self.failed_start(node, "it was lost while it started");
            }
            Ok(lease) => {
                let took_ms = now.saturating_sub(record.since).as_millis() as u64;
                tracing::info!(node = record.name, lease = lease.id, took_ms, "ready");
                record.enter(Stage::Ready(lease), now);
                self.join(node);
            }
            Err(AddFault::Refused { words, retry_after }) => {
                tracing::info!(node = record.name, "refused: {words}");
                self.note(Cause::Refused, &[node], &words);
                self.nodes[node].refused(words, retry_after, now);
                self.order(1);
            }
            Err(AddFault::Failed(words)) => self.failed_start(node, &words),
        }
    }

    fn failed_start(&mut self, node: usize, words: &str) {
        let now = self.now();
        let pause = self.nodes[node].start_failed(words.to_owned(), now);
        let name = &self.nodes[node].name;
        tracing::error!(node = name, backoff_s = pause.as_secs(), "the service did not start there: {words}");
        let sentence = format!("{words}; the node is left alone for {} s", pause.as_secs());
        self.note(Cause::StartFailed, &[node], &sentence);
        self.order(1);
    }

    /// A child has to leave although nothing is wrong with it: one node takes its place at once where
    /// the last decision still wants as many; the damping of a scale-up is not for this.
    pub(super) fn replace(&mut self) {
        let Some(last) = &self.last else { return };
        let wanted = last.figures.want.max(self.service.min).min(self.service.max);
        let holds = |node: &&Node| matches!(node.stage, Stage::Ready(_) | Stage::Starting(_));
        let held = self.nodes.iter().filter(holds).count() as u32;
        if held >= wanted {
            return;
        }
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
