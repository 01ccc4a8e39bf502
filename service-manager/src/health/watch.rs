//! Counts the answers of each copy, window by window, and carries out what `ejection` makes of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};

use super::ejection::{Ejection, Finding, Limits, Seen, Verdict};
use crate::child_list::ChildState;
use crate::door::Door;
use crate::seat::Seat;

/// A window, and the looks at the requests in flight that make its mean.
const WINDOW: Duration = Duration::from_secs(1);
const LOOKS: u32 = 5;

/// Watches as long as it is let run.
pub(super) async fn watch(door: &Door) {
    let mut new_terms = door.new_terms();
    loop {
        match door.ejection() {
            Some(limits) => Watch::new(limits).run(door, WINDOW).await,
            // The door, which would say otherwise, is there.
            None => new_terms.changed().await.unwrap_or_default(),
        }
    }
}

struct Watch {
    ejection: Ejection,
    counted: HashMap<u64, Counted>,
}

/// What was counted of one copy.
#[derive(Debug, Default)]
struct Counted {
    // Answers by class when the window began; none before the first window.
    before: Option<[u64; 5]>,
    load_sum: f64,
    looks: u32,
}

impl Watch {
    fn new(limits: Limits) -> Self {
        Self { ejection: Ejection::new(limits), counted: HashMap::new() }
    }

    /// Until copies are not put out any more.
    async fn run(mut self, door: &Door, window: Duration) {
        let mut look = tokio::time::interval(window / LOOKS);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            for _ in 0..LOOKS {
                look.tick().await;
                self.look(door);
            }
            let Some(limits) = door.ejection() else {
                door.eject(|_| false);
                return;
            };
            self.ejection.set_limits(limits);
            self.judge(door, Instant::now().into_std());
        }
    }

    fn look(&mut self, door: &Door) {
        for (_, upstream) in seats(door).iter().filter_map(|seat| Some((seat, seat.upstream()?))) {
            let counted = self.counted.entry(upstream.id()).or_default();
            counted.load_sum += upstream.load();
            counted.looks += 1;
        }
    }

    fn judge(&mut self, door: &Door, now: std::time::Instant) {
        let seats = seats(door);
        let seen: Vec<_> = seats.iter().filter_map(|seat| self.seen(seat)).collect();
        self.counted.retain(|key, _| seen.iter().any(|seen| seen.key == *key));
        let findings = self.ejection.look(now, &seen);
        door.eject(|upstream| self.ejection.is_out(upstream));
        for finding in findings.iter().filter(|finding| finding.is_news) {
            let at = |seat: &&Arc<Seat>| seat.upstream().is_some_and(|upstream| upstream.id() == finding.key);
            if let Some(seat) = seats.iter().find(at) {
                tell(seat, finding);
            }
        }
    }

    /// What the window that ends here showed of who sits there.
    fn seen(&mut self, seat: &Seat) -> Option<Seen> {
        let upstream = seat.upstream()?;
        let counted = self.counted.entry(upstream.id()).or_default();
        let by_class = upstream.totals().by_class;
        let before = counted.before.replace(by_class).unwrap_or_default();
        let [.., errors] = by_class;
        let [.., errors_before] = before;
        let load =
            std::mem::take(&mut counted.load_sum) / f64::from(std::mem::take(&mut counted.looks).max(1));
        Some(Seen {
            key: upstream.id(),
            answers: by_class.iter().sum::<u64>() - before.iter().sum::<u64>(),
            errors: errors - errors_before,
            load,
            capacity: seat.capacity(),
            is_serving: seat.is_serving(),
        })
    }
}

/// Those who may be put out: the ready children, and the local copy where it serves beside them.
fn seats(door: &Door) -> Vec<Arc<Seat>> {
    let list = door.list();
    let ready = list.children.iter().filter(|child| child.spec.state == ChildState::Ready);
    let local = door.is_local_a_child().then(|| Arc::clone(door.local()));
    local.into_iter().chain(ready.map(|child| Arc::clone(&child.seat))).collect()
}

fn tell(seat: &Seat, finding: &Finding) {
    let upstream = seat.name();
    match finding.verdict {
        Verdict::Ejected { share, time, times } => {
            let (percent, time_s) = ((share * 100.0).round(), time.as_secs_f64());
            tracing::warn!(upstream, percent_5xx = percent, time_s, times, "out because of its 5xx");
        }
        Verdict::Kept(why) => tracing::warn!(upstream, ?why, "answers with 5xx, but is kept"),
        Verdict::Back(why) => tracing::info!(upstream, ?why, "in again after its 5xx"),
        Verdict::Quiet | Verdict::Good | Verdict::Failing(_) | Verdict::Out(_) => {}
    }
}

#[cfg(test)]
mod tests;
