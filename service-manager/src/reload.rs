//! A cluster.toml that was read again: a service-manager follows none of its changes yet, and says for
//! which of them it has to be started anew. The nodes come to it with the child_list.

use cluster::config::{Change, Cluster, KeyChange, Owner};
use cluster::daemon::{Outcome, Reload};

/// The keys of a service by which only its load-manager and the nodes go.
const NOT_OURS: [&str; 27] = [
    "path",
    "min",
    "max",
    "weight",
    "priority",
    "standby",
    "long_lived_timeout",
    "floor",
    "scaling.policy",
    "scaling.target",
    "scaling.fast_window",
    "scaling.slow_window",
    "scaling.high_ticks",
    "scaling.surge",
    "scaling.queue_drain_time",
    "scaling.add_max",
    "scaling.add_factor",
    "scaling.add_period",
    "scaling.down_window",
    "scaling.down_projection",
    "scaling.down_after_up",
    "scaling.node_age_min",
    "scaling.drain_period",
    "scaling.drain_share",
    "scaling.data_timeout",
    "scaling.node_data_timeout",
    "scaling.cpu_target",
];

/// Says of each file that comes what of it waits for a restart, until it is given up. `in_force` is the
/// one that the service was started with.
pub(crate) async fn tell(mut reload: Reload, in_force: Cluster, service: String) {
    loop {
        let read = reload.next().await;
        Outcome::of(&in_force, &in_force, &read, |change| concerns(change, &service)).log("service-manager");
    }
}

/// Whether the service-manager of `service` is concerned.
fn concerns(change: &Change, service: &str) -> bool {
    match change {
        Change::NodeAdded(_) | Change::NodeRemoved(_) | Change::NodesReordered | Change::ServiceAdded(_) => {
            false
        }
        Change::ServiceRemoved(removed) => removed == service,
        Change::Key(KeyChange { of: Owner::Cluster, key, .. }) => {
            ["name", "runtime_dir", "state_dir", "tls.directory", "tls.data"].contains(key)
        }
        Change::Key(KeyChange { of: Owner::Node(_), .. }) => false,
        Change::Key(KeyChange { of: Owner::Service(of), key, .. }) => {
            of == service && !NOT_OURS.contains(key)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(of: Owner, key: &'static str) -> Change {
        Change::Key(KeyChange { of, key, old: "1".into(), new: "2".into() })
    }

    #[test]
    fn nodes_other_services_and_the_decisions_are_no_concern_of_the_door() {
        let shop = || Owner::Service("shop".into());
        let ours = [key(shop(), "listen"), key(shop(), "scaling.high"), key(shop(), "capacity")];
        assert!(ours.iter().all(|change| concerns(change, "shop")));
        assert!(ours.iter().all(|change| !concerns(change, "blog")));
        let others = [
            Change::NodeAdded("c1".into()),
            key(Owner::Node("c1".into()), "speed"),
            key(shop(), "min"),
            key(shop(), "scaling.target"),
            key(Owner::Cluster, "lease.ttl"),
        ];
        assert!(others.iter().all(|change| !concerns(change, "shop")));
        assert!(concerns(&Change::ServiceRemoved("shop".into()), "shop"));
    }
}
