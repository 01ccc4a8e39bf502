//! What is different in one cluster.toml against another: the whole list, one entry a thing that a
//! daemon may have to do, each a sentence. Pure, and of what the files mean: an order of keys, a comment
//! or a default written out is no change.
//!
//! A key that is forgotten here does not compile. How a value is written is in `value`.

mod value;

use std::fmt;

use super::{Cluster, Lease, Node, ProcessLimits, Scaling, Service, ServiceTls, Sharing, Tls};
use value::Written;

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A node of that name was not there.
    NodeAdded(String),
    /// It is not there any more.
    NodeRemoved(String),
    /// The nodes that were there and are stand in another order.
    NodesReordered,
    /// A service of that name was not there. The order of services means nothing.
    ServiceAdded(String),
    /// It is not there any more.
    ServiceRemoved(String),
    /// A key has another value.
    Key(KeyChange),
}

/// A key with another value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyChange {
    /// Whose it is.
    pub of: Owner,
    /// Its name, with that of its table where this is below the owner's: "min", "scaling.high", "lease.ttl".
    pub key: &'static str,
    /// The value it had, as it would be written; "unset" where it had none.
    pub old: String,
    /// The one it has.
    pub new: String,
}

/// Whose key it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// `[cluster]`.
    Cluster,
    /// The `[[node]]` of that name.
    Node(String),
    /// `[service.NAME]`.
    Service(String),
}

/// What makes `new` another cluster than `old`, in the order of the file. Empty: nothing that matters.
pub fn changes(old: &Cluster, new: &Cluster) -> Vec<Change> {
    let mut changes = Changes { of: Owner::Cluster, list: Vec::new() };
    changes.cluster(old, new);
    changes.nodes(&old.nodes, &new.nodes);
    changes.services(&old.services, &new.services);
    changes.list
}

struct Changes {
    of: Owner,
    list: Vec<Change>,
}

/// Compares field by field what has keys of its own. The pattern names every field, so that one that is
/// new in the type must be put either among the keys or among the others, which are compared elsewhere.
macro_rules! compare {
    ($changes:expr, $old:expr, $new:expr, $type:ident, $prefix:literal { $($key:ident),* }, else { $($other:ident),* }) => {
        let $type { $($key: _,)* $($other: _,)* } = $old;
        $($changes.key(concat!($prefix, stringify!($key)), &$old.$key, &$new.$key);)*
    };
}

impl Changes {
    fn key<T: Written + PartialEq>(&mut self, key: &'static str, old: &T, new: &T) {
        if old != new {
            let (old, new) = (old.written(), new.written());
            self.list.push(Change::Key(KeyChange { of: self.of.clone(), key, old, new }));
        }
    }

    fn cluster(&mut self, old: &Cluster, new: &Cluster) {
        compare!(self, old, new, Cluster, "" { name, insecure, runtime_dir, state_dir },
            else { lease, sharing, tls, nodes, services });
        compare!(self, old.lease, new.lease, Lease, "lease." {
            ttl, renew, jeopardy, orphan_grace, reservation_timeout, reclaim_notice
        }, else {});
        compare!(self, old.sharing, new.sharing, Sharing, "sharing." {
            observe_only, starved_after, give_back_after, period, period_share
        }, else {});
        self.tls(old.tls.as_ref(), new.tls.as_ref());
    }

    /// Without the table there is no key.
    fn tls(&mut self, old: Option<&Tls>, new: Option<&Tls>) {
        let directory = |tls: Option<&Tls>| {
            let Tls { directory, data: _ } = tls?;
            Some(directory.clone())
        };
        self.key("tls.directory", &directory(old), &directory(new));
        let data = |tls: Option<&Tls>| tls.map(|tls| tls.data);
        self.key("tls.data", &data(old), &data(new));
    }

    /// As above.
    fn service_tls(&mut self, old: Option<&ServiceTls>, new: Option<&ServiceTls>) {
        let keys = |tls: Option<&ServiceTls>| {
            let ServiceTls { listen, certificates } = tls?;
            Some((*listen, certificates.clone()))
        };
        let (old, new) = (keys(old).unzip(), keys(new).unzip());
        self.key("tls.listen", &old.0, &new.0);
        self.key("tls.certificates", &old.1, &new.1);
    }

    fn nodes(&mut self, old: &[Node], new: &[Node]) {
        let stays = |nodes: &[Node], name: &str| nodes.iter().any(|node| node.name == name);
        for gone in old.iter().filter(|node| !stays(new, &node.name)) {
            self.list.push(Change::NodeRemoved(gone.name.clone()));
        }
        for node in new {
            let Some(before) = old.iter().find(|before| before.name == node.name) else {
                self.list.push(Change::NodeAdded(node.name.clone()));
                continue;
            };
            self.of = Owner::Node(node.name.clone());
            compare!(self, before, node, Node, "" { address, control_port, data_port, slots, speed },
                else { name });
        }
        let before = old.iter().filter(|node| stays(new, &node.name)).map(|node| &node.name);
        let now = new.iter().filter(|node| stays(old, &node.name)).map(|node| &node.name);
        if !before.eq(now) {
            self.list.push(Change::NodesReordered);
        }
    }

    fn services(&mut self, old: &[Service], new: &[Service]) {
        for gone in old.iter().filter(|service| !new.iter().any(|other| other.name == service.name)) {
            self.list.push(Change::ServiceRemoved(gone.name.clone()));
        }
        for service in new {
            let Some(before) = old.iter().find(|before| before.name == service.name) else {
                self.list.push(Change::ServiceAdded(service.name.clone()));
                continue;
            };
            self.of = Owner::Service(service.name.clone());
            self.service(before, service);
        }
    }

    fn service(&mut self, old: &Service, new: &Service) {
        compare!(self, old, new, Service, "" {
            front_end, listen, command, ready, ports, user, upstream, path, capacity, local_capacity, min, max, weight,
            priority, standby, workers, queue_max, local, dispatch, slow_start, eject_time, head_timeout,
            body_idle_timeout, keep_alive_timeout, tunnel_idle_timeout, queue_timeout, connect_timeout,
            first_byte_timeout, response_idle_timeout, upstream_idle_timeout, start_timeout, stop_timeout,
            long_lived_timeout, connections_max, headers_max, trusted_proxies, proxy_protocol, forwarding, served_by,
            access_log, access_log_file, admin
        }, else { name, limits, eject_5xx, head_max, body_max, tls, floors, scaling });
        compare!(self, old.limits, new.limits, ProcessLimits, "limits." { cpu, tasks }, else { memory });
        self.key("limits.memory", &old.limits.memory.map(value::Bytes), &new.limits.memory.map(value::Bytes));
        self.key("eject_5xx", &value::OrOff(old.eject_5xx), &value::OrOff(new.eject_5xx));
        self.key("head_max", &value::Bytes(old.head_max as u64), &value::Bytes(new.head_max as u64));
        self.key("body_max", &old.body_max.map(value::Bytes), &new.body_max.map(value::Bytes));
        self.service_tls(old.tls.as_ref(), new.tls.as_ref());
        self.key("floor", &old.floors, &new.floors);
        compare!(self, old.scaling, new.scaling, Scaling, "scaling." {
            policy, target, high, low, tick, fast_window, slow_window, high_ticks, surge, queue_drain_time, add_max,
            add_factor, add_period, down_window, down_projection, down_after_up, node_age_min, drain_period,
            drain_share, data_timeout, node_data_timeout, long_lived_after, long_lived_quiet, long_lived_weight,
            cpu_target
        }, else {});
    }
}

/// One sentence.
impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NodeAdded(name) => write!(formatter, "node {name} is new"),
            Self::NodeRemoved(name) => write!(formatter, "node {name} is gone"),
            Self::NodesReordered => formatter.write_str("the nodes are in another order"),
            Self::ServiceAdded(name) => write!(formatter, "service {name} is new"),
            Self::ServiceRemoved(name) => write!(formatter, "service {name} is gone"),
            Self::Key(KeyChange { of, key, old, new }) => {
                write!(formatter, "{of}: {key} is {new}, was {old}")
            }
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster => formatter.write_str("cluster"),
            Self::Node(name) => write!(formatter, "node {name}"),
            Self::Service(name) => write!(formatter, "service {name}"),
        }
    }
}
