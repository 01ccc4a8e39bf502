//! Burning CPU time, as the work of a real service would: the processor's time is counted, not the
//! clock on the wall, so that two requests on one core take twice as long.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Sums between two looks at the clock, which is a system call: a few microseconds.
const STEPS: u64 = 2_000;

/// Tells the burning thread that nobody waits any more.
struct Abandon(Arc<AtomicBool>);

/// Burns that much CPU time on a thread for blocking work. Dropped: the burning ends at once.
pub(super) async fn burn(span: Duration) {
    let abandoned = Arc::new(AtomicBool::new(false));
    let abandon = Abandon(abandoned.clone());
    // It fails only when the runtime is going down, and then nobody reads the answer.
    let _ = tokio::task::spawn_blocking(move || burn_here(span, &abandoned)).await;
    drop(abandon);
}

fn burn_here(span: Duration, abandoned: &AtomicBool) {
    let end = thread_time() + span;
    while thread_time() < end && !abandoned.load(Ordering::Relaxed) {
        let mut sum = 0_u64;
        for step in 0..STEPS {
            sum = black_box(sum.wrapping_mul(31).wrapping_add(step));
        }
        black_box(sum);
    }
}

/// The CPU time this thread has used.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn it_burns_the_cpu_time_it_is_asked_for() {
        let before = thread_time();
        burn_here(Duration::from_millis(20), &AtomicBool::new(false));
        let burnt = thread_time() - before;
        assert!(burnt >= Duration::from_millis(20), "{burnt:?}");
    }

    #[test]
    fn abandoned_it_ends_long_before_its_time() {
        let began = Instant::now();
        burn_here(Duration::from_secs(3600), &AtomicBool::new(true));
        assert!(began.elapsed() < Duration::from_secs(60));
    }
}
