//! Every key of cluster.toml with another value, and what each daemon makes of that while it runs: it goes by
//! it, or says that it needs a restart. None is left out by all.
#![allow(clippy::unwrap_used)] // in a test an unwrap is the assertion

#[path = "../../cluster/tests/config_reference.rs"]
mod config_reference;

use std::collections::BTreeMap;

use cluster::config::{Change, Cluster, changes};
use cluster::daemon::Outcome;

/// The keys for which a daemon that goes by them is to be started anew: the front door (F), the load-manager (L), the
/// task-processor of the node (T). Every other key is followed by each daemon that goes by it.
const NEEDS_RESTART: [(&str, &str); 18] = [
    // Where it is, and who may speak to it.
    ("name", "FLT"),
    ("insecure", "LT"),
    ("runtime_dir", "FLT"),
    ("state_dir", "FLT"),
    ("tls.directory", "FLT"),
    ("tls.data", "FT"),
    ("address", "T"),
    ("control_port", "T"),
    ("data_port", "T"),
    ("front_end", "FL"),
    // The promises between those who hold leases and those who grant them.
    ("lease.ttl", "LT"),
    ("lease.renew", "LT"),
    ("lease.jeopardy", "LT"),
    ("lease.orphan_grace", "LT"),
    ("lease.reservation_timeout", "LT"),
    ("lease.reclaim_notice", "LT"),
    // How what is run is spoken to.
    ("upstream", "FT"),
    ("path", "LT"),
];

/// And of the door alone.
const NEEDS_RESTART_OF_THE_DOOR: [&str; 3] = ["workers", "tls.listen", "tls.certificates"];

/// What each daemon makes of it, by its letter.
fn outcomes(before: &Cluster, after: &Cluster) -> [(char, Outcome); 3] {
    [
        ('F', service_manager::rehearse(before, after, "demo")),
        ('L', load_manager::rehearse(before, after, "demo")),
        ('T', task_processor::rehearse(before, after, &before.nodes[0])),
    ]
}

fn key(change: &Change) -> &'static str {
    match change {
        Change::Key(change) => change.key,
        other => panic!("{other}"),
    }
}

#[test]
fn every_key_is_followed_or_said_to_need_a_restart_by_a_daemon_at_least() {
    let mut expected: BTreeMap<&str, &str> = NEEDS_RESTART.into();
    expected.extend(NEEDS_RESTART_OF_THE_DOOR.map(|key| (key, "F")));
    let mut found = BTreeMap::new();
    for (written, before, after) in config_reference::each_key_changed() {
        for change in changes(&before, &after) {
            let (mut applied, mut waits) = (String::new(), String::new());
            for (daemon, outcome) in outcomes(&before, &after) {
                if outcome.applied.contains(&change) {
                    applied.push(daemon);
                }
                if outcome.needs_restart.contains(&change) {
                    waits.push(daemon);
                }
                // One file tells of it once: it is applied, waits, or is another daemon's.
                let lists = [&outcome.applied, &outcome.needs_restart, &outcome.elsewhere];
                assert_eq!(
                    lists.iter().filter(|list| list.contains(&change)).count(),
                    1,
                    "{written}: {daemon}"
                );
            }
            assert!(!(applied.is_empty() && waits.is_empty()), "{written}: nobody speaks of {change}");
            if !waits.is_empty() {
                found.insert(key(&change), waits);
            }
        }
    }
    let expected: BTreeMap<_, _> =
        expected.into_iter().map(|(key, daemons)| (key, daemons.to_owned())).collect();
    assert_eq!(found, expected);
}

#[test]
fn nodes_and_services_that_come_and_go_are_followed() {
    let text = |nodes: u8, service: &str| {
        cluster::config::sample(nodes, "").replace("service.shop", &format!("service.{service}"))
    };
    let cluster = |nodes, service| cluster::config::parse("cluster.toml", &text(nodes, service)).unwrap();
    let before = cluster(2, "shop");
    let words = |changes: &[Change]| changes.iter().map(ToString::to_string).collect::<Vec<_>>();
    let now = load_manager::rehearse(&before, &cluster(3, "shop"), "shop");
    assert_eq!(words(&now.applied), ["node c3 is new", "service shop: max is 3, was 2"]);
    let now = load_manager::rehearse(&before, &cluster(1, "shop"), "shop");
    assert_eq!(words(&now.applied), ["node c2 is gone", "service shop: max is 1, was 2"]);
    let now = task_processor::rehearse(&before, &cluster(2, "blog"), &before.nodes[0]);
    assert_eq!(words(&now.applied), ["service shop is gone", "service blog is new"]);
    assert!(now.needs_restart.is_empty());
}
