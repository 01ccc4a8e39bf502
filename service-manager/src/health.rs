//! Brings a copy back that was taken out because connects to it failed: it is probed with connects
//! until two in a row succeed, or until it has left its seat.

use std::sync::Arc;
use std::time::Duration;

use relay::Upstream;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::door::Door;
use crate::seat::Seat;

/// How long from probe to probe, and how long one may take.
const PROBE_EVERY: Duration = Duration::from_millis(250);
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// Good probes in a row that bring a copy back: one may be luck while a process is going down.
const GOOD_PROBES: u32 = 2;

/// Probes whatever seat comes, as long as it is let run.
pub(crate) async fn bring_back(door: Arc<Door>, mut lost: mpsc::Receiver<Arc<Seat>>) {
    let mut probes = JoinSet::new();
    loop {
        tokio::select! {
            seat = lost.recv() => match seat {
                Some(seat) => {
                    probes.spawn(probe(Arc::clone(&door), seat));
                }
                None => return,
            },
            Some(_) = probes.join_next() => {}
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
        let connect = TcpStream::connect(upstream.address());
        let answered = matches!(tokio::time::timeout(PROBE_TIMEOUT, connect).await, Ok(Ok(_)));
        good = if answered { good + 1 } else { 0 };
    }
    if seat.set_out(false) {
        tracing::info!(upstream = seat.name(), address = %upstream.address(), "answers again");
        door.hand_out();
    }
}

fn is_seated(door: &Door, seat: &Arc<Seat>, upstream: &Arc<Upstream>) -> bool {
    let listed = Arc::ptr_eq(door.local(), seat)
        || door.list().children.iter().any(|child| Arc::ptr_eq(&child.seat, seat));
    listed && seat.upstream().is_some_and(|seated| seated.id() == upstream.id())
}
