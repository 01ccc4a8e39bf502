//! What a person reads who made a mistake in cluster.toml: every fault, with its place, in one go.

// Also the functions around the tests are tests: an unwrap is the assertion.
#![allow(clippy::unwrap_used)]

#[path = "config_faults/cases.rs"]
mod cases;
#[path = "config_faults/data_path.rs"]
mod data_path;
#[path = "config_faults/sharing.rs"]
mod sharing;

use std::fs;
use std::path::Path;

use cluster::config::{self, FILE_BYTES_MAX};
use cluster::daemon::Reload;
use proptest::prelude::*;

/// A sound file; each case replaces one of its lines.
const SOUND: &str = r#"[cluster]
name = "t"
[[node]]
name = "n1"
address = "127.0.0.11"
[[node]]
name = "n2"
address = "127.0.0.12"
[service.a]
front_end = "127.0.0.1"
listen = "127.0.0.1:8080"
command = ["x", "{port}"]
capacity = 8
[service.a.scaling]
tick = "1s"
"#;

const REFERENCE: &str = include_str!("../../cluster.toml");

/// The faults of the text, without the file's name.
fn faults(text: &str) -> Vec<String> {
    let Err(faults) = config::parse("cluster.toml", text) else { return Vec::new() };
    let line = |line: &str| line.strip_prefix("cluster.toml:").unwrap().to_owned();
    faults.to_string().lines().map(line).collect()
}

fn with_line(number: usize, becomes: &str) -> String {
    let replaced = |(index, line)| if index + 1 == number { becomes } else { line };
    SOUND.lines().enumerate().map(replaced).collect::<Vec<_>>().join("\n")
}

#[test]
fn each_kind_of_fault_is_told_with_its_place_and_its_remedy() {
    let mut differences = String::new();
    for (line, becomes, expected) in cases::CASES.iter().chain(data_path::CASES).chain(sharing::CASES) {
        let found = faults(&with_line(*line, becomes));
        if found != *expected {
            differences += &format!("{becomes}\n  expected {expected:#?}\n  found {found:#?}\n");
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

#[tokio::test]
async fn a_daemon_that_runs_refuses_each_kind_of_fault_and_goes_by_the_file_before() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cluster.toml");
    fs::write(&path, SOUND).unwrap();
    config::read(&path).unwrap();
    let (digest, mut reload) =
        (config::newest_digest(), Reload::on_hangups(&path, Default::default()).unwrap());
    let reloader = reload.reloader();
    let taken_at = reloader.last().taken_at;
    let cases = cases::CASES.iter().chain(data_path::CASES).chain(sharing::CASES);
    for (line, becomes, expected) in cases.filter(|(_, _, expected)| !expected.is_empty()) {
        fs::write(&path, with_line(*line, becomes)).unwrap();
        let report = tokio::select! {
            report = reloader.reload() => report,
            asked = reload.next() => panic!("{becomes}: the daemon is to go by {asked:?}"),
        };
        let without_name =
            |fault: &String| fault.strip_prefix(&format!("{}:", path.display())).map(str::to_owned);
        let told: Option<Vec<String>> = report.faults.iter().map(without_name).collect();
        let expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
        assert_eq!(told, Some(expected), "{becomes}");
        let last = reloader.last();
        assert_eq!((last.faults, last.taken_at), (report.faults, taken_at), "{becomes}");
        assert_eq!(config::newest_digest(), digest, "{becomes}");
    }
}

#[test]
fn the_file_that_the_cases_change_is_sound() {
    assert_eq!(faults(SOUND), Vec::<String>::new());
}

#[test]
fn a_dozen_different_faults_in_one_file_are_all_told_in_order() {
    let text = r#"[cluster]
nome = "shop"
[cluster.lease]
ttl = 10
[[node]]
name = "c1"
address = "0.0.0.0"
slots = 0
[[node]]
name = "c1"
address = 10.0.0.12
[service.shop]
front_end = "127.0.0.1"
listen = "127.0.0.1"
command = ["shopd", "{prt}", "{port}"]
capacity = 8
min = 3
max = 2
ports = "9-1"
ready "/healthz"
[service.shop.scaling]
low = 0.5
"#;
    let expected = [
        r#"2:1: unknown key "nome", did you mean "name"?"#,
        r#"4:7: lease.ttl = 10, must be a duration from 100ms to 1h, with its unit and in quotes, like "10s""#,
        r#"7:11: node.address = "0.0.0.0", must be the IP address of one machine, like "10.0.0.11""#,
        "8:9: node.slots = 0, must be a whole number from 1 to 1000",
        r#"10:8: node.name = "c1", must differ from the node on line 6"#,
        "11:11: unreadable value, must be a number, true, false, or text in quotes",
        r#"14:10: service.listen = "127.0.0.1", must be an IP address and a port, like "0.0.0.0:8080""#,
        r#"15:21: unknown placeholder {prt} in command, did you mean {port}?"#,
        "17:7: service.min = 3, must be at most max (2)",
        r#"19:9: service.ports = "9-1", must be two ports from 1 to 65535, the lower first, like "20000-29999""#,
        "20:7: key with no value, must have `=`",
        "22:7: scaling.low = 0.5, must be below half of high (0.75 / 2 = 0.375)",
    ];
    assert_eq!(faults(text), expected);
}

#[test]
fn each_broken_line_is_told_and_what_stands_between_is_still_judged() {
    let text = SOUND
        .replace("name = \"n1\"", "name \"n1\"")
        .replace("capacity = 8", "capacity = 0")
        .replace("[\"x\", \"{port}\"]", "[\"x\",\n\"{port}\"")
        .replace("tick = \"1s\"", "tick = 1s\nlow = 0.5\nlow = 0.6");
    let expected = [
        "4:6: key with no value, must have `=`",
        r#"12:11: this value never ends, must end with what closes it: ], }, """ or '''"#,
        "14:12: service.capacity = 0, must be a whole number from 1 to 1000000, or \"auto\"",
        "16:8: unreadable value, must be a number, true, false, or text in quotes",
        "17:7: scaling.low = 0.5, must be below half of high (0.75 / 2 = 0.375)",
        "18:1: duplicate key \"low\", must be written only once",
    ];
    assert_eq!(faults(&text), expected);
}

#[test]
fn a_line_without_its_equals_sign_hides_nothing_behind_it() {
    let text = SOUND
        .replace("name = \"n1\"", "name \"n1\"")
        .replace("tick = \"1s\"", "tick = 1s\nlow = 0.1\nlow = 0.2");
    let expected = [
        "4:6: key with no value, must have `=`",
        "15:8: unreadable value, must be a number, true, false, or text in quotes",
        "17:1: duplicate key \"low\", must be written only once",
    ];
    assert_eq!(faults(&text), expected);
}

#[test]
fn an_empty_file_lacks_a_cluster_and_a_service() {
    let expected = [
        r#"1:1: cluster is missing, must be a table with the cluster's name, like name = "demo""#,
        "1:1: service is missing, must be at least one table, written [service.NAME]",
    ];
    assert_eq!(faults(""), expected);
    assert_eq!(
        faults("[cluster]\nname = \"t\"\n[service]\n"),
        ["3:1: [service] is empty, must be written [service.NAME]"]
    );
}

#[test]
fn a_service_name_is_judged_like_any_other() {
    let expected = [
        "9:10: service name \"Shop 1\", must be 1 to 63 of a-z, 0-9 and \"-\", beginning with a letter or digit",
    ];
    assert_eq!(faults(&SOUND.replace("service.a", "service.\"Shop 1\"")), expected);
}

#[test]
fn nodes_may_leave_the_loopback_once_that_is_written_out() {
    let text = SOUND.replace("127.0.0.11", "10.0.0.11");
    assert_eq!(faults(&text).len(), 1);
    assert_eq!(faults(&text.replace("[cluster]", "[cluster]\ninsecure = true")), Vec::<String>::new());
    assert_eq!(
        faults(&text.replace("[[node]]\nname = \"n1\"", "[tls]\n[[node]]\nname = \"n1\"")),
        Vec::<String>::new()
    );
}

#[test]
fn a_front_end_without_nodes_is_a_sound_cluster() {
    let from = SOUND.find("[[node]]").unwrap();
    let to = SOUND.find("[service.a]").unwrap();
    let cluster = config::parse("cluster.toml", &[&SOUND[..from], &SOUND[to..]].concat()).unwrap();
    assert_eq!((cluster.nodes.len(), cluster.services[0].max), (0, 0));
}

#[test]
fn services_keep_the_order_of_the_file() {
    let second = "[service.b]\nfront_end = \"127.0.0.1\"\nlisten = \"127.0.0.1:81\"\ncommand = [\"x\", \"{port}\"]\ncapacity = 1\n";
    let text = SOUND.replace("service.a", "service.z") + second;
    let cluster = config::parse("cluster.toml", &text).unwrap();
    let names: Vec<&str> = cluster.services.iter().map(|service| service.name.as_str()).collect();
    assert_eq!(names, ["z", "b"]);
}

/// What reading a file of these bytes says, without the directory.
fn read_faults(bytes: &[u8]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cluster.toml");
    fs::write(&path, bytes).unwrap();
    let faults = config::read(&path).unwrap_err().to_string();
    faults.replace(&format!("{}/", directory.path().display()), "")
}

#[test]
fn a_file_that_cannot_be_read_is_a_fault_too() {
    let missing = config::read(Path::new("no/such/cluster.toml")).unwrap_err().to_string();
    let expected = "no/such/cluster.toml:1:1: cannot be read: No such file or directory (os error 2), \
                    must be a file that this user may read";
    assert_eq!(missing, expected);
    assert_eq!(read_faults(b"a = 1\nb = \"\xff\""), "cluster.toml:2:6: byte 0xff is not text, must be UTF-8");
}

#[test]
fn a_file_over_one_mebibyte_is_not_looked_at() {
    let too_long = "cluster.toml:1:1: file too long, must be at most 1048576 bytes";
    assert_eq!(read_faults(&vec![b'\n'; FILE_BYTES_MAX + 1]), too_long);
    assert_eq!(faults(&"#".repeat(FILE_BYTES_MAX + 1)), [&too_long["cluster.toml:".len()..]]);
    assert_eq!(faults(&(SOUND.to_owned() + &"#".repeat(FILE_BYTES_MAX - SOUND.len()))), Vec::<String>::new());
}

#[test]
fn a_text_of_nothing_but_faults_gives_a_bounded_list() {
    let lines = faults(&"x = \n".repeat(5000));
    assert_eq!(lines.len(), 1001);
    assert!(lines[1000].ends_with("more faults, must be mended after those above"), "{}", lines[1000]);
}

/// Some bytes of the reference file gone, others in their place.
fn mutated() -> impl Strategy<Value = String> {
    let bits = prop::collection::vec(
        (0..REFERENCE.len(), 0..40_usize, prop_oneof!["[\\[\\]{}=\",.'\n# a-z0-9-]{0,6}", "\\PC{0,3}"]),
        1..8,
    );
    bits.prop_map(|bits| {
        let mut bytes = REFERENCE.as_bytes().to_vec();
        for (start, length, instead) in bits {
            let start = start.min(bytes.len());
            let end = (start + length).min(bytes.len());
            bytes.splice(start..end, instead.into_bytes());
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Each place is one of the text: an editor can go there.
fn places_are_real(text: &str) -> Result<(), TestCaseError> {
    let Err(faults) = config::parse("cluster.toml", text) else { return Ok(()) };
    let lines: Vec<&str> = text.split('\n').collect();
    let mut before = (1, 1);
    for fault in &faults {
        let place = (fault.line, fault.column);
        prop_assert!(before <= place, "out of order: {fault}");
        prop_assert!(fault.line <= lines.len(), "{fault}");
        prop_assert!(fault.column <= lines[fault.line - 1].chars().count() + 1, "{fault}");
        prop_assert!(!fault.text.contains(['\n', '\u{1b}']), "{fault}");
        before = place;
    }
    prop_assert!(faults.iter().count() > 0);
    Ok(())
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        places_are_real(&String::from_utf8_lossy(&bytes))?;
    }

    #[test]
    fn no_toml_like_text_makes_the_reader_panic(text in "([a-z]{1,4}|[\\[\\]{}=\",.'\n# 0-9:T-]){0,60}") {
        places_are_real(&text)?;
    }

    #[test]
    fn no_change_to_the_reference_file_makes_the_reader_panic(text in mutated()) {
        places_are_real(&text)?;
    }
}
