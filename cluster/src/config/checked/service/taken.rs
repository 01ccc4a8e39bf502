//! What the services of one file share and cannot both have: nodes, slots, and sockets.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use crate::config::NODES_MAX;
use crate::config::checked::Pool;
use crate::config::kind::Whole;
use crate::config::written::{Found, Origin, Table};

/// What the services so far have taken of what they share.
pub(super) struct Taken<'p> {
    pool: &'p Pool,
    min: u32,
    /// By front end and port.
    sockets: HashMap<(IpAddr, u16), Vec<Socket>>,
}

/// Where a service listens at its front end.
struct Socket {
    ip: IpAddr,
    key: &'static str,
    service: String,
}

impl<'p> Taken<'p> {
    /// By no service yet.
    pub(super) fn of(pool: &'p Pool) -> Self {
        Self { pool, min: 0, sockets: HashMap::new() }
    }

    pub(super) fn pool(&self) -> &'p Pool {
        self.pool
    }

    /// `min` and `max`, against each other and the pool.
    pub(super) fn nodes(&mut self, table: &mut Table<'_>) -> (u32, Found<u32>) {
        let min = table.or("min", &Whole(0, NODES_MAX), 0);
        let max = table.or("max", &Whole(0, NODES_MAX), self.pool.nodes.unwrap_or(NODES_MAX));
        let shown = || table.shown("min", min.value, min.origin);
        let written = max.origin != Origin::Default;
        table.check(!written || min.value <= max.value, &[min.origin, max.origin], || {
            format!("{}, must be at most max ({})", shown(), max.value)
        });
        let nodes = self.pool.nodes.unwrap_or(NODES_MAX);
        table.check(min.value <= nodes, &[min.origin], || {
            format!("{}, must be at most the number of nodes ({nodes})", shown())
        });
        let slots = self.pool.slots.unwrap_or(u32::MAX);
        let fitted = self.min <= slots;
        self.min = self.min.saturating_add(min.value);
        // Reported where the sum goes beyond the slots, and not again behind it.
        table.check(self.min <= slots || !fitted || min.value > nodes, &[min.origin], || {
            let sums = format!("slots of all nodes ({slots}) for every service's min ({})", self.min);
            format!("{}, must leave enough {sums}", shown())
        });
        (min.value, max)
    }

    /// A service cannot listen at its front end where another one does, nor it itself with another
    /// key, nor a node of the same machine.
    pub(super) fn socket(
        &mut self,
        table: &Table<'_>,
        key: &'static str,
        service: &str,
        front_end: IpAddr,
        socket: &Found<SocketAddr>,
    ) {
        let node = self.node_at(front_end, socket.value);
        let node = node.map(|(node, owner)| format!("{owner}, which is on {} too", node.ip()));
        let others = self.sockets.entry((front_end, socket.value.port())).or_default();
        let ip = socket.value.ip();
        let clashes = |other: &&Socket| other.ip == ip || other.ip.is_unspecified() || ip.is_unspecified();
        let other = others.iter().find(clashes).map(|other| {
            if other.service == service {
                return other.key.to_owned();
            }
            format!("{} of service {}, which has the same front end", other.key, other.service)
        });
        for other in [other, node].into_iter().flatten() {
            table.check(false, &[socket.origin], || {
                let socket = table.shown(key, format_args!("\"{}\"", socket.value), socket.origin);
                format!("{socket}, must differ from {other}")
            });
        }
        others.push(Socket { ip, key, service: service.to_owned() });
    }

    /// The socket of a node that is there already, and whose it is. Every loopback address is one
    /// machine's, or machines are played on one.
    fn node_at(&self, front_end: IpAddr, socket: SocketAddr) -> Option<(&SocketAddr, &String)> {
        let is_here = |node: IpAddr| node == front_end || (node.is_loopback() && front_end.is_loopback());
        let clashes = |node: &SocketAddr| {
            let ip = socket.ip();
            node.port() == socket.port() && (node.ip() == ip || (ip.is_unspecified() && is_here(node.ip())))
        };
        let taken = self.pool.sockets.iter().filter(|(node, _)| clashes(node));
        // The same one whatever the order of the map.
        taken.min_by_key(|(node, _)| **node)
    }
}
