//! The links to the nodes of the pool, each a task: opened for a node that joins, closed for one that has
//! left.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use cluster::tls::Tls;
use proto::task_processor as node;
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};

use crate::calls::Identity;
use crate::event::Event;
use crate::link::{Link, Said};

/// All of them, by the index of their node.
pub(crate) struct Links {
    identity: Identity,
    renew: Duration,
    /// From when the moments of the renewals of all are counted.
    born: Instant,
    /// What the service says of itself, for all links.
    claim: watch::Sender<Option<Said>>,
    /// For the links.
    told: mpsc::Sender<Event>,
    /// What is shown to the nodes, where there are certificates.
    tls: Option<Tls>,
    open: Vec<Option<Open>>,
    tasks: JoinSet<()>,
}

/// A link that is open.
struct Open {
    /// The node's leases.
    leases: watch::Sender<Vec<node::LeaseRef>>,
    task: AbortHandle,
}

impl Links {
    /// None yet. Those to come renew so often, tell what they hear, and are encrypted with `tls`.
    pub(crate) fn new(
        identity: Identity,
        renew: Duration,
        told: mpsc::Sender<Event>,
        tls: Option<Tls>,
    ) -> Self {
        let (claim, _) = watch::channel(None);
        let (born, open, tasks) = (Instant::now(), Vec::new(), JoinSet::new());
        Self { identity, renew, born, claim, told, tls, open, tasks }
    }

    /// Opens one to the node of that index and name, whose control calls go to `address`.
    pub(crate) fn open(&mut self, node: usize, name: String, address: SocketAddr) {
        let (leases, receiver) = watch::channel(Vec::new());
        let link = Link {
            node,
            name,
            address,
            tls: self.tls.clone(),
            identity: self.identity.clone(),
            renew: self.renew,
            born: self.born,
            leases: receiver,
            claim: self.claim.subscribe(),
            events: self.told.clone(),
            adopted: false,
        };
        let task = self.tasks.spawn(link.keep());
        self.put(node, Open { leases, task });
    }

    /// Takes a channel in the place of a link.
    #[cfg(test)]
    pub(crate) fn pretend(&mut self, node: usize, leases: watch::Sender<Vec<node::LeaseRef>>) {
        let task = self.tasks.spawn(std::future::pending());
        self.put(node, Open { leases, task });
    }

    fn put(&mut self, node: usize, open: Open) {
        if self.open.len() <= node {
            self.open.resize_with(node + 1, || None);
        }
        if let Some(before) = self.open[node].replace(open) {
            before.task.abort();
        }
    }

    /// Closes it.
    pub(crate) fn close(&mut self, node: usize) {
        if let Some(open) = self.open.get_mut(node).and_then(Option::take) {
            open.task.abort();
        }
    }

    /// When the certificate ends that is shown to the nodes.
    pub(crate) fn certificate_expires(&self) -> Option<SystemTime> {
        self.tls.as_ref().map(Tls::expires)
    }

    /// Whether there is one.
    pub(crate) fn is_open(&self, node: usize) -> bool {
        self.open.get(node).is_some_and(Option::is_some)
    }

    /// From now on it renews these.
    pub(crate) fn renew(&self, node: usize, leases: Vec<node::LeaseRef>) {
        if let Some(open) = self.open.get(node).and_then(Option::as_ref) {
            open.leases.send_replace(leases);
        }
    }

    /// From now on all say this of the service.
    pub(crate) fn say(&self, said: Said) {
        self.claim.send_replace(Some(said));
    }

    /// Waits for one that has ended; does not answer while none has.
    pub(crate) async fn reap(&mut self) {
        if self.tasks.join_next().await.is_none() {
            std::future::pending::<()>().await;
        }
    }

    /// Ends all of them.
    pub(crate) async fn shutdown(&mut self) {
        self.tasks.shutdown().await;
    }
}
