//! The loop: gives each request a connection when it is due, and waits for what the connections tell.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::Job;
use super::connections::Connections;
use super::schedule::Schedule;
use super::timer::Timer;
use super::timings::Timings;

/// One load while it is given.
pub(super) struct OpenLoop {
    job: Job,
    connections: Connections,
    timer: Timer,
    /// Due and not sent yet, because every connection is taken.
    waiting: VecDeque<Order>,
}

/// One request that is to be sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    pub(super) due: Duration,
    /// Which of the job's paths.
    pub(super) path: usize,
}

impl OpenLoop {
    pub(super) fn new(job: Job) -> io::Result<Self> {
        if job.paths.is_empty() {
            return Err(io::Error::new(ErrorKind::InvalidInput, "no path is asked for"));
        }
        let timer = Timer::new()?;
        let connections = Connections::new(&job, &timer)?;
        Ok(Self { job, connections, timer, waiting: VecDeque::new() })
    }

    /// Until the last answer has come, or should have. Once `halt` is set nothing more is due, and what is on its way
    /// ends as it would have.
    pub(super) fn run(mut self, halt: &AtomicBool) -> io::Result<Timings> {
        let mut end = self.job.pace.length() + self.job.grace;
        let mut is_halted = false;
        let mut schedule = Schedule::new(self.job.pace.clone()).peekable();
        let mut paths = (0..self.job.paths.len()).cycle();
        loop {
            let now = self.connections.began().elapsed();
            if !is_halted && halt.load(Ordering::Relaxed) {
                is_halted = true;
                end = end.min(now + self.job.grace);
            }
            while let Some(due) = schedule.next_if(|due| !is_halted && *due <= now) {
                self.waiting.extend(paths.next().map(|path| Order { due, path }));
            }
            self.send_waiting()?;
            let next = schedule.peek().copied().filter(|_| !is_halted);
            if next.is_none() && self.waiting.is_empty() && self.connections.taken() == 0 {
                break;
            }
            if now > end {
                self.connections.give_up(self.waiting.iter().map(|order| order.due));
                break;
            }
            if let Some(due) = next {
                self.timer.wake_at(due, self.connections.began())?;
            }
            self.connections.wait()?;
        }
        Ok(self.connections.timings())
    }

    /// Gives each waiting request a connection, as long as there are free ones.
    fn send_waiting(&mut self) -> io::Result<()> {
        while let Some(order) = self.waiting.front().copied() {
            if !self.connections.send(order)? {
                return Ok(());
            }
            self.waiting.pop_front();
        }
        Ok(())
    }
}
