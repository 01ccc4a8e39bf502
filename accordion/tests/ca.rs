//! `accordion ca`: what it writes, for whom, and that it never writes over anything.
#![allow(clippy::unwrap_used)] // in a test an unwrap is the assertion

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use cluster::config::sample;
use cluster::tls::{Identity, Places, Tls};

fn place() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("cluster.toml"), sample(2, "")).unwrap();
    place
}

fn ca(place: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_accordion"));
    command.env_remove("ACCORDION_CONFIG").current_dir(place).arg("ca").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn said(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), text(&output.stderr))
}

#[test]
fn what_it_issues_is_good_and_its_keys_are_their_owners_alone() {
    let place = place();
    let init = ca(place.path(), &["init"]);
    assert!(init.status.success(), "{init:?}");
    assert!(text(&init.stdout).starts_with("accordion-ca/ca.pem      goes to every machine of "));
    let directory = place.path().join("accordion-ca");
    let cluster = cluster::config::read(&place.path().join("cluster.toml")).unwrap();
    let (node, service) = (cluster.nodes[0].name.clone(), cluster.services[0].name.clone());
    let all = [
        (vec!["node", &node], Identity::Node(node.clone())),
        (vec!["front-end", &service], Identity::FrontEnd(service.clone())),
        (vec!["operator"], Identity::Operator),
    ];
    for (whose, identity) in all {
        let issued = ca(place.path(), &[&["issue"], &whose[..]].concat());
        assert!(issued.status.success(), "{issued:?}");
        let told = text(&issued.stdout);
        assert!(told.contains("into /etc/accordion/tls, mode 0600"), "{told}");
        let places = Places::in_directory(&directory, &identity);
        let mode = |file: &Path| file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&places.key), 0o600);
        Tls::load_from(&cluster.name, places, identity).unwrap();
    }
    let key = directory.join("ca.key").metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(key, 0o600);
}

#[test]
fn nothing_is_written_over_and_nobody_unknown_gets_one() {
    let place = place();
    let early = ca(place.path(), &["issue", "operator"]);
    assert_eq!(
        said(&early),
        (
            Some(1),
            "accordion: accordion-ca/ca.pem is missing: make the CA with `accordion ca init`, or say where it is \
             with --ca DIR\n"
                .to_owned()
        )
    );
    assert!(ca(place.path(), &["init", "keys"]).status.success());
    let again = ca(place.path(), &["init", "keys"]);
    let expected = "accordion: keys/ca.pem is there already and is not written over: move it away first\n";
    assert_eq!(said(&again), (Some(1), expected.to_owned()));
    let operator = ["issue", "operator", "--ca", "keys"];
    assert!(ca(place.path(), &operator).status.success());
    let before = fs::read(place.path().join("keys/operator.key")).unwrap();
    let expected =
        "accordion: keys/operator.pem is there already and is not written over: move it away first\n";
    assert_eq!(said(&ca(place.path(), &operator)), (Some(1), expected.to_owned()));
    assert_eq!(fs::read(place.path().join("keys/operator.key")).unwrap(), before);

    let (status, unknown) = said(&ca(place.path(), &["issue", "node", "c9", "--ca", "keys"]));
    assert!(status == Some(1) && unknown.starts_with("accordion: cluster.toml has no node \"c9\"; it has: "));
    let (status, unknown) = said(&ca(place.path(), &["issue", "front-end", "blog", "--ca", "keys"]));
    assert!(status == Some(1) && unknown.starts_with("accordion: cluster.toml has no service \"blog\""));
    assert!(!place.path().join("keys/node-c9.pem").exists());
    assert_eq!(ca(place.path(), &["issue", "operator", "--days", "0"]).status.code(), Some(2));
}
