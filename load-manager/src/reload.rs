//! What a load-manager can follow of a cluster.toml that was read again, and which changes are its
//! concern at all. Pure.

use cluster::config::{Change, Cluster, KeyChange, Owner, Service};
use cluster::daemon::Outcome;

/// The keys of a service that its load-manager does not look at.
const NOT_OURS: [&str; 33] = [
    "listen",
    "upstream",
    "workers",
    "queue_max",
    "dispatch",
    "slow_start",
    "eject_5xx",
    "eject_time",
    "head_timeout",
    "body_idle_timeout",
    "keep_alive_timeout",
    "tunnel_idle_timeout",
    "queue_timeout",
    "connect_timeout",
    "first_byte_timeout",
    "response_idle_timeout",
    "upstream_idle_timeout",
    "connections_max",
    "head_max",
    "headers_max",
    "body_max",
    "trusted_proxies",
    "proxy_protocol",
    "forwarding",
    "served_by",
    "access_log",
    "access_log_file",
    "admin",
    "tls.listen",
    "tls.certificates",
    "scaling.long_lived_after",
    "scaling.long_lived_quiet",
    "scaling.long_lived_weight",
];

/// The cluster as the load-manager of `service` goes by it when it has taken up what it can of `read`.
///
/// The whole pool; the other services, by whose number the order of the nodes goes; how nodes change hands;
/// and of its own service what the decisions go by. The path that requests take to a node stays, for its
/// leases were granted for it.
pub(crate) fn followed(in_force: &Cluster, read: &Cluster, service: &str) -> Cluster {
    let own = in_force.service(service).map(|own| match read.service(service) {
        Some(read) => own_followed(own, read),
        None => own.clone(),
    });
    let others = read.services.iter().filter(|other| other.name != service).cloned();
    Cluster {
        nodes: read.nodes.clone(),
        services: own.into_iter().chain(others).collect(),
        sharing: read.sharing.clone(),
        ..in_force.clone()
    }
}

/// What a load-manager of `service` that goes by `in_force` makes of `read`: what it goes by then, and what comes
/// of it.
pub(crate) fn plan(in_force: &Cluster, read: &Cluster, service: &str) -> (Cluster, Outcome) {
    let now = followed(in_force, read, service);
    let outcome = Outcome::of(in_force, &now, read, |change| concerns(change, service));
    (now, outcome)
}

fn own_followed(own: &Service, read: &Service) -> Service {
    Service {
        // The range that a node's word is held to.
        ports: read.ports.clone(),
        capacity: read.capacity,
        local_capacity: read.local_capacity,
        local: read.local,
        command: read.command.clone(),
        user: read.user.clone(),
        limits: read.limits,
        ready: read.ready.clone(),
        min: read.min,
        max: read.max,
        weight: read.weight,
        priority: read.priority,
        standby: read.standby,
        floors: read.floors.clone(),
        start_timeout: read.start_timeout,
        stop_timeout: read.stop_timeout,
        long_lived_timeout: read.long_lived_timeout,
        scaling: read.scaling.clone(),
        ..own.clone()
    }
}

/// Whether the load-manager of `service` is concerned.
pub(crate) fn concerns(change: &Change, service: &str) -> bool {
    match change {
        Change::NodeAdded(_) | Change::NodeRemoved(_) | Change::NodesReordered => true,
        // By their number goes the order of the nodes.
        Change::ServiceAdded(_) | Change::ServiceRemoved(_) => true,
        Change::Key(KeyChange { of: Owner::Cluster, key, .. }) => *key != "tls.data",
        Change::Key(KeyChange { of: Owner::Node(_), key, .. }) => *key != "data_port",
        Change::Key(KeyChange { of: Owner::Service(of), key, .. }) => {
            of == service && !NOT_OURS.contains(key)
        }
    }
}

#[cfg(test)]
mod tests {
    use cluster::config::{self, changes, sample};

    use super::*;

    const BLOG: &str = r#"
[service.blog]
front_end = "127.0.0.2"
listen = "127.0.0.2:8080"
command = ["blogd", "{port}"]
capacity = 8
"#;

    /// What is in force.
    fn text() -> String {
        sample(2, "")
    }

    fn cluster(text: &str) -> Cluster {
        config::parse("cluster.toml", text).unwrap()
    }

    /// What of the changes from `text()` to this is followed, and what is not.
    fn followed_and_left(read: &str) -> (Vec<String>, Vec<String>) {
        let (in_force, read) = (cluster(&text()), cluster(read));
        let now = followed(&in_force, &read, "shop");
        let words = |old, new| {
            let changes: Vec<Change> = changes(old, new);
            changes.iter().filter(|change| concerns(change, "shop")).map(ToString::to_string).collect()
        };
        (words(&in_force, &now), words(&now, &read))
    }

    #[test]
    fn the_whole_pool_is_followed_with_the_max_that_comes_of_it() {
        let read = text().replace("c1\"\n", "c3\"\nspeed = 2.0\n");
        let read = read
            .replace("[service.shop]", "[[node]]\nname = \"c4\"\naddress = \"127.0.0.14\"\n[service.shop]");
        let applied =
            ["node c1 is gone", "node c3 is new", "node c4 is new", "service shop: max is 3, was 2"];
        assert_eq!(followed_and_left(&read), (applied.map(str::to_owned).to_vec(), vec![]));
    }

    #[test]
    fn what_the_decisions_go_by_is_followed_and_the_path_is_not() {
        let read = format!(
            "{}min = 1\nstandby = 1\nweight = 2.0\nqueue_max = 7\n[[service.shop.floor]]\nfrom = \"08:00\"\n\
             to = \"09:00\"\nnodes = 1\n[service.shop.scaling]\ntarget = 0.5\ntick = \"2s\"\n",
            text()
                .replace("capacity = 8", "capacity = 9\npath = \"direct\"")
                .replace("{port}", "{port}{address}")
                .replace("name = \"test\"", "name = \"best\"")
        );
        let (applied, left) = followed_and_left(&read);
        let key = |sentence: &String| {
            let (_, said) = sentence.split_once(": ").unwrap();
            said.split(' ').next().unwrap().to_owned()
        };
        let keys = |sentences: Vec<String>| sentences.iter().map(key).collect::<Vec<_>>();
        assert_eq!(
            keys(applied),
            [
                "command",
                "capacity",
                "local_capacity",
                "min",
                "weight",
                "standby",
                "floor",
                "scaling.target",
                "scaling.tick"
            ]
        );
        assert_eq!(keys(left), ["name", "path"]);
    }

    #[test]
    fn another_service_is_followed_and_ones_own_serves_on_when_it_is_gone() {
        let (applied, left) = followed_and_left(&(text() + BLOG));
        assert_eq!((applied, left), (vec!["service blog is new".to_owned()], vec![]));
        let (applied, left) = followed_and_left(&text().replace("service.shop", "service.mall"));
        assert_eq!(applied, ["service mall is new"]);
        assert_eq!(left, ["service shop is gone"]);
        let now =
            followed(&cluster(&text()), &cluster(&text().replace("service.shop", "service.mall")), "shop");
        assert_eq!(now.service("shop"), cluster(&text()).service("shop"));
    }
}
