//! A cluster.toml that was read again, as far as a front door can follow it while requests pass: who serves
//! and who waits, times and limits, logs, and where clients come to. Everything that can fail is done
//! before anything is changed. The nodes come to it with the child_list.

mod followed;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use cluster::config::{Cluster, Service};
use cluster::daemon::{Asked, Outcome, Passed, Purpose, Store};
use cluster::process::Spec;
use relay::Relay;
use relay::access_log::AccessLog;
use tokio::sync::watch;

use crate::admin::Gate;
use crate::door::Door;
use crate::local::LocalCopy;
use crate::succession::successor::Upgrade;
use crate::{copies, settings, workers};
use followed::{concerns, followed};

/// Two processes that go by two files would be nobody's wish.
const UNDER_WAY: &str = "an upgrade is under way, or the daemon ends; reload again when that is done";

/// What a service-manager of `service` that goes by `in_force` goes by with `read`, as far as it can, and what
/// comes of it. Where its sockets are held by somebody else, `is_fixed`, it cannot listen elsewhere.
pub(crate) fn plan(in_force: &Cluster, read: &Cluster, service: &str, is_fixed: bool) -> (Cluster, Outcome) {
    let now = followed(in_force, read, service, is_fixed);
    let outcome = Outcome::of(in_force, &now, read, |change| concerns(change, service));
    (now, outcome)
}

/// What goes by the file.
pub(crate) struct Parts {
    pub(crate) door: Arc<Door>,
    pub(crate) relay: Arc<Relay>,
    /// The log that is written.
    pub(crate) access_log: Arc<ArcSwapOption<AccessLog>>,
    /// Where clients come to, for people.
    pub(crate) address: Arc<ArcSwap<String>>,
    pub(crate) local: Arc<LocalCopy>,
    /// Where metrics are.
    pub(crate) gate: Gate,
    /// Who is told what to give to a successor.
    pub(crate) upgrade: Arc<Upgrade>,
    /// How often load is told.
    pub(crate) tick: watch::Sender<Duration>,
}

/// Where clients come to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) bound: SocketAddr,
    /// Somebody else holds the sockets as well: they are not to be closed.
    pub(crate) is_fixed: bool,
}

/// Keeps them by the file that is in force.
pub(crate) struct Follower {
    in_force: Cluster,
    service: Service,
    place: Place,
    parts: Parts,
}

/// All that could fail, done.
struct Ready {
    settings: relay::Settings,
    /// Where it is another.
    access_log: Option<Option<AccessLog>>,
    listeners: Option<Moved>,
    admin: Option<Moved>,
}

/// New sockets.
struct Moved {
    listeners: Vec<TcpListener>,
    /// For a successor.
    copies: Vec<TcpListener>,
    store: Store,
}

impl Follower {
    /// One of a front door that was opened for `service` of `in_force` at this place.
    pub(crate) fn new(in_force: Cluster, service: Service, place: Place, parts: Parts) -> Self {
        Self { in_force, service, place, parts }
    }

    /// The service as it is served at the end, and where metrics still are.
    pub(crate) fn end(self) -> (Service, Gate) {
        (self.service, self.parts.gate)
    }

    /// Goes by what is `asked` from now on, as far as it can, and says so. Where a part of it cannot be had,
    /// nothing is changed. `keep` is told what systemd is to keep before the old sockets are closed: held by it
    /// alone they would take connections that nobody serves.
    pub(crate) async fn follow(&mut self, asked: Asked, keep: impl FnMut(Store)) {
        let name = self.service.name.clone();
        let (now, outcome) = plan(&self.in_force, &asked.cluster, &name, self.place.is_fixed);
        let service = now.service(&name).unwrap_or(&self.service).clone();
        if asked.is_rehearsal() {
            return asked.done(&outcome, "service-manager");
        }
        let upgrade = Arc::clone(&self.parts.upgrade);
        let Some(_nobody_is_started) = upgrade.pause() else {
            return asked.refuse(vec![UNDER_WAY.to_owned()]);
        };
        let ready = match self.prepare(&service) {
            Ok(ready) => ready,
            Err(fault) => return asked.refuse(vec![fault]),
        };
        self.apply(&service, ready, keep).await;
        (self.in_force, self.service) = (now, service);
        asked.done(&outcome, "service-manager");
    }

    fn prepare(&self, service: &Service) -> Result<Ready, String> {
        let is_same_log = service.access_log == self.service.access_log
            && service.access_log_file == self.service.access_log_file;
        let access_log = if is_same_log { None } else { Some(open_log(service)?) };
        let listeners = (service.listen != self.service.listen)
            .then(|| Moved::to(Purpose::Http, Some(self.place.bound), Some(service.listen), workers(service)))
            .transpose()
            .map_err(|error| format!("service {}: listen: {error}", service.name))?;
        let admin = (service.admin != self.service.admin)
            .then(|| Moved::to(Purpose::Admin, self.parts.gate.address(), service.admin, 1))
            .transpose()
            .map_err(|error| format!("service {}: admin: {error}", service.name))?;
        let log = match &access_log {
            Some(new) => new.clone(),
            None => self.parts.access_log.load().as_deref().cloned(),
        };
        Ok(Ready { settings: settings::of(service, log), access_log, listeners, admin })
    }

    async fn apply(&mut self, service: &Service, ready: Ready, mut keep: impl FnMut(Store)) {
        let Ready { settings, access_log, listeners, admin } = ready;
        let parts = &self.parts;
        parts.door.set_terms(service);
        parts.local.set_spec(Spec::at_front_end(service, service.front_end));
        parts.upgrade.start_timeout.store(Arc::new(service.start_timeout));
        parts.tick.send_replace(service.scaling.tick);
        parts.relay.settle(&settings).await;
        if let Some(log) = access_log {
            let old = parts.access_log.swap(log.map(Arc::new));
            // The last handle waits for the disk.
            tokio::task::spawn_blocking(move || drop(old));
        }
        if let Some(Moved { mut listeners, mut copies, store }) = admin {
            keep(store);
            self.parts.upgrade.moved_admin(copies.pop());
            if let Err(error) = self.parts.gate.open(listeners.pop()) {
                tracing::error!("no metrics: {error}");
            }
        }
        if let Some(Moved { listeners, copies, store }) = listeners {
            keep(store);
            // The old ones must not stay open for somebody who never takes them.
            self.parts.upgrade.moved(copies);
            match self.move_to(&listeners).await {
                Ok(bound) => {
                    let before = std::mem::replace(&mut self.place.bound, bound);
                    tracing::info!(from = %before, to = %bound, "listening");
                }
                Err(error) => tracing::error!("some workers cannot listen on {}: {error}", service.listen),
            }
        }
    }

    async fn move_to(&self, listeners: &[TcpListener]) -> io::Result<SocketAddr> {
        let bound = listeners.first().ok_or(io::ErrorKind::InvalidInput)?.local_addr()?;
        self.parts.relay.listen(listeners).await?;
        self.parts.address.store(Arc::new(bound.to_string()));
        Ok(bound)
    }
}

impl Moved {
    fn to(
        purpose: Purpose,
        own: Option<SocketAddr>,
        address: Option<SocketAddr>,
        count: usize,
    ) -> io::Result<Self> {
        let (listeners, store) = Passed::moved(purpose, own, address, count)?;
        Ok(Self { copies: copies(&listeners)?, listeners, store })
    }
}

fn open_log(service: &Service) -> Result<Option<AccessLog>, String> {
    settings::access_log(service).map_err(|error| {
        let file = service.access_log_file.as_deref().unwrap_or(Path::new("its file"));
        format!("service {}: access_log_file: cannot open {}: {error}", service.name, file.display())
    })
}
