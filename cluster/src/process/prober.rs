//! Whether a running copy may be sent requests: it is asked each second, and a single answer
//! changes nothing.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use super::ended;
use super::guarded::Life;
use super::probe::Probe;

/// Between two probes.
const PERIOD: Duration = Duration::from_secs(1);

/// Opposite results in a row that change the answer.
const OPPOSITE_MAX: u32 = 3;

/// The answer so far, and how many results in a row speak against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Readiness {
    is_ready: bool,
    opposite: u32,
}

impl Readiness {
    /// Takes one result; says whether that changed the answer.
    fn take(&mut self, is_good: bool) -> bool {
        self.opposite = if is_good == self.is_ready { 0 } else { self.opposite + 1 };
        if self.opposite < OPPOSITE_MAX {
            return false;
        }
        *self = Self { is_ready: is_good, opposite: 0 };
        true
    }
}

/// Probes until the copy ends, which makes it not ready.
pub(super) async fn watch_over(
    service: String,
    probe: Probe,
    mut life: watch::Receiver<Life>,
    ready: watch::Sender<bool>,
) {
    tokio::select! {
        _ = ended(&mut life) => {}
        () = keep_probing(&service, &probe, &ready) => {}
    }
    ready.send_replace(false);
}

async fn keep_probing(service: &str, probe: &Probe, ready: &watch::Sender<bool>) {
    let mut readiness = Readiness { is_ready: true, opposite: 0 };
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick is due at once, and the copy has just answered.
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let result = probe.once().await;
        if !readiness.take(result.is_ok()) {
            continue;
        }
        match result {
            Ok(()) => info!(service, %probe, "service is ready again"),
            Err(miss) => warn!(service, %probe, %miss, "service is no longer ready"),
        }
        ready.send_replace(readiness.is_ready);
    }
}

#[cfg(test)]
mod tests {
    use super::Readiness;

    #[test]
    fn only_three_opposite_results_in_a_row_change_the_answer() {
        let mut readiness = Readiness { is_ready: true, opposite: 0 };
        let changes = [false, false, true, false, false, false, false, true, true, true]
            .map(|good| readiness.take(good));
        assert_eq!(changes, [false, false, false, false, false, true, false, false, false, true]);
        assert!(readiness.is_ready);
    }
}
