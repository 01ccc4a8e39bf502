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
    loop {
        look.tick().await;
        let Some(k) = door.learned() else {
            learner = None;
            continue;
        };
        // It begins anew where the door has a better guess than it.
        let known = learner.take().filter(|learner: &Learner| door.has_learned() || learner.k() == k);
        let mut learning = known.unwrap_or_else(|| Learner::new(k));
        learning.look(born.elapsed(), &door.seen());
        door.learn(learning.k(), learning.has_learned(), learning.probed());
        if learning.has_learned() && (learning.k() - told).abs() > TOLD * told {
            told = learning.k();
            tracing::info!(capacity = (told * 10.0).round() / 10.0, "learned how much a copy handles well");
        }
        learner = Some(learning);
    }
}
