//! The kernel's timer: an epoll is woken by it on time.

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::Timespec;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime,
};

/// A timer for one due time at a time.
pub(super) struct Timer {
    fd: OwnedFd,
    armed: Option<Duration>,
}

impl Timer {
    pub(super) fn new() -> io::Result<Self> {
        let fd = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
        Ok(Self { fd, armed: None })
    }

    /// What an epoll watches.
    pub(super) const fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// Wakes so long after `began`; a time that has passed is as soon as can be. Said again, it does nothing.
    pub(super) fn wake_at(&mut self, due: Duration, began: Instant) -> io::Result<()> {
        if self.armed == Some(due) {
            return Ok(());
        }
        let wait = due.saturating_sub(began.elapsed()).max(Duration::from_nanos(1));
        let it_value = Timespec { tv_sec: wait.as_secs().cast_signed(), tv_nsec: wait.subsec_nanos().into() };
        let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value };
        timerfd_settime(&self.fd, TimerfdTimerFlags::empty(), &once)?;
        self.armed = Some(due);
        Ok(())
    }
}
