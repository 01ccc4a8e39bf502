//! One step of the load: so many requests in flight all the time, for so long. A closed loop on a thread of its own,
//! whose CPU time says whether it is the client that limits.
//!
//! The benchmarks' client on epoll knows the answers of the benchmarks' own origin. A service of a user's answers in
//! chunks, with HTTP/1.0 or with HTTP/2, closes connections and redirects: hyper reads all of that, and a closed loop has
//! no due times that a timer could miss.

mod connection;

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

/// Before the measurement the load is given for this part of its length, at most so long.
const WARM_UP_PART: u32 = 4;
const WARM_UP_MAX: Duration = Duration::from_secs(1);

/// A step goes on until each of its requests has been answered twice, but not longer than so many times its length.
const ANSWERS_EACH: u64 = 2;
pub(super) const LENGTHS_MAX: u32 = 5;

/// How often it looks whether it is over, or no longer wanted.
const LOOK: Duration = Duration::from_millis(10);

/// How long requests may still take that are on their way at the end, so that they do not disturb the next step.
const DRAIN: Duration = Duration::from_secs(1);

/// After a failed request; who refuses must not be asked as fast as this thread can.
const FAILURE_PAUSE: Duration = Duration::from_millis(20);

/// Times kept of one step, 16 MiB; more would tell no more.
const TIMES_MAX: usize = 1 << 20;

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

/// What has come of it so far.
#[derive(Default)]
struct Tally {
    /// From when on it counts; `None`: it does not count yet.
    from: Option<Instant>,
    times: Vec<Duration>,
    good: u64,
    failed: u64,
    fault: Option<String>,
    /// From one good answer to the next in the same place, how often and how long in all.
    cycles: u64,
    cycling: Duration,
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
    let tally = Rc::<RefCell<Tally>>::default();
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
        let is_enough = tally.borrow().answers() >= ANSWERS_EACH * u64::from(job.in_flight);
        if lasted >= job.length && (is_enough || lasted >= job.length * LENGTHS_MAX) {
            break;
        }
        sleep(LOOK).await;
    }
    let (lasted, cpu) = (began.elapsed(), thread_time().saturating_sub(cpu));
    let tally = std::mem::take(&mut *tally.borrow_mut());
    is_over.set(true);
    // What is not answered by then is cut when the places are dropped.
    let _ = timeout(DRAIN, async { while places.join_next().await.is_some() {} }).await;
    Some(tally.sample(&job, lasted, cpu))
}

/// Asks, and asks again as soon as it is answered.
async fn place(index: usize, job: Rc<Job>, tally: Rc<RefCell<Tally>>, is_over: Rc<Cell<bool>>) {
    let mut connection = Connection::new(job.address, job.protocol);
    let mut last = None;
    for turn in index.. {
        if is_over.get() {
            return;
        }
        let began = Instant::now();
        let answer = connection.get(&job.paths[turn % job.paths.len()]).await;
        let is_good = answer.is_ok();
        tally.borrow_mut().take(answer, began, &mut last);
        if !is_good {
            sleep(FAILURE_PAUSE).await;
        }
    }
}

impl Tally {
    /// Of whichever kind.
    const fn answers(&self) -> u64 {
        self.good + self.failed
    }

    fn take(&mut self, answer: Result<(), String>, began: Instant, last: &mut Option<Instant>) {
        if self.from.is_none() {
            return;
        }
        if let Err(fault) = answer {
            self.failed += 1;
            self.fault.get_or_insert(fault);
            return;
        }
        let now = Instant::now();
        self.good += 1;
        if self.times.len() < TIMES_MAX {
            self.times.push(now - began);
        }
        if let Some(last) = last.replace(now) {
            self.cycles += 1;
            self.cycling += now - last;
        }
    }

    fn sample(mut self, job: &Job, lasted: Duration, cpu: Duration) -> Sample {
        self.times.sort_unstable();
        if self.answers() == 0 {
            self.failed = u64::from(job.in_flight);
            self.fault = Some(format!("no answer within {}", humantime::format_duration(rounded(lasted))));
        }
        Sample {
            in_flight: job.in_flight,
            per_second: self.per_second(job.in_flight, lasted),
            p50: quantile(&self.times, 0.5),
            p99: quantile(&self.times, 0.99),
            good: self.good,
            failed: self.failed,
            fault: self.fault,
            client_cpu: cpu.as_secs_f64() / lasted.as_secs_f64(),
        }
    }

    /// Of whole cycles: requests that begin or end outside the step are no error of it then, which counting the answers
    /// of a short step would make them.
    fn per_second(&self, in_flight: u32, lasted: Duration) -> f64 {
        if self.cycles < u64::from(in_flight) || self.cycling.is_zero() {
            return self.good as f64 / lasted.as_secs_f64();
        }
        f64::from(in_flight) * self.cycles as f64 / self.cycling.as_secs_f64()
    }
}

/// The time that this share of them does not exceed; zero of none.
fn quantile(sorted: &[Duration], share: f64) -> Duration {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

fn rounded(time: Duration) -> Duration {
    Duration::from_millis(time.as_millis().try_into().unwrap_or(u64::MAX))
}

/// The CPU time that this thread has used.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests;
