//! Requests that nobody can take yet: they wait in the queue, or are refused.

use std::sync::Weak;
use std::sync::atomic::Ordering;
use std::time::Duration;

use relay::{Pick, Refusal};

use super::{Attempt, Door, Look};
use crate::queue::Waiting;

/// How long a repeated request waits for a place elsewhere than where it was in vain: a dead copy is known by
/// then, since a connect to it fails, and one that lives is better than none.
const AVOIDING: Duration = Duration::from_secs(1);

impl Door {
    /// Gives free places to those who wait.
    pub(crate) fn hand_out(&self) {
        self.queue.hand_out(|avoid, attempt| self.take(avoid, Look::Quick, attempt));
    }

    pub(super) fn wait(&self, avoid: &[u64], attempt: Attempt) -> Pick {
        let was_empty = self.queue.is_empty();
        let Some(waiting) = self.queue.enter(attempt, avoid) else {
            if self.end_hold_for_who_is_refused()
                && let Some(place) = self.take(avoid, Look::Whole, attempt)
            {
                return Pick::Forward(place);
            }
            return self.refuse("queue-full", "the service is busy and its queue is full");
        };
        // A place that came free since the pick must not be missed.
        self.hand_out();
        self.mind_queue();
        if was_empty {
            self.queued.notify_one();
        }
        let (door, timeout) = (self.this.clone(), self.list.load().terms.queue_timeout);
        Pick::Wait(Box::pin(async move { granted(waiting, timeout, &door).await }))
    }

    fn refuse(&self, reason: &'static str, text: &'static str) -> Pick {
        self.refused.fetch_add(1, Ordering::Relaxed);
        Pick::Refuse(Refusal { status: 503, reason, text: text.into(), retry_after: Some(1), refused: false })
    }

    fn timed_out(&self) -> Pick {
        let list = self.list.load();
        let mut seats = list.first.seats.iter().chain(&list.last.seats).chain(std::iter::once(&self.local));
        if seats.any(|seat| seat.is_serving()) {
            self.refuse("queue-timeout", "the service is busy; no place came free in time")
        } else {
            self.refuse("no-upstream", "no copy of the service is ready")
        }
    }
}

async fn granted(mut waiting: Waiting, timeout: Duration, door: &Weak<Door>) -> Pick {
    let avoiding = AVOIDING.min(timeout);
    let mut granted = tokio::time::timeout(avoiding, &mut waiting).await;
    if granted.is_err() {
        waiting.forgive();
        if let Some(door) = door.upgrade() {
            door.hand_out();
        }
        granted = tokio::time::timeout(timeout - avoiding, waiting).await;
    }
    match granted {
        Ok(Some(place)) => Pick::Forward(place),
        Ok(None) | Err(_) => match door.upgrade() {
            Some(door) => door.timed_out(),
            None => Pick::Refuse(Refusal {
                status: 503,
                reason: "no-upstream",
                text: "the service is being stopped".into(),
                retry_after: Some(1),
                refused: false,
            }),
        },
    }
}
