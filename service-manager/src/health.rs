//! Who is healthy. A copy that was taken out because connects to it failed is probed with connects
//! until two in a row succeed, or until it has left its seat; `watch` counts the 5xx by which
//! `ejection` decides; here too new copies are warmed up.

pub(crate) mod ejection;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use relay::Upstream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::door::Door;
use crate::seat::Seat;

/// How long from probe to probe, and how long one may take.
const PROBE_EVERY: Duration = Duration::from_millis(250);
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// Good probes in a row that bring a copy back: one may be luck while a process is going down.
const GOOD_PROBES: u32 = 2;

/// How often the warmth of new copies is raised: a hundred steps in the default slow start of 10 s.
const WARM_EVERY: Duration = Duration::from_millis(100);

/// Brings back what is lost, puts out what fails and warms up what is new, as long as it is let run.
pub(crate) async fn bring_back(door: Arc<Door>, lost: mpsc::Receiver<Arc<Seat>>) {
    tokio::select! {
        () = probe_lost(&door, lost) => {}
        () = watch::watch(&door) => {}
        () = warm_up(&door) => {}
    }
}

/// Probes whatever seat comes.
async fn probe_lost(door: &Arc<Door>, mut lost: mpsc::Receiver<Arc<Seat>>) {
    let mut probes = JoinSet::new();
    loop {
        tokio::select! {
            seat = lost.recv() => match seat {
                Some(seat) => {
                    probes.spawn(probe(Arc::clone(door), seat));
                }
                None => return,
            },
            Some(_) = probes.join_next() => {}
        }
    }
}

/// Rests while every copy is warm.
async fn warm_up(door: &Door) {
    loop {
        if door.warm_up(Instant::now().into_std()) {
            tokio::time::sleep(WARM_EVERY).await;
        } else {
            door.warming_begun().await;
        }
    }
}

async fn probe(door: Arc<Door>, seat: Arc<Seat>) {
    let Some(upstream) = seat.upstream() else { return };
    let mut good = 0;
    while good < GOOD_PROBES {
        tokio::time::sleep(PROBE_EVERY).await;
        if !is_seated(&door, &seat, &upstream) {
            return;
        }
        let reached = tokio::time::timeout(PROBE_TIMEOUT, upstream.reach()).await;
        let answered = matches!(reached, Ok(Ok(())));
        good = if answered { good + 1 } else { 0 };
    }
    if door.bring_back(&seat) {
        tracing::info!(upstream = seat.name(), address = %upstream.address(), "answers again");
    }
}

fn is_seated(door: &Door, seat: &Arc<Seat>, upstream: &Arc<Upstream>) -> bool {
    let listed = Arc::ptr_eq(door.local(), seat)
        || door.list().children.iter().any(|child| Arc::ptr_eq(&child.seat, seat));
    listed && seat.upstream().is_some_and(|seated| seated.id() == upstream.id())
}
