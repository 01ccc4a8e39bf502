//! A load that no drain slips past unseen: short requests, and with them slow ones, each of which lasts
//! for several ticks, so that whoever ends a copy too early cuts one. Small enough for one node.

use std::net::SocketAddr;
use std::time::Duration;

use crate::arrivals::{Arrivals, Tally};

/// Short requests a second, and how long each keeps a place: 1.2 in flight. With the slow one they are odd
/// in number, so that it goes to the one and to the other of two nodes that take them in turn.
const SHORT_PER_SECOND: u32 = 6;
const SHORT_MS: u32 = 200;

/// Slow ones a second.
const SLOW_PER_SECOND: u32 = 1;

/// Both kinds.
pub struct Steady {
    short: Arrivals,
    slow: Arrivals,
}

impl Steady {
    /// From now on; the slow ones keep a place for `slow`.
    pub fn start(address: SocketAddr, slow: Duration) -> Self {
        let slow_ms = u32::try_from(slow.as_millis()).expect("a request of a test is short");
        Self {
            short: Arrivals::start(address, SHORT_PER_SECOND, SHORT_MS),
            slow: Arrivals::start(address, SLOW_PER_SECOND, slow_ms),
        }
    }

    /// Waits until every request sent so far has ended, and some that came after them.
    pub fn wait_on(&self, limit: Duration) {
        self.slow.wait_on(limit);
        self.short.wait_on(limit);
    }

    /// Sends no more, waits for what is in flight, and says what became of all.
    pub fn finish(self) -> Tally {
        self.short.finish().with(self.slow.finish())
    }
}
