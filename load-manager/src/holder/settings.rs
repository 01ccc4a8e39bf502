//! What a holder goes by: its service's part of cluster.toml, and which start of its daemon it is.

use std::net::SocketAddr;
use std::time::Duration;

use cluster::config::{Cluster, CommandDigest, Service, Sharing};

use crate::decider;
use crate::entrance::Entrance;
use crate::node::Patience;

/// The holder gives up at this share of the time to live, so that it lets go before the node does
/// while their clocks run at rates less than a fifth apart.
const EXPIRY_SHARE: f64 = 0.8;

/// The numbers of one holder.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The service, by its name.
    pub service: String,
    /// The front end, as it names itself.
    pub front_end: String,
    /// Higher with each start of the load-manager.
    pub incarnation: u64,
    /// The pool. Its indices name the nodes in all that is heard and done; a holder adds at the end those that
    /// join later.
    pub nodes: Vec<PoolNode>,
    /// The indices in the order in which the nodes are tried.
    pub order: Vec<usize>,
    /// When a node's silence means what.
    pub patience: Patience,
    /// How long a drain waits for long-lived requests.
    pub long_lived_timeout: Duration,
    /// Against the other services of the pool.
    pub weight: f64,
    /// A higher one is served first.
    pub priority: u32,
    /// How nodes change hands.
    pub sharing: Sharing,
    /// How long a lease lasts without a renewal.
    pub ttl: Duration,
    /// How long the holder of a lease that is reclaimed has to drain it.
    pub reclaim_notice: Duration,
    /// The command that every copy is to run.
    pub command: CommandDigest,
    /// How many nodes are wanted.
    pub decider: decider::Settings,
}

/// One node of the pool, as cluster.toml has it.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolNode {
    /// Its name.
    pub name: String,
    /// Where its control calls go.
    pub control: SocketAddr,
    /// Against the machine that `capacity` was measured on.
    pub speed: f64,
    /// Services that it runs at once.
    pub slots: u32,
    /// Where requests get in.
    pub entrance: Entrance,
}

impl Settings {
    /// Those of `service`, which borrows from the nodes of `cluster`.
    pub fn of(cluster: &Cluster, service: &Service, incarnation: u64) -> Self {
        let pool_node = |node: &cluster::config::Node| PoolNode {
            name: node.name.clone(),
            control: node.control(),
            speed: node.speed,
            slots: node.slots,
            entrance: Entrance::of(service, node),
        };
        Self {
            service: service.name.clone(),
            front_end: service.front_end.to_string(),
            incarnation,
            nodes: cluster.nodes.iter().map(pool_node).collect(),
            order: crate::order::of_nodes(cluster, &service.name),
            patience: Patience {
                jeopardy: cluster.lease.jeopardy,
                expiry: cluster.lease.ttl.mul_f64(EXPIRY_SHARE),
            },
            long_lived_timeout: service.long_lived_timeout,
            weight: service.weight,
            priority: service.priority,
            sharing: cluster.sharing.clone(),
            ttl: cluster.lease.ttl,
            reclaim_notice: cluster.lease.reclaim_notice,
            command: service.command_digest(),
            decider: decider::Settings::of(service, cluster.nodes.len() as u32),
        }
    }
}
