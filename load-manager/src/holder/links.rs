//! What the nodes say on their links: of themselves, and of the leases that this front end holds, or
//! does not know of.

use std::time::Duration;

use super::losses::Loss;
use super::{Holder, LeaseState, LeaseWord, News, NodeWord};
use crate::node::{DrainStep, Lease, Link, Silence, Stage};

impl Holder {
    pub(super) fn renewed(&mut self, node: usize, word: &NodeWord, sent_at: Option<Duration>) {
        if word.fenced {
            self.fenced(format!("node {} serves a newer one", self.nodes[node].name));
            return;
        }
        let known = match self.nodes[node].link {
            Link::Up { incarnation } if incarnation != 0 => Some(incarnation),
            Link::Up { .. } | Link::Down { .. } | Link::Unknown => None,
        };
        let mut is_news = false;
        if known.is_some_and(|known| known != word.incarnation) {
            self.lose(node, "its task-processor was started anew", Loss::Gone);
            is_news = true;
        }
        let record = &mut self.nodes[node];
        record.link = Link::Up { incarnation: word.incarnation };
        record.is_silent = false;
        // By then the node has let its leases go for want of a renewal, whatever their services do.
        let is_overdue = record.silence(self.now, self.settings.patience) == Silence::Expired;
        if let Some(sent_at) = sent_at {
            record.answered = sent_at;
        }
        let mut said = word.report(record.lease().map(|lease| lease.id.as_str()));
        // A node that relays refuses requests meanwhile.
        said.probe_fails &= self.settings.nodes[node].entrance.is_direct();
        let is_freed = record.hear_of_slot(&said);
        let was_reclaiming = record.report.reclaiming;
        let is_undrained = record.report.maintenance && !said.maintenance;
        is_news |= record.hear(said);
        let silence = record.silence(self.now, self.settings.patience);
        if is_undrained {
            self.rollout.resume();
        }
        let record = &mut self.nodes[node];
        if let (Stage::Jeopardy(lease), Silence::None) = (&record.stage, silence) {
            let lease = lease.clone();
            record.enter(Stage::Ready(lease), self.now);
            self.tell(News::AnswersAgain { node });
        }
        self.heard_of_others(word);
        // What was said before the denial says nothing of what was begun with it.
        let is_younger = was_reclaiming || sent_at.is_some_and(|sent_at| sent_at > self.nodes[node].since);
        is_news |= self.heard_of_reclaim(node, is_younger);
        // Others hear of the slot as well, so that the next tick may be too late.
        is_news |= is_freed && self.is_short();
        for lease in &word.leases {
            is_news |= self.heard_of_lease(node, lease, sent_at, is_overdue);
        }
        if is_news {
            self.decide();
        }
    }

    /// What a node says of one lease may end it. Answers whether a child was lost.
    fn heard_of_lease(
        &mut self,
        node: usize,
        word: &LeaseWord,
        sent_at: Option<Duration>,
        is_overdue: bool,
    ) -> bool {
        let record = &self.nodes[node];
        if record.lease().is_none_or(|lease| lease.id != word.lease_id) {
            self.heard_of_stray(node, word);
            return false;
        }
        // Said before this stage began.
        if sent_at.is_some_and(|sent_at| sent_at < record.since) {
            return false;
        }
        let why = if word.detail.is_empty() { "the node ends the lease" } else { word.detail.as_str() };
        match (&record.stage, word.state) {
            // As it was told to; what the call answers is no news then.
            (Stage::Draining(_, DrainStep::Ending), LeaseState::Gone) => {
                self.released(node, &word.lease_id, Ok(()));
                false
            }
            (Stage::Ready(_) | Stage::Jeopardy(_) | Stage::Draining(..), LeaseState::Gone)
            | (Stage::Ready(_) | Stage::Jeopardy(_), LeaseState::Stopping) => {
                // An end that was announced, or that nobody renewed, is no fault of the service.
                let is_no_fault = is_overdue || word.ended_by_node;
                self.lose(node, why, if is_no_fault { Loss::Gone } else { Loss::Crashed });
                true
            }
            (Stage::Ready(_) | Stage::Jeopardy(_), state) => {
                match (&word.reclaim, state) {
                    (Some(reclaim), _) => self.reclaimed(node, &reclaim.reason),
                    (None, LeaseState::Draining) => self.reclaimed(node, why),
                    (None, _) => {}
                }
                false
            }
            (Stage::Free | Stage::Starting(_) | Stage::Draining(..), _) => false,
        }
    }

    /// A lease of this front end that is not held here: it was let go while the node was silent, or an
    /// answer came too late. One that runs is taken up again. Any other is given back, so that it is not
    /// held for its whole time to live; and so is one whose end was begun here.
    fn heard_of_stray(&mut self, node: usize, word: &LeaseWord) {
        // While an order is under way the grant may be on its way here.
        let ordering = matches!(self.nodes[node].stage, Stage::Starting(_));
        if !word.state.is_live() || ordering || !self.nodes[node].reached {
            return;
        }
        let is_ended = self.ended.contains(&word.lease_id);
        if self.nodes[node].stage == Stage::Free && word.state.runs() && !is_ended {
            return self.ask_to_adopt(node);
        }
        self.tell(News::Stray { node, lease_id: word.lease_id.clone() });
        let lease = Lease {
            id: word.lease_id.clone(),
            epoch: word.epoch,
            token: String::new(),
            data_address: String::new(),
        };
        if self.nodes[node].stage == Stage::Free {
            self.end_lease(node, lease);
        } else {
            self.stop_and_release(node, lease.reference());
        }
    }

    pub(super) fn link_down(&mut self, node: usize, words: String) {
        if !matches!(self.nodes[node].link, Link::Down { .. }) {
            self.tell(News::Unreachable { node, words: words.clone() });
        }
        self.nodes[node].link = Link::Down { words };
    }

    /// Its machine says that no daemon listens there: what it held is gone.
    pub(super) fn link_refused(&mut self, node: usize, words: String) {
        self.link_down(node, words.clone());
        self.lose(node, &words, Loss::Gone);
        self.decide();
    }
}
