//! The shell of the `holder`: it owns the channels, the links to the nodes and their clients, the calls
//! under way, the journal, the cluster.toml in force and the clock. It tells the holder what happens, carries out what the holder wants done and
//! answers people; it decides nothing.

mod effects;
mod following;
mod hearing;
mod links;
mod log;
mod schedule;
#[cfg(test)]
mod tests;
mod view;

use std::time::{Duration, Instant};

use cluster::config::{Cluster, Floor, Service};
use cluster::daemon::{Notify, Reload};
use proto::service_manager as front;
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Interval, MissedTickBehavior};

use crate::calls::{Identity, NodeClient};
use crate::event::Event;
use crate::holder::{self, Holder, LOOK_EVERY};
use crate::journal::Journal;

pub(crate) use links::Links;

/// Nothing is waited for at the end.
const END_WITHIN: Duration = Duration::from_secs(5);

/// What the manager needs from the outside.
pub(crate) struct Setup {
    /// The service and its settings.
    pub service: Service,
    /// The whole cluster.
    pub cluster: Cluster,
    /// Who this is.
    pub identity: Identity,
    /// Where the decisions are kept.
    pub journal: Journal,
    /// The list for the service-manager.
    pub wanted: watch::Sender<front::ChildList>,
    /// To each node of the pool, by its place in cluster.toml.
    pub links: Links,
    /// A cluster.toml that has changed.
    pub reload: Reload,
    /// What happens.
    pub events: mpsc::Receiver<Event>,
    /// For the tasks that carry things out.
    pub told: mpsc::Sender<Event>,
}

/// The manager.
pub(crate) struct Manager {
    /// What it goes by, and of that its own service.
    cluster: Cluster,
    service: Service,
    identity: Identity,
    holder: Holder,
    /// The moment that the holder's time counts from.
    born: Instant,
    /// For calls to the nodes that were ever reached.
    clients: Vec<Option<NodeClient>>,
    /// The last call that waits, or waited, at each node that drains.
    waiting: Vec<Option<AbortHandle>>,
    calls: JoinSet<()>,
    journal: Journal,
    wanted: watch::Sender<front::ChildList>,
    links: Links,
    reload: Reload,
    events: mpsc::Receiver<Event>,
    told: mpsc::Sender<Event>,
    notify: Notify,
}

/// Why the manager ended by itself.
#[derive(Debug, thiserror::Error)]
#[error(
    "another load-manager speaks for service {service:?} now ({words}); this one ends and leaves everything to it"
)]
pub(crate) struct Fenced {
    service: String,
    words: String,
}

impl Manager {
    /// A manager that holds nothing yet.
    pub(crate) fn new(setup: Setup) -> Self {
        let Setup { service, cluster, identity, journal, wanted, links, reload, events, told } = setup;
        let settings = holder::Settings::of(&cluster, &service, identity.incarnation);
        let count = cluster.nodes.len();
        Self {
            holder: Holder::new(settings, Duration::ZERO),
            born: Instant::now(),
            clients: vec![None; count],
            waiting: vec![None; count],
            calls: JoinSet::new(),
            cluster,
            service,
            identity,
            journal,
            wanted,
            links,
            reload,
            events,
            told,
            notify: Notify::new(),
        }
    }

    /// Runs until `end`, or until somebody newer has taken over.
    pub(crate) async fn run(mut self, end: impl Future<Output = ()>) -> Result<(), Fenced> {
        tokio::pin!(end);
        let mut tick = every(self.service.scaling.tick);
        let mut look = every(LOOK_EVERY);
        self.notify.ready(self.status_line());
        loop {
            tokio::select! {
                () = &mut end => break,
                Some(event) = self.events.recv() => self.hear(event),
                _ = tick.tick() => self.tick(),
                _ = look.tick() => self.holder.look(self.now()),
                asked = self.reload.next() => {
                    self.answer(asked);
                    if tick.period() != self.service.scaling.tick {
                        tick = every(self.service.scaling.tick);
                    }
                }
                () = self.links.reap() => {}
                Some(_) = self.calls.join_next() => {}
                () = self.notify.due() => self.notify.alive(self.status_line()),
            }
            self.carry_out()?;
        }
        self.notify.stopping(END_WITHIN);
        self.links.shutdown().await;
        Ok(())
    }

    fn tick(&mut self) {
        let (day, minute) = schedule::now();
        self.holder.keep(Floor::largest_at(&self.service.floors, day, minute));
        self.holder.tick(self.now());
    }

    fn now(&self) -> Duration {
        self.born.elapsed()
    }
}

/// A tick that came late does not bring the next one nearer.
fn every(period: Duration) -> Interval {
    let mut interval = tokio::time::interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
