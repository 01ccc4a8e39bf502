//! Which changes are the concern of a service-manager, and which of them it can follow. Pure.

use cluster::config::{Change, Cluster, KeyChange, Owner, Scaling, Service};

/// The keys of a service by which only its load-manager and the nodes go.
const NOT_OURS: [&str; 26] = [
    "path",
    "min",
    "max",
    "weight",
    "priority",
    "standby",
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

/// The cluster as the service-manager of `service` goes by it when it has taken up what it can of `read`. Where
/// its sockets are held by somebody else, `is_fixed`, it cannot listen elsewhere.
pub(super) fn followed(in_force: &Cluster, read: &Cluster, service: &str, is_fixed: bool) -> Cluster {
    let own = in_force.service(service).map(|own| match read.service(service) {
        Some(read) => own_followed(own, read, is_fixed),
        None => own.clone(),
    });
    Cluster { services: own.into_iter().collect(), ..in_force.clone() }
}

fn own_followed(own: &Service, read: &Service, is_fixed: bool) -> Service {
    Service {
        command: read.command.clone(),
        user: read.user.clone(),
        limits: read.limits,
        listen: if is_fixed { own.listen } else { read.listen },
        admin: read.admin,
        ready: read.ready.clone(),
        ports: read.ports.clone(),
        start_timeout: read.start_timeout,
        stop_timeout: read.stop_timeout,
        long_lived_timeout: read.long_lived_timeout,
        capacity: read.capacity,
        local_capacity: read.local_capacity,
        queue_max: read.queue_max,
        local: read.local,
        dispatch: read.dispatch,
        slow_start: read.slow_start,
        eject_5xx: read.eject_5xx,
        eject_time: read.eject_time,
        head_timeout: read.head_timeout,
        body_idle_timeout: read.body_idle_timeout,
        keep_alive_timeout: read.keep_alive_timeout,
        tunnel_idle_timeout: read.tunnel_idle_timeout,
        queue_timeout: read.queue_timeout,
        connect_timeout: read.connect_timeout,
        first_byte_timeout: read.first_byte_timeout,
        response_idle_timeout: read.response_idle_timeout,
        upstream_idle_timeout: read.upstream_idle_timeout,
        connections_max: read.connections_max,
        head_max: read.head_max,
        headers_max: read.headers_max,
        body_max: read.body_max,
        trusted_proxies: read.trusted_proxies.clone(),
        proxy_protocol: read.proxy_protocol,
        forwarding: read.forwarding,
        served_by: read.served_by,
        access_log: read.access_log,
        access_log_file: read.access_log_file.clone(),
        scaling: Scaling {
            high: read.scaling.high,
            low: read.scaling.low,
            tick: read.scaling.tick,
            long_lived_after: read.scaling.long_lived_after,
            long_lived_quiet: read.scaling.long_lived_quiet,
            long_lived_weight: read.scaling.long_lived_weight,
            ..own.scaling.clone()
        },
        ..own.clone()
    }
}

/// Whether the service-manager of `service` is concerned.
pub(super) fn concerns(change: &Change, service: &str) -> bool {
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
    use cluster::daemon::Outcome;

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

    /// A reference file with a line of the service's exchanged or added.
    fn cluster(old: &str, new: &str) -> Cluster {
        let text = cluster::config::sample(1, "");
        assert!(text.contains(old), "{text}");
        cluster::config::parse("cluster.toml", &text.replace(old, new)).unwrap()
    }

    #[test]
    fn each_key_is_followed_or_said_to_need_a_restart() {
        let own = |line: &str| cluster("capacity = 8", &format!("capacity = 8\n{line}"));
        let before = own("");
        let applied = [
            "queue_max = 7",
            "queue_timeout = \"3s\"",
            "local = \"always\"",
            "dispatch = \"p2c\"",
            "slow_start = \"0s\"",
            "eject_5xx = \"off\"",
            "eject_time = \"7s\"",
            "head_timeout = \"3s\"",
            "body_idle_timeout = \"3s\"",
            "keep_alive_timeout = \"3s\"",
            "tunnel_idle_timeout = \"3s\"",
            "connect_timeout = \"500ms\"",
            "first_byte_timeout = \"3s\"",
            "response_idle_timeout = \"3s\"",
            "upstream_idle_timeout = \"3s\"",
            "connections_max = 77",
            "head_max = \"8KiB\"",
            "headers_max = 50",
            "body_max = \"1MiB\"",
            "trusted_proxies = [\"10.0.0.0/8\"]",
            "proxy_protocol = true",
            "forwarding = [\"x-forwarded-for\"]",
            "served_by = false",
            "access_log = \"json\"",
            "access_log = \"json\"\naccess_log_file = \"/tmp/a.log\"",
            "local_capacity = 4",
            "scaling.high = 0.8",
            "scaling.low = 0.3",
            "scaling.tick = \"2s\"",
            "scaling.long_lived_after = \"20s\"",
            "scaling.long_lived_quiet = \"2s\"",
            "scaling.long_lived_weight = 0.2",
            "admin = \"127.0.0.1:9000\"",
            "ready = \"/z\"",
            "ports = \"30000-30010\"",
            "start_timeout = \"3s\"",
            "stop_timeout = \"3s\"",
            "long_lived_timeout = \"7m\"",
        ];
        let restart = ["workers = 3", "upstream = \"h2c\""];
        for (lines, is_applied) in [(applied.as_slice(), true), (&restart, false)] {
            for line in lines {
                let read = own(line);
                let now = followed(&before, &read, "shop", false);
                let outcome = Outcome::of(&before, &now, &read, |change| concerns(change, "shop"));
                let (done, left) = (outcome.applied.len(), outcome.needs_restart.len());
                assert!(
                    if is_applied { done > 0 && left == 0 } else { done == 0 && left > 0 },
                    "{line}: {outcome:?}"
                );
            }
        }
    }
}
