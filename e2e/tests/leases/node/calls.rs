//! What is asked of a node: a reservation is answered at once, other calls when the book says so.

use std::task::Poll;

use task_processor::lease::{self, Book, LeaseId, LeaseRef, Progress, Token, Wish};

use super::{Node, Sender};
use crate::wire::{self, Ask, Reply, ToManager};
use e2e::dice::Dice;

/// A call whose answer is not known yet.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) manager: usize,
    pub(super) call: u64,
    pub(super) step: u32,
    ask: Ask,
}

impl Node {
    pub(super) fn call(&mut self, from: &Sender, call: u64, step: u32, ask: Ask, dice: &mut Dice) {
        if let Ask::Reserve { request_id, reclaim } = &ask {
            let reply = self.reserve(from, request_id.clone(), *reclaim, dice);
            return self.say(from.manager, ToManager::Answer { call, step, reply });
        }
        if let Ask::Adopt = &ask {
            // One that is superseded hears so on its stream.
            let reply = self.adopt(from, dice).map_or(Reply::Broken, Reply::Adopted);
            return self.say(from.manager, ToManager::Answer { call, step, reply });
        }
        let lease = lease_of(&ask).clone();
        let known = self.book.lease(&lease.id).map(|known| known.epoch);
        let is_stale = known.is_some_and(|epoch| epoch != lease.epoch);
        let before = is_stale.then(|| self.picture());
        if known == Some(lease.epoch) {
            self.touch(&lease.id);
        }
        let now = self.local();
        let progress = match &ask {
            Ask::Start(lease) => self.book.start(lease),
            Ask::Drain(lease) => self.book.drain(now, lease),
            Ask::Undrain(lease) => Poll::Ready(self.book.undrain(now, lease)),
            Ask::Stop(lease) => self.book.stop(lease),
            Ask::Release(lease) => self.book.release(lease),
            Ask::Adopt | Ask::Reserve { .. } => return,
        };
        self.is_untouched(before, matches!(progress, Poll::Ready(Err(_))));
        if let Poll::Ready(Err(refusal)) = &progress {
            let reply = Reply::Done(Err(refusal.to_string()));
            self.settle(dice);
            return self.say(from.manager, ToManager::Answer { call, step, reply });
        }
        self.waiting.push(Waiting { manager: from.manager, call, step, ask });
        self.settle(dice);
    }

    fn reserve(
        &mut self,
        from: &Sender,
        request_id: String,
        reclaim: Option<lease::ReclaimWish>,
        dice: &mut Dice,
    ) -> Reply {
        self.named += 1;
        let name = format!("{}-{}-{}", self.name, self.life, self.named);
        let wish = Wish {
            holder: from.holder.clone(),
            incarnation: from.incarnation,
            request_id,
            id: LeaseId(name.clone()),
            token: Token::new(name),
            reclaim,
        };
        let is_stale = self.is_superseded(from);
        let before = is_stale.then(|| self.picture());
        let now = self.local();
        let answer = self.book.reserve(now, wish);
        self.is_untouched(before, answer.is_err());
        self.settle(dice);
        if !is_stale {
            self.speaks(from);
        }
        match answer {
            Ok(grant) => {
                self.is_saved(grant.lease.epoch);
                if self.book.lease(&grant.lease.id).is_some() {
                    self.touch(&grant.lease.id);
                }
                Reply::Granted(wire::granted(grant, self.data_address.clone()))
            }
            Err(denial) => Reply::Denied {
                words: denial.detail,
                retry_after: denial.retry_after,
                reclaiming: denial.reclaiming,
            },
        }
    }

    pub(super) fn answer(&mut self) {
        let book = &self.book;
        let answered = self.waiting.extract_if(.., |waiting| progress(book, &waiting.ask).is_ready());
        for Waiting { manager, call, step, ask } in answered.collect::<Vec<_>>() {
            if let Poll::Ready(result) = progress(&self.book, &ask) {
                let reply = Reply::Done(result.map_err(|refusal| refusal.to_string()));
                self.say(manager, ToManager::Answer { call, step, reply });
            }
        }
    }
}

fn lease_of(ask: &Ask) -> &LeaseRef {
    match ask {
        Ask::Start(lease) | Ask::Drain(lease) | Ask::Undrain(lease) | Ask::Stop(lease) => lease,
        Ask::Release(lease) => lease,
        Ask::Adopt | Ask::Reserve { .. } => unreachable!("it names no lease"),
    }
}

fn progress(book: &Book, ask: &Ask) -> Progress {
    match ask {
        Ask::Start(lease) => book.start_progress(lease),
        Ask::Drain(lease) => book.drain_progress(lease),
        Ask::Undrain(_) | Ask::Adopt | Ask::Reserve { .. } => Poll::Ready(Ok(())),
        Ask::Stop(lease) => book.stop_progress(lease),
        Ask::Release(lease) => book.release_progress(lease),
    }
}
