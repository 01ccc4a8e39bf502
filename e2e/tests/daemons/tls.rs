//! A cluster whose machines know each other by certificates, all of them made by `accordion ca`, for control calls and
//! for requests: real daemons come up with them, scale, are drained, and exchange them while they run.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use e2e::arrivals::Arrivals;
use e2e::site::{Plan, Site};
use e2e::wait_for;

use crate::PROGRAM;

const STEP: Duration = Duration::from_secs(60);

/// Requests a second, and how long each keeps a place: 8 in flight, for which two nodes are wanted.
const PER_SECOND: u32 = 40;
const WAIT_MS: u32 = 200;

/// Runs `accordion ca` and answers what it says.
fn ca(site: &Site, arguments: &[&str]) -> String {
    let output = Command::new(PROGRAM).arg("ca").args(arguments).arg("--config").arg(site.config()).output();
    let output = output.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

fn issue(site: &Site, directory: &Path, whose: &[&str]) -> String {
    let (issue, ca_option) = (["issue"], ["--ca", directory.to_str().unwrap()]);
    ca(site, &[&issue[..], whose, &ca_option[..]].concat())
}

/// A site with all of its certificates, and where they are.
fn secured() -> (Site, PathBuf) {
    let site = Site::new(PROGRAM, &Plan { nodes: 2, ..Plan::default() });
    let directory = site.directory().join("tls");
    site.rewrite(
        "[[node]]",
        &format!("[tls]\ndirectory = \"{}\"\ndata = true\n\n[[node]]", directory.display()),
    );
    ca(&site, &["init", directory.to_str().unwrap()]);
    for node in ["c1", "c2"] {
        issue(&site, &directory, &["node", node]);
    }
    let said = issue(&site, &directory, &["front-end", "demo"]);
    assert!(said.contains("front-end-demo.key  to the front end of demo ("), "{said}");
    issue(&site, &directory, &["operator"]);
    (site, directory)
}

fn forget(directory: &Path, stem: &str) {
    for ending in ["pem", "key"] {
        std::fs::remove_file(directory.join(format!("{stem}.{ending}"))).unwrap();
    }
}

/// What a control port answers to somebody without a certificate.
fn ask_plainly(address: SocketAddr) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(STEP)).unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    let mut answer = Vec::new();
    // However the end comes.
    let _ = stream.read_to_end(&mut answer);
    answer
}

#[test]
fn a_cluster_with_certificates_scales_is_drained_and_exchanges_them_under_load() {
    let (mut site, directory) = secured();
    site.start();
    site.wait_until_up();
    let load = Arrivals::start(site.address(), PER_SECOND, WAIT_MS);
    site.wait_at_least(1, STEP);

    // Whoever shows nothing gets nothing that HTTP/2 would say.
    let answer = ask_plainly(SocketAddr::new(site.ip(1).into(), 7400));
    assert!(!answer.starts_with(&[0, 0]), "{answer:?}");
    wait_for("it is refused in words", STEP, || {
        site.log().contains("control connection refused: it does not speak TLS").then_some(())
    });
    let status = String::from_utf8(site.run("status", &[]).stdout).unwrap();
    assert!(status.contains("node c1 has refused 1 connections and 0 calls"), "{status}");

    // The node's certificate and the front end's are exchanged; what is up stays up.
    let losses = || site.log().matches("unreachable: ").count();
    let before = losses();
    for (stem, whose) in [("node-c1", ["node", "c1"]), ("front-end-demo", ["front-end", "demo"])] {
        forget(&directory, stem);
        issue(&site, &directory, &[&whose[..], &["--days", "12"]].concat());
    }
    site.hang_up();
    wait_for("all have read their files", STEP, || {
        (site.log().matches("the certificate was read again").count() == 4).then_some(())
    });
    let status = String::from_utf8(site.run("status", &[]).stdout).unwrap();
    for line in ["certificate of node c1 expires in", "certificate of the front end of demo expires in"] {
        assert!(status.contains(line), "{status}");
    }
    assert!(!status.contains("certificate of node c2"), "{status}");
    let warned = || site.log().matches("the certificate expires soon: accordion ca issue ").count();
    // Both daemons of the front end show its certificate.
    wait_for("all three say that theirs ends soon", STEP, || (warned() == 3).then_some(()));
    load.wait_on(STEP);
    assert_eq!(losses(), before, "{}", site.log());

    // A new life of a daemon shows the new one, and is taken.
    site.kill(&["task-processor", "c1"]);
    wait_for("it was lost", STEP, || (losses() > before).then_some(()));
    wait_for("it is back", STEP, || (site.node("c1")["state"] != "unreachable").then_some(()));

    // The operator drains; a front end may not.
    assert!(site.run("drain", &["c2"]).status.success());
    assert!(site.run("undrain", &["c2"]).status.success());
    forget(&directory, "operator");
    let refused = site.run("drain", &["c2"]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        said.contains("your certificate is for the front end of demo, and this is for the operator"),
        "{said}"
    );
    let tally = load.finish().print("certificates exchanged");
    tally.assert_no_safe_lost();
    assert!(!site.log().contains("PRIVATE KEY"));
    assert!(site.down().success());
}

#[test]
fn a_daemon_without_its_certificate_says_which_and_how_to_get_it() {
    let (site, directory) = secured();
    forget(&directory, "node-c2");
    let output = site.command("task-processor").args(["--node", "c2"]).output().unwrap();
    assert_eq!(output.status.code(), Some(78));
    let said = String::from_utf8(output.stderr).unwrap();
    let words = "node-c2.pem is missing: make it with `accordion ca issue node c2` and copy it there";
    assert!(said.contains(words), "{said}");

    // What systemd passes on wins over the directory.
    let passed = site.directory().join("credentials");
    std::fs::create_dir(&passed).unwrap();
    std::fs::copy(directory.join("ca.pem"), passed.join("ca.pem")).unwrap();
    let mut command = site.command("task-processor");
    command.args(["--node", "c1"]).env("CREDENTIALS_DIRECTORY", &passed);
    let said = String::from_utf8(command.output().unwrap().stderr).unwrap();
    assert!(said.contains("credentials/certificate.pem is missing: "), "{said}");
}
