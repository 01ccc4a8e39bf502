//! cluster.toml read again by a running daemon.
#![allow(clippy::unwrap_used)] // in a test an unwrap is the assertion

use std::time::Duration;

use cluster::config::{Change, Cluster};
use cluster::daemon::{Outcome, Reload};
use rustix::process::{Signal, getpid, kill_process};
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_hangup_has_the_file_read_and_one_with_faults_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cluster.toml");
    let good = |name: &str| {
        format!(
            "[cluster]\nname = \"{name}\"\n[[node]]\nname = \"c1\"\naddress = \"127.0.0.11\"\n[service.shop]\n\
             front_end = \"127.0.0.1\"\nlisten = \"127.0.0.1:80\"\ncommand = [\"shopd\", \"{{port}}\"]\ncapacity = 1\n"
        )
    };
    let mut reload = Reload::on_hangups(&path, Default::default()).unwrap();
    let hang_up = || kill_process(getpid(), Signal::HUP).unwrap();
    std::fs::write(&path, "[cluster").unwrap();
    hang_up();
    std::fs::remove_file(&path).unwrap();
    hang_up();
    std::fs::write(&path, good("one")).unwrap();
    hang_up();
    let first = timeout(DEADLINE, reload.next()).await.unwrap();
    assert_eq!(first.cluster.name, "one");
    drop(first);
    // Whatever comes while one is being applied: what is in force at the end is the newest.
    for number in 0..100 {
        std::fs::write(directory.path().join("new"), good(&format!("n{number}"))).unwrap();
        std::fs::rename(directory.path().join("new"), &path).unwrap();
        hang_up();
    }
    let mut readings = 0;
    while timeout(DEADLINE, reload.next()).await.unwrap().cluster.name != "n99" {
        readings += 1;
        assert!(readings < 100);
    }
}

#[test]
fn what_is_applied_what_needs_a_restart_and_what_is_for_others_is_all_that_changed() {
    let text = |node: &str, speed: f64, insecure: bool| {
        format!(
            "[cluster]\nname = \"test\"\ninsecure = {insecure}\n[[node]]\nname = \"{node}\"\naddress = \"127.0.0.11\"\n\
             speed = {speed:?}\n[service.shop]\nfront_end = \"127.0.0.1\"\nlisten = \"127.0.0.1:80\"\nmax = 1\n\
             command = [\"shopd\", \"{{port}}\"]\ncapacity = 1\n"
        )
    };
    let cluster = |text: String| cluster::config::parse("cluster.toml", &text).unwrap();
    let (before, read) = (cluster(text("c1", 1.0, false)), cluster(text("c1", 2.0, true)));
    // Nodes are followed, nothing else is.
    let now = Cluster { nodes: read.nodes.clone(), ..before.clone() };
    let words = |changes: &[Change]| changes.iter().map(ToString::to_string).collect::<Vec<_>>();
    let all = Outcome::of(&before, &now, &read, |_| true);
    assert_eq!(words(&all.applied), ["node c1: speed is 2.0, was 1.0"]);
    assert_eq!(words(&all.needs_restart), ["cluster: insecure is true, was false"]);
    assert_eq!(words(&all.elsewhere), [""; 0]);
    let none = Outcome::of(&before, &now, &read, |_| false);
    assert_eq!((none.applied.len(), none.needs_restart.len(), none.elsewhere.len()), (0, 0, 2));
    // What needed a restart is said again, and is no more when the file is as it was.
    assert_eq!(Outcome::of(&now, &now, &read, |_| true).needs_restart, all.needs_restart);
    assert_eq!(Outcome::of(&now, &now, &now, |_| true), Outcome::default());
}
