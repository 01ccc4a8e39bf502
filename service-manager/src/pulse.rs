//! The daemon's signs of life for systemd, with a line on how the front end is. There is one only when
//! every worker has passed its event loop, seen from the loop that all control goes through: where either
//! hangs there is none, and systemd starts the daemon anew.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use cluster::daemon::{Notify, Store};
use cluster::level::Level;
use relay::Relay;

use crate::door::Door;
use crate::local::LocalCopy;

/// What the signs are made of.
pub(crate) struct Pulse {
    notify: Notify,
    door: Arc<Door>,
    relay: Arc<Relay>,
    local: Arc<LocalCopy>,
    is_draining: bool,
}

/// A front end at one moment, for the line.
struct View {
    children: usize,
    level: Level,
    in_flight: u64,
    queued: usize,
    local: &'static str,
    is_draining: bool,
}

impl Pulse {
    /// Tells that the front end is up, and what is to be kept of it when it ends: the sockets stay open then,
    /// and whoever connects is served by its next life.
    pub(crate) fn begin(store: Store, door: Arc<Door>, relay: Arc<Relay>, local: Arc<LocalCopy>) -> Self {
        let mut pulse = Self { notify: Notify::new(), door, relay, local, is_draining: false };
        pulse.notify.store(store);
        let line = pulse.view().line();
        pulse.notify.ready(line);
        pulse
    }

    /// The front end is about to listen elsewhere.
    pub(crate) fn store(&mut self, store: Store) {
        self.notify.store(store);
    }

    /// Gives signs of life as long as it is let run.
    pub(crate) async fn beat(&mut self) -> Infallible {
        loop {
            self.notify.due().await;
            if self.relay.turns().await {
                let line = self.view().line();
                self.notify.alive(line);
            }
        }
    }

    /// Another process serves now, and tells how it is.
    pub(crate) async fn successor(self, pid: u32) {
        self.notify.successor(pid).await;
    }

    /// Tells that the front end drains, and is gone `within` this time.
    pub(crate) fn stopping(&mut self, within: Duration) {
        self.is_draining = true;
        self.notify.stopping(within);
    }

    fn view(&self) -> View {
        View {
            children: self.door.list().children.len(),
            level: self.door.level(),
            in_flight: self.door.in_flight(),
            queued: self.door.queued(),
            local: self.local.view().state,
            is_draining: self.is_draining,
        }
    }
}

impl View {
    /// Like `3 children, level Medium, 212 requests in flight`.
    fn line(&self) -> String {
        let Self { children, level, in_flight, queued, local, is_draining } = self;
        let requests = count(*in_flight, "request", "requests");
        if *is_draining {
            return format!("draining, {requests} in flight");
        }
        let children = count(*children as u64, "child", "children");
        let mut line = format!("{children}, level {level}, {requests} in flight");
        if *queued > 0 {
            line += &format!(", {queued} queued");
        }
        if *local != "ready" {
            line += &format!("; local copy {local}");
        }
        line
    }
}

fn count(number: u64, one: &str, more: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { more })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALM: View = View {
        children: 3,
        level: Level::Medium,
        in_flight: 212,
        queued: 0,
        local: "ready",
        is_draining: false,
    };

    #[test]
    fn the_line_says_what_there_is_to_say() {
        assert_eq!(CALM.line(), "3 children, level Medium, 212 requests in flight");
        let alone = View { children: 1, in_flight: 1, queued: 7, local: "backing off", ..CALM };
        assert_eq!(
            alone.line(),
            "1 child, level Medium, 1 request in flight, 7 queued; local copy backing off"
        );
        assert_eq!(View { is_draining: true, ..CALM }.line(), "draining, 212 requests in flight");
    }
}
