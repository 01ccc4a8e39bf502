//! Has the learner look at the copies while `capacity` is "auto", and the door go by what it has learned.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};

use crate::door::Door;
use crate::learner::Learner;

/// How often the copies are looked at: a probe lasts half a second at least.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// K is told when it has changed by that share since it was told last.
const TOLD: f64 = 0.2;

/// Learns as long as it is let run, whenever it is to.
pub(crate) async fn learn(door: Arc<Door>) {
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let born = Instant::now();
    let (mut learner, mut told) = (None, 0.0);
    let mut new_terms = door.new_terms();
    loop {
        look.tick().await;
        let Some(k) = door.learned() else {
            learner = None;
            door.excuse_queue(false);
            // Where K is written there is nothing to look at. The door, which would say otherwise, is there.
            new_terms.changed().await.unwrap_or_default();
            continue;
        };
        // It begins anew where the door has a better guess than it.
        let known = learner.take().filter(|learner: &Learner| door.has_learned() || learner.k() == k);
        let mut learning = known.unwrap_or_else(|| Learner::new(k));
        learning.look(born.elapsed(), &door.seen(), &door.queue_seen());
        // Before the first can wait for it.
        door.excuse_queue(learning.excuses_queue());
        door.learn(learning.k(), learning.has_learned(), learning.held());
        if learning.has_learned() && (learning.k() - told).abs() > TOLD * told {
            told = learning.k();
            tracing::info!(capacity = (told * 10.0).round() / 10.0, "learned how much a copy handles well");
        }
        learner = Some(learning);
    }
}

#[cfg(test)]
mod tests {
    use cluster::config::sample;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_better_guess_is_begun_at_and_what_is_written_is_left_alone() {
        let service = |capacity: &str| {
            let text = sample(1, "").replace("capacity = 8", &format!("capacity = {capacity}"));
            cluster::config::parse("cluster.toml", &text).unwrap().services.remove(0)
        };
        let (door, _lost) = Door::new(&service("\"auto\""));
        let learning = tokio::spawn(learn(Arc::clone(&door)));
        let a_second = || tokio::time::sleep(Duration::from_secs(1));
        a_second().await;
        assert_eq!((door.local().capacity(), door.has_learned()), (20.0, false));
        door.suggest(6.5);
        a_second().await;
        assert_eq!((door.local().capacity(), door.has_learned()), (6.5, false));
        door.set_terms(&service("9"));
        door.excuse_queue(true);
        a_second().await;
        assert_eq!((door.local().capacity(), door.excuses_queue()), (9.0, false));
        learning.abort();
    }
}
