//! Three kinds of clients at once: a connection each, kept connections, and bodies that go up.

use std::net::SocketAddr;

use super::{Load, Request};

/// The three loads.
pub struct Mix {
    closing: Load,
    kept: Load,
    /// POSTs. One that was sent is never repeated: if a drain cut it, it would be lost for all to see.
    pub posting: Load,
}

impl Mix {
    /// Up to `most` clients of each kind, none of them active yet.
    pub fn new(address: SocketAddr, most: usize) -> Self {
        let posted = Request {
            method: "POST",
            target: "/echo?wait=150ms".to_owned(),
            body: vec![b'x'; 5000],
            answer_bytes: 5000,
            per_connection: 7,
        };
        Self {
            closing: Load::new(address, Request::get(1024, 40, 1), most),
            kept: Load::new(address, Request::get(20_000, 40, 50), most),
            posting: Load::new(address, posted, most),
        }
    }

    /// So many requests of each kind in flight from now on.
    pub fn set(&self, in_flight: usize) {
        for load in [&self.closing, &self.kept, &self.posting] {
            load.set(in_flight);
        }
    }

    /// Lets the running requests end.
    ///
    /// # Panics
    /// When a request of some kind was lost, or when there was none at all.
    pub fn assert_nothing_lost(self) {
        for load in [self.closing, self.kept, self.posting] {
            load.finish().assert_nothing_lost();
        }
    }
}
