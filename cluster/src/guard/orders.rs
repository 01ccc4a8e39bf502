//! The daemon's end of the pipe that is a guard's stdin: its orders, and its death.

use std::io::{self, Stdin};
use std::os::fd::{AsFd, BorrowedFd};

use super::wire::Order;

/// An order is a short line. A longer one is no order, and what came of it is dropped.
const LINE_BYTES_MAX: usize = 64;

/// Reads orders as they come.
pub(super) struct Orders {
    stdin: Stdin,
    line: Vec<u8>,
}

/// What the pipe said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// Nothing that is whole.
    Nothing,
    /// The daemon wants this.
    Order(Order),
    /// There is no daemon any more.
    DaemonGone,
}

impl Orders {
    pub(super) fn new() -> Self {
        Self { stdin: io::stdin(), line: Vec::new() }
    }

    /// What to poll; it is readable when `hear` has something to read.
    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.stdin.as_fd()
    }

    /// Reads what is there, once. The last whole order in it counts.
    pub(super) fn hear(&mut self) -> Heard {
        let mut bytes = [0; LINE_BYTES_MAX];
        match rustix::io::read(self.stdin.as_fd(), &mut bytes) {
            Ok(0) => Heard::DaemonGone,
            Ok(count) => self.take(&bytes[..count]),
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => Heard::Nothing,
            Err(_) => Heard::DaemonGone,
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Heard {
        let mut heard = Heard::Nothing;
        for &byte in bytes {
            if byte != b'\n' {
                self.line.truncate(LINE_BYTES_MAX);
                self.line.push(byte);
                continue;
            }
            let line = std::mem::take(&mut self.line);
            if let Some(order) = str::from_utf8(&line).ok().and_then(|line| line.parse().ok()) {
                heard = Heard::Order(order);
            }
        }
        heard
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Heard, Orders};
    use crate::guard::wire::Order;

    #[test]
    fn an_order_may_come_in_pieces_and_after_garbage() {
        let mut orders = Orders::new();
        assert_eq!(orders.take(b"what?\nstop 2"), Heard::Nothing);
        assert_eq!(orders.take(b"50\n"), Heard::Order(Order::Stop(Duration::from_millis(250))));
        assert_eq!(orders.take(&[b'x'; 1000]), Heard::Nothing);
        assert_eq!(orders.take(b"\n"), Heard::Nothing);
    }
}
