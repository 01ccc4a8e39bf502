//! The three pipes between a daemon and a guard: orders, reports, and what the service writes.

use std::io;
use std::os::fd::OwnedFd;

use tokio::net::unix::pipe::{Receiver, Sender};

/// The daemon's ends.
#[derive(Debug)]
pub(super) struct Pipes {
    pub(super) orders: Sender,
    pub(super) reports: Receiver,
    pub(super) output: Receiver,
}

impl Pipes {
    /// New ones, with the guard's ends: its stdin, stdout and stderr. These block, as programs expect.
    pub(super) fn new() -> io::Result<(Self, [OwnedFd; 3])> {
        let (stdin, orders) = io::pipe()?;
        let (reports, stdout) = io::pipe()?;
        let (output, stderr) = io::pipe()?;
        let pipes = Self {
            orders: Sender::from_owned_fd(orders.into())?,
            reports: Receiver::from_owned_fd(reports.into())?,
            output: Receiver::from_owned_fd(output.into())?,
        };
        Ok((pipes, [stdin.into(), stdout.into(), stderr.into()]))
    }
}
