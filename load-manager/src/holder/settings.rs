//! What a holder goes by: its service's part of cluster.toml, and which start of its daemon it is.

use std::time::Duration;

use cluster::config::{Cluster, DataPath, Service};

use crate::decider;
use crate::entrance::Entrance;
use crate::node::Patience;

/// The holder gives up at this share of the time to live, so that it lets go before the node does
/// while their clocks run at rates less than a fifth apart.
const EXPIRY_SHARE: f64 = 0.8;

/// The numbers of one holder.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Higher with each start of the load-manager.
    pub incarnation: u64,
    /// The pool. Its indices name the nodes in all that is heard and done.
    pub nodes: Vec<PoolNode>,
    /// The indices in the order in which the nodes are tried.
    pub order: Vec<usize>,
    /// When a node's silence means what.
    pub patience: Patience,
    /// Whether requests come by the node, or go straight to its service.
    pub path: DataPath,
    /// How long a drain waits for long-lived requests.
    pub long_lived_timeout: Duration,
    /// How many nodes are wanted.
    pub decider: decider::Settings,
}

/// One node of the pool, as cluster.toml has it.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolNode {
    /// Its name.
    pub name: String,
    /// Against the machine that `capacity` was measured on.
    pub speed: f64,
    /// Where requests get in.
    pub entrance: Entrance,
}

impl Settings {
    /// Those of `service`, which borrows from the nodes of `cluster`.
    pub fn of(cluster: &Cluster, service: &Service, incarnation: u64) -> Self {
        let pool_node = |node: &cluster::config::Node| PoolNode {
            name: node.name.clone(),
            speed: node.speed,
            entrance: Entrance::of(service, node),
        };
        Self {
            incarnation,
            nodes: cluster.nodes.iter().map(pool_node).collect(),
            order: crate::order::of_nodes(cluster, &service.name),
            patience: Patience {
                jeopardy: cluster.lease.jeopardy,
                expiry: cluster.lease.ttl.mul_f64(EXPIRY_SHARE),
            },
            path: service.path,
            long_lived_timeout: service.long_lived_timeout,
            decider: decider::Settings::of(service, cluster.nodes.len() as u32),
        }
    }
}
