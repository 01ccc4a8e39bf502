//! An open-loop client: requests leave when they are due, whether or not the earlier ones have been
//! answered, and each latency counts from the due time to the last byte of the answer.
//!
//! One thread on epoll, because it must share a CPU with the origin and still send on time: a timer
//! of the kernel wakes it, for those of an async runtime are a millisecond coarse. Here is what is to be
//! sent; `open_loop` sends it by the `schedule`, over `connections`, and answers with `timings`.

mod answer;
mod aside;
mod connections;
mod open_loop;
mod pace;
mod schedule;
#[cfg(test)]
mod tests;
mod timer;
mod timings;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

pub(crate) use answer::{Answer, State};
pub(crate) use aside::{Aside, aside};
use open_loop::OpenLoop;
pub(crate) use pace::{Pace, Segment, Spacing};
pub(crate) use timings::{Outcome, Timings, quantile};

/// How long the last answers may take, where there is no reason for another time.
pub(crate) const GRACE: Duration = Duration::from_secs(5);

/// What is to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) target: SocketAddr,
    /// What is asked for, in turn, and from the first one on again after the last: like `/1024`.
    pub(crate) paths: Vec<String>,
    pub(crate) pace: Pace,
    /// Whether connections are kept, or each request has its own.
    pub(crate) is_kept: bool,
    /// How long after the end of the pace an answer may still come.
    pub(crate) grace: Duration,
}

/// Sends all of it and waits for the answers; ends early once `halt` is set.
///
/// # Errors
/// The target cannot be reached at all, there is nothing to ask for, or there are no descriptors left.
pub(crate) fn run(job: Job, halt: &AtomicBool) -> io::Result<Timings> {
    OpenLoop::new(job)?.run(halt)
}

/// The request for what is at `path`.
pub(crate) fn request(target: SocketAddr, path: &str, is_kept: bool) -> Vec<u8> {
    let close = if is_kept { "" } else { "Connection: close\r\n" };
    format!("GET {path} HTTP/1.1\r\nHost: {target}\r\n{close}\r\n").into_bytes()
}
