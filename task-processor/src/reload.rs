//! A cluster.toml that was read again, as far as a node can follow it while leases are held: how many
//! slots it and the pool have, whether it is one of the pool at all, which services there are, and their
//! times. How a service is started and probed counts from its next start.

use std::sync::Arc;

use cluster::config::{self, Change, Cluster, KeyChange, Owner, Service, Sharing};
use cluster::daemon::{Outcome, Reload};
use relay::Relay;
use relay::access_log::AccessLog;
use tracing::{info, warn};

use crate::lease::Bounds;
use crate::node::Node;

/// The keys of a service that a node goes by.
const OURS: [&str; 19] = [
    "command",
    "user",
    "limits.cpu",
    "limits.memory",
    "limits.tasks",
    "ready",
    "ports",
    "upstream",
    "path",
    "head_timeout",
    "body_idle_timeout",
    "tunnel_idle_timeout",
    "connect_timeout",
    "first_byte_timeout",
    "response_idle_timeout",
    "upstream_idle_timeout",
    "start_timeout",
    "stop_timeout",
    "long_lived_timeout",
];

/// Keeps a node by the file that is in force.
pub(crate) struct Follower {
    in_force: Cluster,
    /// The node as it was started: its sockets stay where they are.
    node: config::Node,
}

impl Follower {
    /// One of a node that was started by `in_force`.
    pub(crate) fn new(in_force: Cluster, node: config::Node) -> Self {
        Self { in_force, node }
    }

    /// Follows each file that comes, until it is given up.
    pub(crate) async fn run(
        mut self,
        mut reload: Reload,
        node: Node,
        relay: Arc<Relay>,
        access_log: Option<AccessLog>,
    ) {
        loop {
            let asked = reload.next().await;
            let outcome = self.outcome(&asked.cluster);
            if !asked.is_rehearsal() {
                self.follow(&asked.cluster);
                let services = &self.in_force.services;
                node.set_services(services.clone()).await;
                node.set_bounds(self.bounds()).await;
                relay.settle(&crate::settings(services, access_log.clone())).await;
            }
            asked.done(&outcome, "task-processor");
        }
    }

    /// What it would make of `read`.
    pub(crate) fn outcome(&self, read: &Cluster) -> Outcome {
        let concerns = |change: &_| concerns(change, &self.node.name);
        Outcome::of(&self.in_force, &self.followed(read), read, concerns)
    }

    /// Goes by `read` from now on, as far as it can.
    fn follow(&mut self, read: &Cluster) {
        let (now, own) = (self.followed(read), &self.node.name);
        let (was_listed, is_listed) = (self.in_force.node(own).is_some(), now.node(own).is_some());
        if !is_listed {
            warn!(
                node = own,
                "it is in its cluster.toml no more: it keeps what it has granted and grants nothing new; stop it, or \
                 put the node back and send SIGHUP again"
            );
        } else if !was_listed {
            info!(node = own, "it is in its cluster.toml again and grants leases");
        }
        self.in_force = now;
    }

    fn followed(&self, read: &Cluster) -> Cluster {
        let followed = |node: &config::Node| {
            let config::Node { slots, speed, .. } = *node;
            if node.name == self.node.name {
                config::Node { slots, speed, ..self.node.clone() }
            } else {
                node.clone()
            }
        };
        let observe_only = read.sharing.observe_only;
        // What a copy speaks, and how requests get to it, was told with the leases that are held.
        let service = |read: &Service| match self.in_force.service(&read.name) {
            Some(own) => Service { path: own.path, upstream: own.upstream, ..read.clone() },
            None => read.clone(),
        };
        Cluster {
            services: read.services.iter().map(service).collect(),
            nodes: read.nodes.iter().map(followed).collect(),
            sharing: Sharing { observe_only, ..self.in_force.sharing.clone() },
            ..self.in_force.clone()
        }
    }

    fn bounds(&self) -> Bounds {
        let own = self.in_force.node(&self.node.name);
        Bounds {
            slots: own.map_or(self.node.slots, |own| own.slots) as usize,
            pool_slots: self.in_force.slots(),
            observe_only: self.in_force.sharing.observe_only,
            is_listed: own.is_some(),
        }
    }
}

/// Whether the task-processor of the node named `own` is concerned.
fn concerns(change: &Change, own: &str) -> bool {
    match change {
        // They make the pool larger or smaller.
        Change::NodeAdded(_) | Change::NodeRemoved(_) => true,
        Change::NodesReordered => false,
        // It runs what its file says.
        Change::ServiceAdded(_) | Change::ServiceRemoved(_) => true,
        Change::Key(KeyChange { of: Owner::Cluster, key, .. }) => {
            !key.starts_with("sharing.") || *key == "sharing.observe_only"
        }
        Change::Key(KeyChange { of: Owner::Node(node), key, .. }) => {
            *key == "slots" || node == own && *key != "speed"
        }
        Change::Key(KeyChange { of: Owner::Service(_), key, .. }) => OURS.contains(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cluster of these nodes, each with so many slots.
    fn cluster(nodes: &[(&str, u32)]) -> Cluster {
        let mut text = "[cluster]\nname = \"test\"\n".to_owned();
        for (number, (name, slots)) in nodes.iter().enumerate() {
            text += &format!(
                "[[node]]\nname = \"{name}\"\naddress = \"127.0.0.{}\"\nslots = {slots}\n",
                number + 11
            );
        }
        text += "[service.shop]\nfront_end = \"127.0.0.1\"\nlisten = \"127.0.0.1:80\"\nmax = 1\n\
                 command = [\"shopd\", \"{port}\"]\ncapacity = 1\n";
        config::parse("cluster.toml", &text).unwrap()
    }

    fn follower() -> Follower {
        let cluster = cluster(&[("c1", 1), ("c2", 1)]);
        let node = cluster.nodes[0].clone();
        Follower::new(cluster, node)
    }

    #[test]
    fn its_slots_and_those_of_the_pool_are_followed() {
        let mut follower = follower();
        follower.follow(&cluster(&[("c1", 2), ("c2", 1), ("c3", 4)]));
        let bounds = follower.bounds();
        assert_eq!(bounds, Bounds { slots: 2, pool_slots: 7, observe_only: false, is_listed: true });
    }

    #[test]
    fn a_node_that_is_gone_from_the_file_keeps_its_slots_and_is_one_again_when_it_is_back() {
        let mut follower = follower();
        follower.follow(&cluster(&[("c2", 1)]));
        let gone = follower.bounds();
        assert_eq!(gone, Bounds { slots: 1, pool_slots: 1, observe_only: false, is_listed: false });
        follower.follow(&cluster(&[("c2", 1), ("c1", 3)]));
        let back = follower.bounds();
        assert_eq!(back, Bounds { slots: 3, pool_slots: 4, observe_only: false, is_listed: true });
        // It listens where it did, whatever the file says.
        assert_eq!(follower.in_force.node("c1").unwrap().address.to_string(), "127.0.0.11");
    }

    #[test]
    fn what_it_runs_and_where_it_listens_is_its_concern_and_the_decisions_are_not() {
        let key = |of: Owner, key| Change::Key(KeyChange { of, key, old: "1".into(), new: "2".into() });
        let (own, other) = (|| Owner::Node("c1".into()), || Owner::Node("c2".into()));
        let ours = [
            key(Owner::Service("shop".into()), "command"),
            key(own(), "address"),
            key(other(), "slots"),
            key(Owner::Cluster, "lease.ttl"),
        ];
        assert!(ours.iter().all(|change| concerns(change, "c1")));
        let others = [
            key(Owner::Service("shop".into()), "min"),
            key(other(), "address"),
            key(own(), "speed"),
            key(Owner::Cluster, "sharing.period"),
        ];
        assert!(others.iter().all(|change| !concerns(change, "c1")));
    }

    #[test]
    fn services_come_go_and_change_their_times_and_commands_and_what_they_speak_waits_for_a_restart() {
        let follower = follower();
        let read = |from: &str, to: &str| {
            let text = "[cluster]\nname = \"test\"\n[[node]]\nname = \"c1\"\naddress = \"127.0.0.11\"\n\
                        [[node]]\nname = \"c2\"\naddress = \"127.0.0.12\"\n[service.shop]\nfront_end = \"127.0.0.1\"\n\
                        listen = \"127.0.0.1:80\"\nmax = 1\ncommand = [\"shopd\", \"{port}\"]\ncapacity = 1\n";
            let outcome = follower.outcome(&config::parse("cluster.toml", &text.replace(from, to)).unwrap());
            let keys =
                |changes: &[Change]| changes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            (keys(&outcome.applied), keys(&outcome.needs_restart))
        };
        let applied = [
            ("start_timeout = \"7s\"", "start_timeout is \"7s\""),
            ("stop_timeout = \"7s\"", "stop_timeout is \"7s\""),
            ("long_lived_timeout = \"7s\"", "long_lived_timeout is \"7s\""),
            ("ready = \"/z\"", "ready is"),
            ("ports = \"30000-30010\"", "ports is"),
            ("first_byte_timeout = \"7s\"", "first_byte_timeout is \"7s\""),
            ("upstream_idle_timeout = \"2s\"", "upstream_idle_timeout is \"2s\""),
        ];
        for (line, words) in applied {
            let (done, left) = read("capacity = 1", &format!("capacity = 1\n{line}"));
            assert!(done.contains(words) && left.is_empty(), "{line}: {done} / {left}");
        }
        let (done, left) = read("shopd", "mall");
        assert!(done.contains("command is") && left.is_empty(), "{done} / {left}");
        let (done, left) = read("capacity = 1", "capacity = 1\nupstream = \"h2c\"");
        assert!(done.is_empty() && left.contains("upstream is"), "{done} / {left}");
        let (done, left) = read("service.shop", "service.mall");
        assert_eq!((done.as_str(), left.as_str()), ("service shop is gone; service mall is new", ""));
    }
}
