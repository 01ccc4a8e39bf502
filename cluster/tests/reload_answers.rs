//! What came of a cluster.toml that was read again, for who asked. In a process of its own: a SIGHUP of
//! another test would be one here too.
#![allow(clippy::unwrap_used)] // in a test an unwrap is the assertion

use cluster::config::newest_digest;
use cluster::daemon::{Outcome, Reload};

#[tokio::test]
async fn who_asks_hears_what_came_of_it_and_the_last_word_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cluster.toml");
    let text = cluster::config::sample(1, "");
    std::fs::write(&path, &text).unwrap();
    let mut reload = Reload::on_hangups(&path, Default::default()).unwrap();
    let reloader = reload.reloader();
    let at_start = reloader.last();
    assert_eq!(at_start.words(), "");
    let in_force = cluster::config::read(&path).unwrap();
    let first_digest = newest_digest();
    let follows = tokio::spawn(async move {
        // Of one file the front end's port cannot be had.
        for has_port in [true, true, true, false] {
            let asked = reload.next().await;
            let outcome = Outcome::of(&in_force, &in_force, &asked.cluster, |_| true);
            if has_port {
                asked.done(&outcome, "daemon");
            } else {
                asked.refuse(vec!["listen: in use".to_owned()]);
            }
        }
    });
    let waits = "service shop: queue_max is 7, was 1000";
    let with = cluster::config::sample(1, "queue_max = 7\n");
    let rehearsed = reloader.rehearse("cluster.toml", &with).await;
    assert_eq!(rehearsed.needs_restart, [waits]);
    assert_eq!(
        (reloader.last(), newest_digest()),
        (at_start.clone(), first_digest.clone()),
        "it was only asked"
    );
    let renamed = reloader.rehearse("cluster.toml", &text.replace("service.shop", "service.mall")).await;
    let gone = "service shop is gone: stop its daemons, or put it back";
    assert_eq!(renamed.needs_restart, [gone, "service mall is new"]);
    std::fs::write(&path, &with).unwrap();
    assert_eq!(reloader.reload().await, rehearsed);
    let taken = reloader.last();
    assert!(taken.taken_at > at_start.taken_at);
    let digest = newest_digest();
    assert_ne!(digest, first_digest);
    assert_eq!(taken.words(), format!("restart it for: {waits}"));
    std::fs::write(&path, cluster::config::sample(1, "queue_max = 8\n")).unwrap();
    assert_eq!(reloader.reload().await.faults, ["listen: in use"]);
    assert_eq!(reloader.last().words(), "the newest cluster.toml was not taken: listen: in use");
    assert_eq!(
        (reloader.last().taken_at, newest_digest()),
        (taken.taken_at, digest),
        "it goes by the one before"
    );
    follows.await.unwrap();
    std::fs::write(&path, "[cluster").unwrap();
    assert_eq!(reloader.reload().await.faults, ["the daemon is going down"]);
}
