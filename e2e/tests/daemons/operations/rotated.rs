//! The access log is renamed while requests run, and opened anew on SIGUSR1: each request has its line.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use e2e::load::{Load, Request};
use e2e::site::{Plan, Site};
use e2e::{processes, wait_for};
use rustix::process::Signal;

use super::{PROGRAM, STEP};

const ROTATIONS: usize = 5;

#[test]
fn a_renamed_access_log_is_opened_anew_and_no_line_is_lost() {
    let mut site = Site::new(PROGRAM, &Plan { nodes: 1, ..Plan::default() });
    let log = site.directory().join("access.log");
    let rotated = |index: usize| renamed(&log, index);
    site.rewrite(
        "[service.demo]",
        &format!("[service.demo]\naccess_log = \"json\"\naccess_log_file = {:?}", log.display().to_string()),
    );
    site.start();
    site.wait_until_up();

    let load = Load::new(site.address(), Request::get(100, 2, 10), 4);
    load.set(4);
    let manager = site.daemon(&["service-manager"]).unwrap().pid;
    for index in 0..ROTATIONS {
        // Lines come to the file within a second or so.
        wait_for("there are lines", STEP, || (fs::metadata(&log).ok()?.len() > 0).then_some(()));
        fs::rename(&log, rotated(index)).unwrap();
        // What is written until the signal goes to the renamed file, which is still the one that is open.
        let between = load.answered();
        wait_for("requests go on", STEP, || (load.answered() > between + 20).then_some(()));
        processes::signal(manager, Signal::USR1);
        wait_for("there is a new file", STEP, || log.exists().then_some(()));
    }
    let outcome = load.finish();
    outcome.assert_nothing_lost();
    assert_eq!(site.daemon(&["service-manager"]).unwrap().pid, manager, "it was not ended by a signal");
    // The daemons without such a file are not ended by it either: each answers after it, as the same process.
    let pids = || site.daemons().iter().map(|daemon| daemon.pid).collect::<BTreeSet<_>>();
    let daemons = pids();
    for pid in &daemons {
        processes::signal(*pid, Signal::USR1);
    }
    let asked = site.run("doctor", &[]);
    assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stdout));
    assert_eq!(pids(), daemons);
    assert!(site.down().success());

    let count =
        |path| fs::read_to_string(path).unwrap().lines().filter(|line| line.contains("/bytes/100?")).count();
    let each: Vec<_> =
        (0..ROTATIONS).map(|index| count(rotated(index))).chain([count(log.clone())]).collect();
    assert!(each.iter().all(|lines| *lines > 0), "{each:?}");
    assert_eq!(each.iter().sum::<usize>() as u64, outcome.answered, "{each:?}");
}

fn renamed(log: &Path, index: usize) -> PathBuf {
    log.with_extension(format!("log.{index}"))
}
