//! The guard's loop: it waits for the service to end, for an order to end it, or for the daemon's
//! death, and then ends every process of the service. A plain loop on poll(2).

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, getpid, wait};

use super::orders::{Heard, Orders};
use super::wire::{Order, Report};
use super::{service, tree};
use crate::sys;

/// From SIGTERM to SIGKILL where nobody says otherwise: the daemon died, or the main process ended
/// and left others behind. All has to be over 4 s after the daemon's death.
const GRACE: Duration = Duration::from_secs(2);

/// No order may ask for more.
const GRACE_MAX: Duration = Duration::from_secs(24 * 3600);

/// Between two rounds of SIGKILL, for as long as something is left.
const KILL_ROUND: Duration = Duration::from_millis(20);

/// A guard at work.
pub(super) struct Watch {
    main: Pid,
    children: OwnedFd,
    orders: Orders,
    is_daemon_gone: bool,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The main process runs.
    Running,
    /// Every process was asked to end and may take until then.
    Terminating { until: Instant },
    /// Whatever is left is killed.
    Killing,
}

impl Watch {
    /// Starts the service. One that cannot be run is reported, and not an error.
    pub(super) fn begin(command: &[OsString]) -> io::Result<Option<Self>> {
        let children = sys::child_signals()?;
        match service::start(command) {
            Ok(main) => {
                report(Report::Pid(main.as_raw_pid().unsigned_abs()));
                let orders = Orders::new();
                Ok(Some(Self { main, children, orders, is_daemon_gone: false, phase: Phase::Running }))
            }
            Err(error) => {
                report(Report::NotRun(error.raw_os_error().unwrap_or(0)));
                report(Report::Gone);
                Ok(None)
            }
        }
    }

    /// Returns when no process of the service is left.
    pub(super) fn run(mut self) -> io::Result<()> {
        while self.collect()? {
            match self.phase {
                Phase::Terminating { until } if Instant::now() >= until => self.phase = Phase::Killing,
                Phase::Running | Phase::Terminating { .. } | Phase::Killing => {}
            }
            if self.phase == Phase::Killing {
                tree::signal_below(getpid(), Signal::KILL);
            }
            self.wait()?;
        }
        report(Report::Gone);
        Ok(())
    }

    /// Collects the children that ended; says whether there still are any. While there are none,
    /// there is nothing below them either: an orphan would have become ours.
    fn collect(&mut self) -> io::Result<bool> {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if pid == self.main => self.main_ended(status),
                Ok(Some(_)) | Err(Errno::INTR) => {}
                Ok(None) => return Ok(true),
                Err(Errno::CHILD) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn main_ended(&mut self, status: WaitStatus) {
        if let Some(code) = status.exit_status() {
            report(Report::Exited(code));
        } else if let Some(signal) = status.terminating_signal() {
            report(Report::Signal(signal));
        }
        // Where a stop was ordered, the others keep the grace that was given to all.
        if self.phase == Phase::Running {
            self.end_within(GRACE);
        }
    }

    /// Asks every process to end, unless that was done before, and sets the end of its grace,
    /// unless an earlier one is set.
    fn end_within(&mut self, grace: Duration) {
        let until = Instant::now() + grace.min(GRACE_MAX);
        match self.phase {
            Phase::Running => {
                self.phase = Phase::Terminating { until };
                tree::signal_below(getpid(), Signal::TERM);
                // A stopped process hears it only when it goes on.
                tree::signal_below(getpid(), Signal::CONT);
            }
            Phase::Terminating { until: set } => self.phase = Phase::Terminating { until: until.min(set) },
            Phase::Killing => {}
        }
    }

    /// Waits for a child's end, for the daemon, or for the end of the phase.
    fn wait(&mut self) -> io::Result<()> {
        let timeout = match self.phase {
            Phase::Running => None,
            Phase::Terminating { until } => Some(until.saturating_duration_since(Instant::now())),
            Phase::Killing => Some(KILL_ROUND),
        };
        let timeout =
            timeout.map(|timeout| Timespec::try_from(timeout).expect("no grace is longer than GRACE_MAX"));
        let mut files = vec![PollFd::new(&self.children, PollFlags::IN)];
        let stdin = self.orders.as_fd();
        if !self.is_daemon_gone {
            files.push(PollFd::new(&stdin, PollFlags::IN));
        }
        match poll(&mut files, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let has_heard = files.get(1).is_some_and(|file| !file.revents().is_empty());
        drop(files);
        self.drain_child_signals();
        if has_heard {
            self.hear();
        }
        Ok(())
    }

    fn hear(&mut self) {
        match self.orders.hear() {
            Heard::Nothing => {}
            Heard::Order(Order::Stop(grace)) => self.end_within(grace),
            Heard::DaemonGone => {
                self.is_daemon_gone = true;
                self.end_within(GRACE);
            }
        }
    }

    /// What is read here says only that `collect` has something to do.
    fn drain_child_signals(&self) {
        let mut bytes = [0; 1024];
        while matches!(rustix::io::read(self.children.as_fd(), &mut bytes), Ok(count) if count > 0) {}
    }
}

/// The daemon may be gone; then nobody needs to know.
fn report(report: Report) {
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{report}").and_then(|()| stdout.flush());
}
