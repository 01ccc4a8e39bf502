//! The direction of knowledge: `proto`, `cluster` and `relay` are leaves; the daemons import the
//! leaves and never one another; `accordion` and `e2e` may import all, and nothing imports them.
//! What decides knows neither the time of day nor the network.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const LEAVES: [&str; 3] = ["cluster", "proto", "relay"];
const DAEMONS: [&str; 3] = ["load-manager", "service-manager", "task-processor"];
const TOPS: [&str; 2] = ["accordion", "e2e"];

/// The modules that decide, each with what is below it.
const PURE: [&str; 6] = [
    "load-manager/src/decider",
    "load-manager/src/entrance",
    "load-manager/src/holder",
    "load-manager/src/node",
    "load-manager/src/order",
    "task-processor/src/lease",
];

/// The ways to a clock, to chance, to a file, to a log, to a runtime and to the wire.
const IMPURE: [&str; 9] =
    ["Instant", "SystemTime", "fastrand", "std::fs", "std::io", "tracing", "tokio", "tonic", "proto::"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn manifest(folder: &str) -> toml::Table {
    let path = root().join(folder).join("Cargo.toml");
    std::fs::read_to_string(&path).expect("each member has a manifest").parse().expect("it is TOML")
}

/// Every file in a folder and below it, with its text; none where there is no such folder.
fn sources(folder: PathBuf) -> Vec<(PathBuf, String)> {
    let (mut sources, mut folders) = (Vec::new(), vec![folder]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = std::fs::read_to_string(&path).expect("a source is text");
                sources.push((path, text));
            }
        }
    }
    sources
}

/// The members of the workspace that a member depends on, in any way.
fn imports(folder: &str, members: &[String]) -> Vec<String> {
    let manifest = manifest(folder);
    let tables = ["dependencies", "dev-dependencies", "build-dependencies"];
    let named =
        tables.iter().filter_map(|table| manifest.get(*table)?.as_table()).flat_map(toml::Table::keys);
    named.filter(|name| members.contains(name)).cloned().collect()
}

#[test]
fn knowledge_has_one_direction() {
    let root = manifest(".");
    let members: Vec<String> = root["workspace"]["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap().to_owned())
        .collect();
    let graph: BTreeMap<&str, Vec<String>> =
        members.iter().map(|member| (member.as_str(), imports(member, &members))).collect();

    let mut known: Vec<&str> = [&LEAVES[..], &DAEMONS, &TOPS].concat();
    known.sort_unstable();
    assert_eq!(graph.keys().copied().collect::<Vec<_>>(), known, "a new member needs its place in the order");

    for leaf in LEAVES {
        assert!(graph[leaf].is_empty(), "{leaf} is a leaf, but imports {:?}", graph[leaf]);
    }
    for daemon in DAEMONS {
        let strange: Vec<_> = graph[daemon].iter().filter(|name| !LEAVES.contains(&name.as_str())).collect();
        assert!(strange.is_empty(), "{daemon} may import leaves only, not {strange:?}");
    }
    assert!(graph["accordion"].iter().all(|name| name != "e2e"), "nothing imports e2e");
}

#[test]
fn no_wire_or_http_library_shows_through_where_it_is_to_be_replaced() {
    // What is below `relay` may be replaced as long as nobody above it names it.
    for daemon in ["service-manager", "task-processor"] {
        let sources = sources(root().join(daemon).join("src"));
        assert!(!sources.is_empty(), "{daemon}");
        for (path, text) in sources {
            // The admin listener is no part of the data path.
            let is_admin = path.file_name().is_some_and(|name| name == "admin.rs");
            assert!(is_admin || !text.contains("hyper::"), "{} names hyper", path.display());
        }
    }
}

#[test]
fn what_decides_knows_neither_the_time_of_day_nor_the_network() {
    for module in PURE {
        let file = root().join(format!("{module}.rs"));
        let text = std::fs::read_to_string(&file).expect("each pure module is there");
        for (path, text) in sources(root().join(module)).into_iter().chain([(file, text)]) {
            for way in IMPURE {
                assert!(!text.contains(way), "{} is to be pure, but names {way}", path.display());
            }
        }
    }
}
