//! Keys that are set otherwise than in the file: they are judged as if they stood there.

// Also the functions around the tests are tests: an unwrap is the assertion.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use cluster::config::{self, Capacity, Cluster, Local, Policy, Set};

const FILE: &str = r#"
[cluster]
name = "t"
[[node]]
name = "n1"
address = "127.0.0.11"
[[node]]
name = "n2"
address = "127.0.0.12"
[service.shop]
front_end = "127.0.0.1"
listen = "127.0.0.1:8080"
command = ["x", "{port}"]
capacity = 8
[service.shop.scaling]
low = 0.36
[service.blog]
front_end = "127.0.0.1"
listen = "127.0.0.1:8081"
command = ["x", "{port}"]
capacity = 9
"#;

fn with(service: &str, sets: &[&str]) -> Result<Cluster, Vec<String>> {
    let sets: Vec<Set> = sets.iter().map(|set| set.parse().unwrap()).collect();
    let faults = |faults: Vec<config::SetFault>| faults.iter().map(ToString::to_string).collect();
    config::parse_with(FILE, service, &sets).map_err(faults)
}

#[test]
fn what_is_not_set_stays_as_it_is() {
    let read = config::parse("cluster.toml", FILE).unwrap();
    let same = with("shop", &[]).unwrap();
    assert_eq!(same.nodes, read.nodes);
    assert_eq!(same.service("shop"), read.service("shop"));
    assert_eq!(same.service("blog"), read.service("blog"));
}

#[test]
fn a_key_of_the_service_or_of_its_scaling_is_set() {
    let changed = with(
        "shop",
        &[
            "capacity=16",
            "max = 1",
            "local=always",
            "scaling.high=0.8",
            "scaling.low=0.3",
            "scaling.down_window=60s",
            "scaling.fast_window=\"2s\"",
            "scaling.policy=classic",
        ],
    )
    .unwrap();
    let shop = changed.service("shop").unwrap();
    let sixteen = Capacity::Requests(16);
    assert_eq!((shop.capacity, shop.local_capacity), (sixteen, sixteen));
    assert_eq!((shop.max, shop.local), (1, Local::Always));
    let scaling = &shop.scaling;
    assert_eq!((scaling.high, scaling.low, scaling.policy), (0.8, 0.3, Policy::Classic));
    assert_eq!((scaling.down_window, scaling.fast_window), (Duration::from_secs(60), Duration::from_secs(2)));
    assert_eq!(changed.service("blog").unwrap().capacity, Capacity::Requests(9));
}

#[test]
fn a_service_without_that_table_gets_it() {
    assert_eq!(with("blog", &["scaling.high=0.8"]).unwrap().service("blog").unwrap().scaling.high, 0.8);
}

#[test]
fn of_two_values_the_last_one_counts() {
    let changed = with("shop", &["capacity=1", "capacity=2"]).unwrap();
    assert_eq!(changed.service("shop").unwrap().capacity, Capacity::Requests(2));
}

#[test]
fn a_fault_names_what_was_set() {
    let faults = |sets: &[&str]| with("shop", sets).unwrap_err();
    assert_eq!(
        faults(&["scaling.high=1.5", "capacity=0"]),
        [
            "--set capacity: service.capacity = 0, must be a whole number from 1 to 1000000, or \"auto\"",
            "--set scaling.high: scaling.high = 1.5, must be a number above 0 and at most 1",
        ]
    );
    assert_eq!(
        faults(&["scaling.hihg=0.8"]),
        ["--set scaling.hihg: unknown key \"hihg\", did you mean \"high\"?"]
    );
    assert_eq!(
        faults(&["scaling.tick=5"]),
        [
            "--set scaling.tick: scaling.tick = 5, must be a duration from 100ms to 1h, with its unit and in quotes, like \"10s\""
        ]
    );
    assert_eq!(
        faults(&["scaling=3"]),
        ["--set scaling: service.scaling = 3, must be a table, written [service.scaling]"]
    );
}

#[test]
fn what_contradicts_the_file_is_a_fault_too() {
    // `low` stands in the file, and is half of 0.72; the default target is above 0.5.
    let faults = with("shop", &["scaling.high=0.5"]).unwrap_err();
    assert_eq!(
        faults,
        [
            "--set scaling.high: scaling.target = 0.6 (default), must be below high (0.5)",
            "--set: scaling.low = 0.36, must be below half of high (0.5 / 2 = 0.25)",
        ]
    );
}

#[test]
fn what_is_no_key_and_value_is_told_how_to_write_it() {
    let wrong = |set: &str| set.parse::<Set>().unwrap_err();
    for set in ["scaling.high", "=1", "capacity=", "scaling.=1", "a b=1", ""] {
        assert_eq!(wrong(set), "must be written KEY=VALUE, like scaling.high=0.8", "{set:?}");
    }
    let elsewhere = wrong("cluster.lease.ttl=5s");
    assert!(elsewhere.starts_with("cluster.lease.ttl is no key of [service.NAME] or"), "{elsewhere}");
}

#[test]
fn a_value_is_one_value_and_nothing_else() {
    let faults = with("shop", &["capacity=1\nmax = 0"]).unwrap_err();
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].starts_with("--set capacity: service.capacity = "), "{faults:?}");
}
