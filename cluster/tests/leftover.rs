//! What a killed daemon leaves behind, as its next life finds it.
#![allow(clippy::unwrap_used)] // in a test an unwrap is the assertion

#[path = "process/processes.rs"]
mod processes;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use cluster::process::{Instance, Leftover, Spec, StartFault, leftovers};
use processes::{guarded, is_running, settle, tree};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::time::timeout;

/// More than anything here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(20);

/// A service that ends only by SIGKILL, and a process of it that hides in a session of its own.
const STUBBORN: &str =
    r#"(setsid sh -c 'trap "" TERM; sleep 1000; sleep 1000' &); trap '' TERM; exec "$0" serve "$1" "$2""#;

/// One that takes a second to end when it is told to, and leaves a file then. Nobody reads what it writes once
/// its daemon is gone, and a shell that has a word to say of a killed child would end by that.
const THOROUGH: &str = r#"exec > /dev/null 2>&1; trap 'i=0; while [ $i -lt 10 ]; do sleep 0.1; i=$((i+1)); done; : > "$3"; exit' TERM
    "$0" serve "$1" "$2" & while :; do sleep 0.1; done"#;

/// A daemon that notes what it runs.
struct Noted {
    daemon: Child,
    guard: u32,
    /// The guard and all of its service.
    processes: Vec<u32>,
    directory: TempDir,
}

impl Noted {
    async fn stubborn() -> Self {
        let mut noted = Self::start(STUBBORN);
        settle("all run", || tree(noted.guard).len() == 4).await;
        noted.processes = tree(noted.guard);
        noted
    }

    fn start(script: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut daemon = Command::new(guarded())
            .arg("noted")
            .arg(notes(&directory))
            .args(["sh", "-c", script, "{accordion}", "{address}", "{port}"])
            .arg(directory.path().join("ended"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let guard = line.trim().parse().unwrap();
        Self { daemon, guard, processes: tree(guard), directory }
    }

    fn are_running(&self) -> bool {
        self.processes.iter().any(|&pid| is_running(pid))
    }

    fn kill_daemon(&mut self) {
        self.daemon.kill().unwrap();
        self.daemon.wait().unwrap();
    }

    /// What the next life finds.
    fn found(&self) -> Vec<Leftover> {
        leftovers(&notes(&self.directory)).unwrap()
    }

    /// Where its service listens: the last argument of its main process.
    fn port(&self) -> u16 {
        let port = |&pid: &u32| {
            let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
            let arguments: Vec<&str> = line.trim_end_matches('\0').split('\0').collect();
            let [_, "serve", _, port] = arguments[..] else { return None };
            Some(port.parse().unwrap())
        };
        self.processes.iter().find_map(port).unwrap()
    }

    fn notes_left(&self) -> usize {
        fs::read_dir(notes(&self.directory)).unwrap().count()
    }

    /// The only leftover, once it has ended.
    async fn wait_for_end(&self) {
        assert!(self.are_running());
        let [leftover] = <[Leftover; 1]>::try_from(self.found()).unwrap();
        timeout(DEADLINE, leftover.ended()).await.unwrap();
        assert!(!self.are_running(), "it was said to have ended");
        assert_eq!((self.found().len(), self.notes_left()), (0, 0));
    }
}

fn notes(directory: &TempDir) -> PathBuf {
    directory.path().join("notes")
}

fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), signal).unwrap();
}

fn serve(notes: &Path) -> Spec {
    cluster::guard::use_program(guarded());
    Spec {
        service: "shop".to_owned(),
        command: ["{accordion}", "serve", "{address}", "{port}"].map(str::to_owned).to_vec(),
        address: [127, 0, 0, 1].into(),
        ports: 20000..=29999,
        ready: Some("/".to_owned()),
        start_timeout: Duration::from_secs(10),
        stop_timeout: Duration::from_secs(2),
        notes: Some(notes.to_owned()),
    }
}

#[tokio::test]
async fn what_a_killed_daemon_left_is_known_until_its_guard_has_ended_it() {
    let mut noted = Noted::stubborn().await;
    noted.kill_daemon();
    noted.wait_for_end().await;
}

#[tokio::test]
async fn a_service_of_a_killed_daemon_is_left_the_time_that_its_guard_gives_it() {
    let mut noted = Noted::start(THOROUGH);
    noted.kill_daemon();
    noted.wait_for_end().await;
    assert!(noted.directory.path().join("ended").exists(), "it was killed before it had ended");
}

#[tokio::test]
async fn what_a_killed_guard_left_too_is_ended_by_the_next_life() {
    let mut noted = Noted::stubborn().await;
    // It must not end the service in the place of its guard.
    signal(noted.daemon.id(), Signal::STOP);
    signal(noted.guard, Signal::KILL);
    noted.kill_daemon();
    noted.wait_for_end().await;
}

#[tokio::test]
async fn a_guard_that_hangs_is_killed_by_the_next_life_with_all_that_it_guards() {
    let mut noted = Noted::stubborn().await;
    signal(noted.guard, Signal::STOP);
    noted.kill_daemon();
    noted.wait_for_end().await;
}

#[tokio::test]
async fn a_daemon_that_ends_its_service_leaves_no_note() {
    let mut noted = Noted::stubborn().await;
    assert_eq!(noted.notes_left(), 1);
    signal(noted.daemon.id(), Signal::TERM);
    noted.daemon.wait().unwrap();
    assert!(!noted.are_running());
    assert_eq!(noted.notes_left(), 0);
}

#[tokio::test]
async fn the_port_of_a_leftover_is_not_chosen() {
    let directory = tempfile::tempdir().unwrap();
    let first = timeout(DEADLINE, Instance::start(serve(&notes(&directory)))).await.unwrap().unwrap();
    let port = first.address().port();
    let found = leftovers(&notes(&directory)).unwrap();
    assert_eq!(found.len(), 1);
    first.stop().await;
    // Nobody listens there any more, and nobody but the leftover has it.
    let again = Spec { ports: port..=port, ..serve(&notes(&directory)) };
    let fault = timeout(DEADLINE, Instance::start(again)).await.unwrap().unwrap_err();
    assert!(matches!(fault, StartFault::NoFreePort { .. }), "{fault}");
}

/// As with a service-manager, which notes nothing.
#[tokio::test]
async fn a_port_on_which_a_killed_daemons_service_still_listens_is_not_chosen() {
    let mut noted = Noted::stubborn().await;
    noted.kill_daemon();
    let port = noted.port();
    let again = Spec { notes: None, ports: port..=port, ..serve(&notes(&noted.directory)) };
    let fault = timeout(DEADLINE, Instance::start(again)).await.unwrap().unwrap_err();
    assert!(matches!(fault, StartFault::NoFreePort { .. }) && noted.are_running(), "{fault}");
    noted.wait_for_end().await;
}

#[tokio::test]
async fn a_service_has_not_the_file_by_which_it_is_known() {
    let directory = tempfile::tempdir().unwrap();
    let script = "echo $(ls /proc/self/fd) ${ACCORDION_GUARD_LOCK-unset}; exit 1";
    let command = ["sh", "-c", script].map(str::to_owned).to_vec();
    let fault = Instance::start(Spec { command, ..serve(&notes(&directory)) });
    let StartFault::Exited { words, .. } = timeout(DEADLINE, fault).await.unwrap().unwrap_err() else {
        panic!("it exits before it is ready")
    };
    // ls has a fourth.
    assert_eq!(words, "0 1 2 3 unset");
    assert!(leftovers(&notes(&directory)).unwrap().is_empty());
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let fault = timeout(DEADLINE, Instance::start(serve(&file))).await.unwrap().unwrap_err().to_string();
    assert!(fault.contains("cannot be noted in") && fault.contains("writable"), "{fault}");
}
