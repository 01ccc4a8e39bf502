//! The open client connections of a worker, and the sweep over them.
//!
//! HTTP/1 has one request at a time on a connection, so an entry is both: the connection's phase and the
//! request it carries, with the request's in-flight guard. Timeouts and long-lived requests are found by
//! the sweep, so that they cost a request no timer.

mod client;
mod ticket;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

pub(crate) use client::{Arrival, Client, Phase, Signal};
pub(crate) use ticket::Ticket;

use crate::settings::Settings;
use crate::worker::Tunnels;

/// While the worker drains, how long a connection that has not sent a byte yet may take to do so: its
/// request may be on the wire already.
const FRESH_GRACE: Duration = Duration::from_secs(1);

/// How long a client may go on sending after the last answer on its connection; a close that meets unread
/// bytes is a reset, which can take that answer away. nginx's `lingering_timeout` is 5 s.
const LINGER: Duration = Duration::from_secs(2);

/// The open client connections of a worker.
#[derive(Default)]
pub(crate) struct Live {
    clients: RefCell<Vec<Rc<Client>>>,
    emptied: Notify,
}

/// Takes a connection out of the table at its end, however it ends.
pub(crate) struct Member(Rc<Client>);

impl Live {
    pub(crate) fn enter(&self, client: Rc<Client>) -> Member {
        let mut clients = self.clients.borrow_mut();
        client.place.set(clients.len());
        clients.push(Rc::clone(&client));
        Member(client)
    }

    pub(crate) fn len(&self) -> usize {
        self.clients.borrow().len()
    }

    /// Waits until the last connection that is open has ended, or somebody says so.
    pub(crate) async fn emptied(&self) {
        self.emptied.notified().await;
    }

    pub(crate) fn tell_emptied(&self) {
        self.emptied.notify_one();
    }

    /// Ends connections that rest, and has the others end after their request. One that has not sent a byte
    /// yet may have its first request on the wire: it gets a moment.
    pub(crate) fn finish_all(&self, tunnels: Tunnels) {
        for client in self.clients.borrow().iter() {
            match client.phase() {
                Phase::Fresh | Phase::Lingering => (),
                Phase::Upgraded if tunnels == Tunnels::Stay => (),
                // HTTP/2 that waits for its first stream looks for itself.
                Phase::Head => client.wake(),
                Phase::Idle
                | Phase::Asked
                | Phase::Receiving
                | Phase::Awaiting
                | Phase::Answering
                | Phase::Delivering
                | Phase::Upgraded
                | Phase::Multiplexed => client.signal(Signal::Finish),
            }
        }
    }

    /// Has each connection that is open end in its own time. What is upgraded goes on.
    pub(crate) fn leave_all(&self) {
        self.clients.borrow().iter().for_each(|client| client.leave());
    }

    /// Cuts every connection; answers how many carried a request or a part of one.
    pub(crate) fn cut_all(&self) -> u32 {
        let clients = self.clients.borrow();
        let running = clients.iter().filter(|client| client.is_busy()).count();
        clients.iter().for_each(|client| client.signal(Signal::Cut));
        u32::try_from(running).unwrap_or(u32::MAX)
    }

    pub(crate) fn sweep(&self, sweep: &Sweep<'_>) {
        for client in self.clients.borrow().iter() {
            sweep.visit(client);
        }
    }

    fn leave(&self, client: &Client) {
        let mut clients = self.clients.borrow_mut();
        let place = client.place.get();
        clients.swap_remove(place);
        if let Some(moved) = clients.get(place) {
            moved.place.set(place);
        }
        if clients.is_empty() {
            self.emptied.notify_one();
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let worker = self.0.worker();
        if self.0.arrival() == Arrival::Connection {
            worker.metrics().closed();
        }
        worker.live().leave(&self.0);
    }
}

/// One pass over the table.
pub(crate) struct Sweep<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) now: Instant,
    /// Times in the table are as old as the sweep before them, so a limit is passed only when it is
    /// passed by this much.
    pub(crate) every: Duration,
    pub(crate) draining: bool,
}

impl Sweep<'_> {
    fn visit(&self, client: &Client) {
        let settings = self.settings;
        let (since, limit) = match client.phase() {
            Phase::Fresh if self.draining => (client.since(), FRESH_GRACE),
            Phase::Fresh | Phase::Head => (client.since(), settings.head_timeout),
            Phase::Idle => (client.since(), settings.keep_alive_timeout),
            Phase::Lingering => (client.since(), LINGER),
            Phase::Receiving => (client.moved(), settings.body_idle_timeout),
            Phase::Awaiting => (client.moved(), settings.first_byte_timeout),
            Phase::Answering => (client.moved(), settings.response_idle_timeout),
            Phase::Upgraded => (client.moved(), settings.tunnel_idle_timeout),
            // The system does not see that a stream's window stays shut.
            Phase::Delivering if client.arrival() == Arrival::Stream => {
                (client.moved(), settings.body_idle_timeout)
            }
            // The queue and the connect have times of their own, and streams as well; a client that takes
            // nothing is noticed by the system.
            Phase::Asked | Phase::Multiplexed => return,
            Phase::Delivering => return self.weigh(client),
        };
        if self.has_passed(since, limit) {
            client.expire();
        } else if client.phase().is_request() && client.phase() != Phase::Upgraded {
            self.weigh(client);
        }
    }

    /// A request that is old and quiet becomes long-lived; it becomes whole again when a byte moves.
    fn weigh(&self, client: &Client) {
        if !self.has_passed(client.moved(), self.settings.long_lived_quiet) {
            return;
        }
        client.with_guard(|guard| {
            if self.now.saturating_duration_since(guard.started()) > self.settings.long_lived_after {
                guard.weigh_long_lived(self.settings.long_lived_thousandths());
            }
        });
    }

    fn has_passed(&self, since: Instant, limit: Duration) -> bool {
        self.now.saturating_duration_since(since) >= limit.saturating_add(self.every)
    }
}
