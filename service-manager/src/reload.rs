//! A cluster.toml that was read again, as far as a front door can follow it while requests pass: who serves
//! and who waits, times and limits, logs, and where clients come to. Everything that can fail is done
//! before anything is changed. The nodes come to it with the child_list.

mod followed;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use cluster::config::{Cluster, Service};
use cluster::daemon::{Asked, Outcome, Passed, Purpose, Store};
use relay::Relay;
use relay::access_log::AccessLog;
use tokio::sync::watch;

use crate::door::Door;
use crate::succession::successor::Upgrade;
use crate::{copies, settings, workers};
use followed::{concerns, followed};

/// Two processes that go by two files would be nobody's wish.
const UNDER_WAY: &str = "an upgrade is under way, or the daemon ends; reload again when that is done";

/// What goes by the file.
pub(crate) struct Parts {
    pub(crate) door: Arc<Door>,
    pub(crate) relay: Arc<Relay>,
    /// The log that is written.
    pub(crate) access_log: Arc<ArcSwapOption<AccessLog>>,
    /// Where clients come to, for people.
    pub(crate) address: Arc<ArcSwap<String>>,
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
}

/// New sockets.
struct Moved {
    http: Vec<TcpListener>,
    /// For a successor.
    copies: Vec<TcpListener>,
    store: Store,
}

impl Follower {
    /// One of a front door that was opened for `service` of `in_force` at this place.
    pub(crate) fn new(in_force: Cluster, service: Service, place: Place, parts: Parts) -> Self {
        Self { in_force, service, place, parts }
    }

    /// The service as it is served now.
    pub(crate) fn service(&self) -> &Service {
        &self.service
    }

    /// Goes by what is `asked` from now on, as far as it can, and says so. Where a part of it cannot be had,
    /// nothing is changed. Answers what systemd is to keep now.
    pub(crate) async fn follow(&mut self, asked: Asked) -> Option<Store> {
        let name = self.service.name.clone();
        let now = followed(&self.in_force, &asked.cluster, &name, self.place.is_fixed);
        let outcome = Outcome::of(&self.in_force, &now, &asked.cluster, |change| concerns(change, &name));
        let service = now.service(&name).unwrap_or(&self.service).clone();
        if asked.is_rehearsal() {
            asked.done(&outcome, "service-manager");
            return None;
        }
        let upgrade = Arc::clone(&self.parts.upgrade);
        let Some(_nobody_is_started) = upgrade.pause() else {
            asked.refuse(vec![UNDER_WAY.to_owned()]);
            return None;
        };
        let ready = match self.prepare(&service) {
            Ok(ready) => ready,
            Err(fault) => {
                asked.refuse(vec![fault]);
                return None;
            }
        };
        let store = self.apply(&service, ready).await;
        (self.in_force, self.service) = (now, service);
        asked.done(&outcome, "service-manager");
        store
    }

    fn prepare(&self, service: &Service) -> Result<Ready, String> {
        let is_same_log = service.access_log == self.service.access_log
            && service.access_log_file == self.service.access_log_file;
        let access_log = if is_same_log { None } else { Some(open_log(service)?) };
        let listeners = (service.listen != self.service.listen)
            .then(|| Moved::to(service, self.place.bound))
            .transpose()
            .map_err(|error| format!("service {}: listen: {error}", service.name))?;
        let log = match &access_log {
            Some(new) => new.clone(),
            None => self.parts.access_log.load().as_deref().cloned(),
        };
        Ok(Ready { settings: settings::of(service, log), access_log, listeners })
    }

    async fn apply(&mut self, service: &Service, ready: Ready) -> Option<Store> {
        let Ready { settings, access_log, listeners } = ready;
        let parts = &self.parts;
        parts.door.set_terms(service);
        parts.tick.send_replace(service.scaling.tick);
        parts.relay.settle(&settings).await;
        if let Some(log) = access_log {
            let old = parts.access_log.swap(log.map(Arc::new));
            // The last handle waits for the disk.
            tokio::task::spawn_blocking(move || drop(old));
        }
        let Moved { http, copies, store } = listeners?;
        // The old ones must not stay open for somebody who never takes them.
        self.parts.upgrade.moved(copies);
        match self.move_to(&http).await {
            Ok(bound) => {
                let before = std::mem::replace(&mut self.place.bound, bound);
                tracing::info!(from = %before, to = %bound, "listening");
            }
            Err(error) => tracing::error!("some workers cannot listen on {}: {error}", service.listen),
        }
        Some(store)
    }

    async fn move_to(&self, listeners: &[TcpListener]) -> io::Result<SocketAddr> {
        let bound = listeners.first().ok_or(io::ErrorKind::InvalidInput)?.local_addr()?;
        self.parts.relay.listen(listeners).await?;
        self.parts.address.store(Arc::new(bound.to_string()));
        Ok(bound)
    }
}

impl Moved {
    fn to(service: &Service, bound: SocketAddr) -> io::Result<Self> {
        let (http, store) = Passed::moved(Purpose::Http, bound, service.listen, workers(service))?;
        Ok(Self { copies: copies(&http)?, http, store })
    }
}

fn open_log(service: &Service) -> Result<Option<AccessLog>, String> {
    settings::access_log(service).map_err(|error| {
        let file = service.access_log_file.as_deref().unwrap_or(Path::new("its file"));
        format!("service {}: access_log_file: cannot open {}: {error}", service.name, file.display())
    })
}
