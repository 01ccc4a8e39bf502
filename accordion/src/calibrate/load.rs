//! One step of the load: so many requests in flight all the time, for so long. A closed loop on a thread of its own,
//! whose CPU time says whether it is the client that limits.
//!
//! The benchmarks' client on epoll knows the answers of the benchmarks' own origin. A service of a user's answers in
//! chunks, with HTTP/1.0 or with HTTP/2, closes connections and redirects: hyper reads all of that, and a closed loop has
//! no due times that a timer could miss.

mod connection;
mod tally;

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cluster::config::UpstreamProtocol;
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep, timeout};

use super::curve::Sample;
use connection::Connection;
use tally::Tally;

/// Before the measurement the load is given for this part of its length, at most so long.
const WARM_UP_PART: u32 = 4;
const WARM_UP_MAX: Duration = Duration::from_secs(1);

/// A step goes on until each place has been answered twice, but not longer than so many times its length, and than this:
/// a connection that a short queue had no room for is tried again after a second.
const ANSWERS_EACH: u64 = 2;
const LENGTHS_MAX: u32 = 5;
const PATIENCE_MIN: Duration = Duration::from_secs(2);

/// How often it looks whether it is over, or no longer wanted.
const LOOK: Duration = Duration::from_millis(10);

/// How long requests may still take that are on their way at the end, so that they do not disturb the next step.
const DRAIN: Duration = Duration::from_secs(1);

/// After a failed request; who refuses must not be asked as fast as this thread can.
const FAILURE_PAUSE: Duration = Duration::from_millis(20);

/// What is to be given.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) address: SocketAddr,
    pub(super) protocol: UpstreamProtocol,
    /// Asked for in turn; at least one.
    pub(super) paths: Vec<String>,
    pub(super) in_flight: u32,
    pub(super) length: Duration,
}

/// Gives it; `None` once `halt` is set.
///
/// # Errors
/// There is no thread to be had, or no descriptors.
pub(super) fn give(job: &Job, halt: &AtomicBool) -> io::Result<Option<Sample>> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(LocalSet::new().block_on(&runtime, run(job, halt)))
}

async fn run(job: &Job, halt: &AtomicBool) -> Option<Sample> {
    let job = Rc::new(job.clone());
    let tally = Rc::new(RefCell::new(Tally::new(job.in_flight)));
    let patience = (job.length * LENGTHS_MAX).max(PATIENCE_MIN);
    let is_over = Rc::new(Cell::new(false));
    let mut places = JoinSet::new();
    for index in 0..job.in_flight as usize {
        places.spawn_local(place(index, Rc::clone(&job), Rc::clone(&tally), Rc::clone(&is_over)));
    }
    sleep((job.length / WARM_UP_PART).min(WARM_UP_MAX)).await;
    let (began, cpu) = (Instant::now(), thread_time());
    tally.borrow_mut().from = Some(began);
    loop {
        if halt.load(Ordering::Relaxed) {
            return None;
        }
        let lasted = began.elapsed();
        if lasted >= patience || (lasted >= job.length && tally.borrow().has_each(ANSWERS_EACH)) {
            break;
        }
        sleep(LOOK).await;
    }
    let (lasted, cpu) = (began.elapsed(), thread_time().saturating_sub(cpu));
    let tally = tally.replace(Tally::new(job.in_flight));
    is_over.set(true);
    // What is not answered by then is cut when the places are dropped.
    let _ = timeout(DRAIN, async { while places.join_next().await.is_some() {} }).await;
    Some(tally.sample(lasted, cpu))
}

/// Asks, and asks again as soon as it is answered.
async fn place(index: usize, job: Rc<Job>, tally: Rc<RefCell<Tally>>, is_over: Rc<Cell<bool>>) {
    let mut connection = Connection::new(job.address, job.protocol);
    for turn in index.. {
        if is_over.get() {
            return;
        }
        let began = Instant::now();
        let answer = connection.get(&job.paths[turn % job.paths.len()]).await;
        let is_good = answer.is_ok();
        tally.borrow_mut().take(index, answer, began);
        if !is_good {
            sleep(FAILURE_PAUSE).await;
        }
    }
}

/// The CPU time that this thread has used.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests;
