//! What one cluster.toml changes against another: nodes and services that come, go and stay. That every
//! key is told is in `config_reference`.
#![allow(clippy::unwrap_used)] // in a test an unwrap is the assertion

use cluster::config::{self, Change, Cluster, changes};
use proptest::prelude::*;

/// A cluster with nodes of these names and speeds, and services of these names and capacities.
fn cluster(nodes: &[(&str, f64)], services: &[(&str, u32)]) -> Cluster {
    let mut text = "[cluster]\nname = \"test\"\n".to_owned();
    for (name, speed) in nodes {
        let number = 10 + name.bytes().map(u32::from).sum::<u32>() % 200;
        text += &format!("[[node]]\nname = \"{name}\"\naddress = \"127.0.0.{number}\"\nspeed = {speed:?}\n");
    }
    for (number, (name, capacity)) in services.iter().enumerate() {
        text += &format!(
            "[service.{name}]\nfront_end = \"127.1.0.{number}\"\nlisten = \"127.1.0.{number}:80\"\nmax = 1\n\
             command = [\"shopd\", \"{{port}}\"]\ncapacity = {capacity}\n"
        );
    }
    config::parse("cluster.toml", &text).unwrap_or_else(|faults| panic!("{faults}\n{text}"))
}

fn told(old: &Cluster, new: &Cluster) -> Vec<String> {
    changes(old, new).iter().map(ToString::to_string).collect()
}

const SHOP: &[(&str, u32)] = &[("shop", 8)];

#[test]
fn a_file_changes_nothing_against_itself_nor_by_what_means_nothing() {
    let one = cluster(&[("c1", 1.0)], SHOP);
    assert_eq!(told(&one, &one), [""; 0]);
    let text = |first: &str, second: &str| {
        format!(
            "# A comment\n[cluster]\nname = \"test\"\n[[node]]\n{first}\n{second}\nslots = 1\n[service.shop]\n\
             front_end = \"127.1.0.0\"\nlisten = \"127.1.0.0:80\"\nmax = 1\ncommand = [\"shopd\", \"{{port}}\"]\n\
             capacity = 8\nstart_timeout = \"30s\"\n"
        )
    };
    let same = text("address = \"127.0.0.158\"", "name = \"c1\"");
    assert_eq!(told(&one, &config::parse("", &same).unwrap()), [""; 0]);
}

#[test]
fn nodes_come_go_and_change_places() {
    let old = cluster(&[("c1", 1.0), ("c2", 1.0), ("c3", 1.0)], SHOP);
    let new = cluster(&[("c4", 1.0), ("c3", 2.0), ("c2", 1.0)], SHOP);
    assert_eq!(
        told(&old, &new),
        [
            "node c1 is gone",
            "node c4 is new",
            "node c3: speed is 2.0, was 1.0",
            "the nodes are in another order"
        ]
    );
    // Where a new one stands is no new order of the others.
    let front = cluster(&[("c4", 1.0), ("c1", 1.0), ("c2", 1.0), ("c3", 1.0)], SHOP);
    assert_eq!(changes(&old, &front), [Change::NodeAdded("c4".into())]);
    assert_eq!(changes(&front, &old), [Change::NodeRemoved("c4".into())]);
}

#[test]
fn services_come_and_go_and_their_order_means_nothing() {
    let old = cluster(&[("c1", 1.0)], &[("shop", 8), ("blog", 4)]);
    let new = cluster(&[("c1", 1.0)], &[("shop", 9), ("mail", 2)]);
    assert_eq!(
        told(&old, &new),
        [
            "service blog is gone",
            "service shop: capacity is 9, was 8",
            "service shop: local_capacity is 9, was 8",
            "service mail is new"
        ]
    );
    let mut turned = old.clone();
    turned.services.reverse();
    assert_eq!(told(&old, &turned), [""; 0]);
}

#[test]
fn a_value_that_is_taken_away_and_one_that_comes_are_told_as_such() {
    let old = cluster(&[("c1", 1.0)], SHOP);
    let mut new = old.clone();
    new.services[0].admin = Some("127.0.0.1:9100".parse().unwrap());
    new.services[0].eject_5xx = None;
    assert_eq!(
        told(&old, &new),
        [
            "service shop: admin is \"127.0.0.1:9100\", was unset",
            "service shop: eject_5xx is \"off\", was 0.5"
        ]
    );
    assert_eq!(told(&new, &old)[0], "service shop: admin is unset, was \"127.0.0.1:9100\"");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn two_pools_are_the_same_exactly_where_nothing_is_told(
        old in Just(vec![0, 1, 2, 3]).prop_shuffle(),
        new in Just(vec![0, 1, 2, 3]).prop_shuffle(),
        (count, other_count) in (0..=4_usize, 0..=4_usize),
    ) {
        let whole = cluster(&[("a", 1.0), ("b", 1.0), ("c", 1.0), ("d", 1.0)], SHOP);
        let pool = |numbers: &[usize]| {
            let nodes = numbers.iter().map(|&number| whole.nodes[number].clone()).collect();
            Cluster { nodes, ..whole.clone() }
        };
        let (old, new) = (pool(&old[..count]), pool(&new[..other_count]));
        prop_assert_eq!(changes(&old, &new).is_empty(), old == new);
    }
}
