//! The reference file says of every key what the reader of cluster.toml holds to, and every key
//! reaches the field of its name.

// Also the functions around the tests are tests: an unwrap is the assertion.
#![allow(clippy::unwrap_used)]

use std::sync::LazyLock;

use cluster::config::{self, Capacity, Change, Cluster, Floor, Scaling, Weekday, changes};

const WRITTEN: &str = include_str!("../../cluster.toml");

/// The table that is explained and not in force: with a floor a newcomer would not see the last nodes go back.
const FLOOR: &str = "[[service.demo.floor]]";

/// Another one: a newcomer has no certificates.
const CLIENTS_TLS: &str = "[service.demo.tls]";

/// And this: a newcomer has no certificates.
const TLS: &str = "[tls]";

/// What a copy may take of its machine.
const LIMITS: &str = "[service.demo.limits]";

/// The reference file with those tables in force.
static REFERENCE: LazyLock<String> = LazyLock::new(|| {
    let written = WRITTEN.replace(&format!("\n# {TLS}\n"), &format!("\n{TLS}\n"));
    [FLOOR, CLIENTS_TLS].iter().fold(written, |written, header| {
        let (before, table) = written.split_once(&format!("# {header}\n")).unwrap();
        let (table, after) = table.split_once("\n\n").unwrap();
        let in_force = |line| if key_of(line).is_some() { line.trim_start_matches("# ") } else { line };
        let table: Vec<&str> = table.lines().map(in_force).collect();
        format!("{before}{header}\n{}\n\n{after}", table.join("\n"))
    })
});

/// The headers under which the reference file explains keys, first ones only.
const TABLES: [&str; 10] = [
    "[cluster]",
    "[cluster.lease]",
    "[cluster.sharing]",
    TLS,
    "[[node]]",
    "[service.demo]",
    FLOOR,
    LIMITS,
    CLIENTS_TLS,
    "[service.demo.scaling]",
];

/// A value for each key with a default, sound beside those of the reference file and unlike any of them.
const OTHER_VALUES: [(&str, &[(&str, &str)]); 10] = [
    ("[cluster]", &[("insecure", "true"), ("runtime_dir", "\"/r\""), ("state_dir", "\"/s\"")]),
    (
        "[cluster.lease]",
        &[
            ("ttl", "\"11s\""),
            ("renew", "\"2500ms\""),
            ("jeopardy", "\"5s\""),
            ("orphan_grace", "\"61s\""),
            ("reservation_timeout", "\"31s\""),
            ("reclaim_notice", "\"32s\""),
        ],
    ),
    (
        "[cluster.sharing]",
        &[
            ("observe_only", "true"),
            ("starved_after", "\"31s\""),
            ("give_back_after", "\"6s\""),
            ("period", "\"11s\""),
            ("period_share", "0.2"),
        ],
    ),
    (TLS, &[("directory", "\"/t\""), ("data", "true")]),
    ("[[node]]", &[("control_port", "7500"), ("data_port", "7501"), ("slots", "2"), ("speed", "1.25")]),
    (
        "[service.demo]",
        &[
            ("ready", "\"/up\""),
            ("ports", "\"30000-30009\""),
            ("user", "\"root\""),
            ("upstream", "\"h2c\""),
            ("path", "\"direct\""),
            ("local_capacity", "9"),
            ("min", "1"),
            ("max", "2"),
            ("weight", "1.5"),
            ("priority", "1"),
            ("standby", "1"),
            ("workers", "3"),
            ("queue_max", "1001"),
            ("local", "\"always\""),
            ("dispatch", "\"p2c\""),
            ("slow_start", "\"11s\""),
            ("eject_5xx", "\"off\""),
            ("eject_time", "\"12s\""),
            ("head_timeout", "\"12s\""),
            ("body_idle_timeout", "\"62s\""),
            ("keep_alive_timeout", "\"63s\""),
            ("tunnel_idle_timeout", "\"2h\""),
            ("queue_timeout", "\"11s\""),
            ("connect_timeout", "\"2s\""),
            ("first_byte_timeout", "\"61s\""),
            ("response_idle_timeout", "\"6m\""),
            ("upstream_idle_timeout", "\"14s\""),
            ("start_timeout", "\"31s\""),
            ("stop_timeout", "\"13s\""),
            ("long_lived_timeout", "\"7m\""),
            ("connections_max", "20000"),
            ("head_max", "\"8KiB\""),
            ("headers_max", "101"),
            ("body_max", "\"1GiB\""),
            ("trusted_proxies", r#"["10.0.0.0/8", "::1"]"#),
            ("proxy_protocol", "true"),
            ("forwarding", r#"["via"]"#),
            ("served_by", "false"),
            ("access_log", "\"json\""),
            ("access_log_file", "\"/a.log\""),
            ("admin", "\"127.0.0.1:9101\""),
        ],
    ),
    (FLOOR, &[("days", "[\"sat\"]")]),
    (LIMITS, &[("cpu", "1.5"), ("memory", "\"64MiB\""), ("tasks", "20")]),
    (CLIENTS_TLS, &[]),
    (
        "[service.demo.scaling]",
        &[
            ("policy", "\"classic\""),
            ("target", "0.61"),
            ("high", "0.76"),
            ("low", "0.34"),
            ("cpu_target", "0.5"),
            ("tick", "\"2s\""),
            ("fast_window", "\"4s\""),
            ("slow_window", "\"31s\""),
            ("high_ticks", "3"),
            ("surge", "1.6"),
            ("queue_drain_time", "\"11s\""),
            ("add_max", "5"),
            ("add_factor", "2.5"),
            ("add_period", "\"3s\""),
            ("down_window", "\"121s\""),
            ("down_projection", "0.86"),
            ("down_after_up", "\"62s\""),
            ("node_age_min", "\"63s\""),
            ("drain_period", "\"12s\""),
            ("drain_share", "0.2"),
            ("data_timeout", "\"4s\""),
            ("node_data_timeout", "\"7s\""),
            ("long_lived_after", "\"14s\""),
            ("long_lived_quiet", "\"5s\""),
            ("long_lived_weight", "0.3"),
        ],
    ),
];

/// One for each key without a default, but the name of a node, which makes it another, and those of a floor.
const OTHER_REQUIRED: [(&str, &str, &str); 8] = [
    ("[cluster]", "name", "\"other\""),
    ("[[node]]", "address", "\"127.0.0.99\""),
    ("[service.demo]", "front_end", "\"127.0.0.98\""),
    ("[service.demo]", "listen", "\"127.0.0.1:8088\""),
    ("[service.demo]", "command", "[\"other\", \"{port}\"]"),
    ("[service.demo]", "capacity", "\"auto\""),
    (CLIENTS_TLS, "listen", "\"127.0.0.1:8444\""),
    (CLIENTS_TLS, "certificates", "[{ certificate = \"/c\", key = \"/k\" }]"),
];

/// The keys without a default.
const REQUIRED: [&str; 10] =
    ["name", "address", "front_end", "listen", "command", "capacity", "from", "to", "nodes", "certificates"];

/// Each key of the reference file, with the file where it is unset or as it was and the one with another value.
#[allow(dead_code, reason = "other tests include this file for it")]
pub(crate) fn each_key_changed() -> Vec<(String, Cluster, Cluster)> {
    let others = OTHER_VALUES
        .iter()
        .flat_map(|(table, values)| values.iter().map(move |(key, value)| (*table, *key, *value, "")));
    let required = OTHER_REQUIRED.iter().map(|(table, key, value)| (*table, *key, *value, *key));
    let changed = |(table, key, value, kept): (&str, &str, &str, &str)| {
        let Entry { line, value: own, .. } = entry(table, key);
        let before = if kept.is_empty() { String::new() } else { format!("{key} = {own}") };
        let after = format!("{key} = {value}");
        (format!("{table} {key}"), sound(&with_line(line, &before)), sound(&with_line(line, &after)))
    };
    others.chain(required).map(changed).collect()
}

fn sound(text: &str) -> Cluster {
    config::parse("cluster.toml", text).unwrap_or_else(|faults| panic!("{faults}\n{text}"))
}

/// Where a line stands, and what is written above it and in it.
struct Entry {
    line: usize,
    comment: String,
    value: &'static str,
    commented_out: bool,
}

/// The lines of the table, up to the next one, with their numbers from 0.
fn lines_of(table: &str) -> impl Iterator<Item = (usize, &'static str)> {
    let lines = REFERENCE.lines().enumerate().skip_while(move |(_, line)| *line != table);
    lines.skip(1).take_while(|(_, line)| !line.starts_with('['))
}

/// The key of a line, also of one that is commented out.
fn key_of(line: &str) -> Option<&str> {
    let (key, _) = line.trim_start_matches("# ").split_once(" = ")?;
    (!key.contains(' ')).then_some(key)
}

/// What is written above the line: back to the key, the heading or the header before it.
fn comment_above(line: usize) -> String {
    let lines: Vec<&str> = REFERENCE.lines().collect();
    let text = |line: &&str| line.starts_with("# ") && !line.starts_with("# -- ") && key_of(line).is_none();
    let above: Vec<&str> = lines[..line].iter().rev().copied().take_while(text).collect();
    above.iter().rev().map(|line| &line[2..]).collect::<Vec<_>>().join(" ")
}

fn entry(table: &str, key: &str) -> Entry {
    let (line, text) = lines_of(table)
        .find(|(_, line)| key_of(line) == Some(key))
        .unwrap_or_else(|| panic!("{key} is not in {table}"));
    let comment = comment_above(line);
    assert!(!comment.is_empty(), "{key} in {table} has no comment");
    let (_, value) = text.split_once(" = ").unwrap();
    Entry { line, comment, value, commented_out: text.starts_with("# ") }
}

/// The reference file with the line replaced.
fn with_line(number: usize, becomes: &str) -> String {
    let replaced = |(index, line)| if index == number { becomes } else { line };
    REFERENCE.lines().enumerate().map(replaced).collect::<Vec<_>>().join("\n")
}

/// The keys that the reader knows there, as it tells whoever writes another one.
fn known_keys(table: &str) -> Vec<String> {
    let text = REFERENCE.replacen(&format!("{table}\n"), &format!("{table}\nzzzzzzzz = 1\n"), 1);
    let faults = config::parse("cluster.toml", &text).unwrap_err();
    let (_, keys) = faults.iter().next().unwrap().text.split_once("must be one of ").unwrap();
    let is_table = |key: &&str| ["lease", "sharing", "limits", "tls", "floor", "scaling"].contains(key);
    keys.split(", ").filter(|key| !is_table(key)).map(str::to_owned).collect()
}

/// What the reader says that the key must be, without examples for other types.
fn expectation(table: &str, key: &str) -> String {
    let text = with_line(entry(table, key).line, &format!("{key} = {{}}"));
    let faults = config::parse("cluster.toml", &text).unwrap_err();
    let (_, expected) = faults.iter().next().unwrap().text.split_once(", must be ").unwrap();
    let expected = expected.split(", with its unit").next().unwrap();
    expected.split(", in quotes").next().unwrap().to_owned()
}

#[test]
fn the_reference_file_loads() {
    let cluster = sound(WRITTEN);
    let nodes: Vec<String> =
        cluster.nodes.iter().map(|node| format!("{} {}", node.name, node.control())).collect();
    assert_eq!(nodes, ["c1 127.0.0.11:7400", "c2 127.0.0.12:7400", "c3 127.0.0.13:7400"]);
    let [demo] = &cluster.services[..] else { panic!("one service") };
    assert_eq!((demo.name.as_str(), demo.capacity, demo.max), ("demo", Capacity::Requests(8), 3));
    assert_eq!(demo.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(demo.floors, []);
    // The newcomer waits for the slow window, then the down window, then for one drain after another.
    let nodes = u32::try_from(cluster.nodes.len()).unwrap();
    let scaling = &demo.scaling;
    let until_all_are_back = scaling.slow_window + scaling.down_window + scaling.drain_period * nodes;
    assert!(until_all_are_back.as_secs() <= 60, "{until_all_are_back:?}");
}

#[test]
fn every_key_that_the_reader_knows_is_explained_with_what_it_must_be() {
    for table in TABLES {
        for key in known_keys(table) {
            let (entry, expected) = (entry(table, &key), expectation(table, &key));
            assert!(entry.comment.contains(&expected), "{key}: {} lacks {expected:?}", entry.comment);
        }
    }
}

#[test]
fn every_default_is_the_one_that_the_comment_names() {
    for table in TABLES {
        for key in known_keys(table) {
            let entry = entry(table, &key);
            let (_, last) = entry.comment.rsplit_once("; ").unwrap();
            if let Some(default) = last.strip_prefix("default ") {
                let default = default.strip_suffix('.').unwrap();
                let written = sound(&with_line(entry.line, &format!("{key} = {default}")));
                assert_eq!(written, sound(&with_line(entry.line, "")), "{key} in {table}");
                assert!(!entry.commented_out || entry.value == default, "{key} in {table}");
            } else if last == "required." {
                assert!(config::parse("", &with_line(entry.line, "")).is_err(), "{key} in {table}");
            } else {
                assert!(last.starts_with("unset: "), "{key} in {table}: {last}");
                sound(&with_line(entry.line, &format!("{key} = {}", entry.value)));
            }
        }
    }
}

/// The printed cluster without that field, however many lines its value takes.
fn without_field(cluster: &Cluster, key: &str) -> Vec<String> {
    let printed = format!("{cluster:#?}");
    let mut lines = printed.lines();
    let mut rest = Vec::new();
    while let Some(line) = lines.next() {
        let text = line.trim_start();
        if !text.starts_with(&format!("{key}: ")) {
            rest.push(line.to_owned());
        } else if text.ends_with(['(', '[', '{']) {
            let indent = &line[..line.len() - text.len()];
            let closes = |line: &str| line.strip_prefix(indent).is_some_and(|rest| !rest.starts_with(' '));
            lines.by_ref().find(|line| closes(line)).unwrap();
        }
    }
    rest
}

/// The change of a key is told, and no other, with the value as it could be written.
fn is_told(table: &str, key: &str, changes: &[Change], after: &Cluster) {
    let [Change::Key(change)] = changes else { panic!("{key} in {table}: {changes:?}") };
    if table == FLOOR {
        return assert_eq!(change.key, "floor");
    }
    let prefix = match table {
        "[cluster.lease]" => "lease.",
        "[cluster.sharing]" => "sharing.",
        TLS | CLIENTS_TLS => "tls.",
        LIMITS => "limits.",
        "[service.demo.scaling]" => "scaling.",
        _ => "",
    };
    assert_eq!(change.key, format!("{prefix}{key}"));
    let rewritten = sound(&with_line(entry(table, key).line, &format!("{key} = {}", change.new)));
    assert_eq!(rewritten, *after, "{key} in {table}: {change:?}");
    let owner = match table {
        "[[node]]" => "node c1",
        _ if table.starts_with("[cluster") || table == TLS => "cluster",
        _ => "service demo",
    };
    let sentence = format!("{owner}: {} is {}, was {}", change.key, change.new, change.old);
    assert_eq!(changes[0].to_string(), sentence);
}

#[test]
fn every_key_reaches_the_field_of_its_name_and_no_other() {
    for (table, values) in OTHER_VALUES {
        for (key, value) in values {
            let line = entry(table, key).line;
            let before = sound(&with_line(line, ""));
            let after = sound(&with_line(line, &format!("{key} = {value}")));
            assert_ne!(before, after, "{key} in {table}");
            assert_eq!(without_field(&before, key), without_field(&after, key), "{key} in {table}");
            is_told(table, key, &changes(&before, &after), &after);
        }
        let mut known = known_keys(table);
        known.retain(|key| !REQUIRED.contains(&key.as_str()));
        let listed: Vec<&str> = values.iter().map(|(key, _)| *key).collect();
        assert_eq!(known, listed, "{table}");
    }
}

#[test]
fn the_keys_stand_in_the_order_in_which_the_reader_names_them() {
    for table in TABLES {
        let known = known_keys(table);
        let is_known = |key: &&str| known.iter().any(|known| known == key);
        let written: Vec<&str> =
            lines_of(table).filter_map(|(_, line)| key_of(line)).filter(is_known).collect();
        assert_eq!(written, known, "{table}");
    }
}

#[test]
fn without_a_scaling_table_the_defaults_are_in_force() {
    let (text, _) = REFERENCE.split_once("[service.demo.scaling]").unwrap();
    assert_eq!(sound(text).services[0].scaling, Scaling::default());
}

#[test]
fn the_floor_that_is_shown_holds_at_the_times_it_shows() {
    let cluster = sound(&REFERENCE);
    let floors = &cluster.services[0].floors;
    let nodes = |day, hour: u16, minute| Floor::largest_at(floors, day, hour * 60 + minute);
    assert_eq!([nodes(Weekday::Fri, 7, 59), nodes(Weekday::Fri, 8, 0)], [0, 2]);
    assert_eq!([nodes(Weekday::Fri, 18, 29), nodes(Weekday::Fri, 18, 30)], [2, 0]);
    assert_eq!(nodes(Weekday::Sat, 12, 0), 0);
}

#[test]
fn any_program_takes_the_place_of_the_demo_as_the_comment_shows() {
    let shown = REFERENCE.lines().find_map(|line| line.strip_prefix("# command = ")).unwrap();
    let entry = entry("[service.demo]", "command");
    let cluster = sound(&with_line(entry.line, &format!("command = {shown}")));
    assert_eq!(cluster.services[0].command[..3], ["python3", "-m", "http.server"]);
}
