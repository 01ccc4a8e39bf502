//! An open-loop client: requests leave when they are due, whether or not the earlier ones have been
//! answered, and each latency counts from the due time to the last byte of the answer.
//!
//! One thread on epoll, because it must share a CPU with the origin and still send on time: a timer
//! of the kernel wakes it, for those of an async runtime are a millisecond coarse. Here is what is to be
//! sent; `open_loop` sends it by the `schedule`, over `connections`, and answers with `timings`.

mod answer;
mod connections;
mod open_loop;
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
use open_loop::OpenLoop;
pub(crate) use timings::Timings;

/// What is to be sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Job {
    pub(crate) target: SocketAddr,
    /// The size of the answers, which is also their name.
    pub(crate) bytes: usize,
    /// Requests a second.
    pub(crate) rate: f64,
    pub(crate) length: Duration,
    /// Whether connections are kept, or each request has its own.
    pub(crate) is_kept: bool,
}

/// Sends all of it and waits for the answers; ends early once `halt` is set.
///
/// # Errors
/// The target cannot be reached at all, or there are no descriptors left.
pub(crate) fn run(job: Job, halt: &AtomicBool) -> io::Result<Timings> {
    OpenLoop::new(job)?.run(halt)
}

/// The request for a file of that size.
pub(crate) fn request(target: SocketAddr, bytes: usize, is_kept: bool) -> Vec<u8> {
    let close = if is_kept { "" } else { "Connection: close\r\n" };
    format!("GET /{bytes} HTTP/1.1\r\nHost: {target}\r\n{close}\r\n").into_bytes()
}
