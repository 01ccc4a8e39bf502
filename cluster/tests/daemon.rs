//! A whole daemon as a process: its death, its signals, the sockets it is given.
#![allow(clippy::unwrap_used)] // in a test an unwrap is the assertion

#[path = "process/processes.rs"]
mod processes;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use cluster::daemon::{Shutdown, unix_listener};
use processes::{guarded, is_running, session, settle, tree};
use rustix::process::{Pid, Signal, getpid, kill_process};
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(20);

/// What hides from an end in both ways: one ignores it, the other has no parent.
const STUBBORN: &str =
    r#"(trap '' TERM; sleep 1000; sleep 1000) & (sleep 1000 &); exec "$0" serve "$1" "$2""#;

/// A daemon with a stubborn service, and every process of it.
fn stubborn_daemon() -> (Child, Vec<u32>) {
    stubborn_daemon_by(Command::new(guarded()))
}

/// The same, started by a command that takes the daemon's arguments.
fn stubborn_daemon_by(mut command: Command) -> (Child, Vec<u32>) {
    let mut daemon = command
        .args(["daemon", "sh", "-c", STUBBORN, "{accordion}", "{address}", "{port}"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let processes = tree(line.trim().parse().unwrap());
    assert_eq!(processes.len(), 5, "{processes:?}");
    (daemon, processes)
}

#[tokio::test]
async fn a_daemon_killed_with_9_leaves_no_process_after_five_seconds() {
    let (mut daemon, processes) = stubborn_daemon();
    daemon.kill().unwrap();
    settle("every process ends", || !processes.iter().any(|&pid| is_running(pid))).await;
    daemon.wait().unwrap();
}

#[tokio::test]
async fn a_ctrl_c_reaches_the_daemon_which_ends_the_service_itself() {
    let (mut daemon, processes) = stubborn_daemon();
    assert_ne!(session(processes[0]), session(daemon.id()), "a terminal would reach the guard");
    kill_process(Pid::from_child(&daemon), Signal::INT).unwrap();
    settle("every process ends", || !processes.iter().any(|&pid| is_running(pid))).await;
    assert!(daemon.wait().unwrap().success());
}

#[tokio::test]
async fn a_guard_outlives_the_signals_that_end_daemons() {
    let (mut daemon, processes) = stubborn_daemon();
    let guard = Pid::from_raw(i32::try_from(processes[0]).unwrap()).unwrap();
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        kill_process(guard, signal).unwrap();
    }
    daemon.kill().unwrap();
    settle("the guard has done its work", || !processes.iter().any(|&pid| is_running(pid))).await;
    daemon.wait().unwrap();
}

#[tokio::test]
async fn a_daemon_whose_starter_ignored_sigchld_hears_of_a_services_end_all_the_same() {
    let mut starter = Command::new("env");
    starter.arg("--ignore-signal=CHLD").arg(guarded());
    let (mut daemon, processes) = stubborn_daemon_by(starter);
    let is_main = |pid: &u32| {
        let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        command.split(|byte| *byte == 0).nth(1) == Some(b"serve")
    };
    let main = *processes.iter().find(|pid| is_main(pid)).unwrap();
    kill_process(Pid::from_raw(i32::try_from(main).unwrap()).unwrap(), Signal::KILL).unwrap();
    settle("every process ends", || !processes.iter().any(|&pid| is_running(pid))).await;
    kill_process(Pid::from_child(&daemon), Signal::TERM).unwrap();
    daemon.wait().unwrap();
}

#[test]
fn a_start_fails_where_a_number_to_be_passed_on_has_changed_hands() {
    let output = Command::new(guarded()).args(["replace", "127.0.0.1:0"]).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(told, "Bad file descriptor (os error 9)\n", "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn listeners_come_from_whoever_started_the_daemon() {
    // By a process of one thread, as `accordion up` is while it starts a daemon: here other tests open
    // and close files meanwhile.
    let output = Command::new(guarded()).args(["pass", "127.0.0.1:0"]).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = told.lines().collect();
    let [first, second, passed_first, passed_second] = lines[..] else {
        panic!("{told}{}", String::from_utf8_lossy(&output.stderr))
    };
    assert_eq!(passed_first, format!("{first} FdFlags(CLOEXEC)"));
    assert_eq!(passed_second, format!("{second} FdFlags(CLOEXEC)"));
}

#[test]
fn listeners_for_another_process_are_left_alone() {
    let output = Command::new(guarded())
        .args(["listeners", "127.0.0.1:0"])
        .env("LISTEN_FDS", "1")
        .env("LISTEN_PID", "1")
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let address: SocketAddr = told.split(' ').next().unwrap().parse().unwrap();
    assert_ne!(address.port(), 0);
}

#[tokio::test]
async fn the_first_signal_asks_and_the_second_forces() {
    let shutdown = Shutdown::on_signals().unwrap();
    assert!(!shutdown.is_asked());
    kill_process(getpid(), Signal::TERM).unwrap();
    timeout(DEADLINE, shutdown.asked()).await.unwrap();
    tokio::select! {
        biased;
        () = shutdown.forced() => panic!("one signal does not force"),
        () = std::future::ready(()) => {}
    }
    kill_process(getpid(), Signal::INT).unwrap();
    timeout(DEADLINE, shutdown.forced()).await.unwrap();
}

#[test]
fn systemd_is_told_in_its_own_words_and_of_a_reload_in_one_message() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notify");
    let systemd = UnixDatagram::bind(&path).unwrap();
    let mut daemon = Command::new(guarded());
    daemon.arg("notify").env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "30000").env_remove("WATCHDOG_PID");
    assert!(daemon.status().unwrap().success());
    systemd.set_nonblocking(true).unwrap();
    let mut bytes = [0; 4096];
    let heard = std::iter::from_fn(|| {
        let count = systemd.recv(&mut bytes).ok()?;
        Some(str::from_utf8(&bytes[..count]).unwrap().to_owned())
    });
    let heard: Vec<String> = heard.collect();
    let words: Vec<&str> = heard.iter().map(|message| message.trim_end()).collect();
    let [ready, alive, news, reloading, reloaded, stopping] = words[..] else { panic!("{words:?}") };
    assert_eq!(ready, "READY=1\nSTATUS=one");
    assert_eq!(alive, "WATCHDOG=1");
    assert_eq!(news, "WATCHDOG=1\nSTATUS=two");
    let (word, at) = reloading.split_once("\nMONOTONIC_USEC=").unwrap();
    assert!(word == "RELOADING=1" && at.parse::<u64>().unwrap() > 0, "{reloading}");
    assert_eq!(reloaded, "READY=1");
    assert_eq!(stopping, "STOPPING=1\nEXTEND_TIMEOUT_USEC=25000000");
}

/// Leaves a socket that nobody listens on, as a daemon does that was killed. It never listened: a process
/// that another test starts at that moment holds a copy of every descriptor until it has become its program.
fn leave_stale_socket(path: &Path) {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    socket.bind(&SockAddr::unix(path).unwrap()).unwrap();
    drop(socket);
    assert!(path.exists());
}

#[tokio::test]
async fn a_stale_socket_is_removed_and_a_live_one_respected() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("shop.sock");
    leave_stale_socket(&path);

    let _live = unix_listener(&path).unwrap();
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o660);
    let error = unix_listener(&path).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    assert!(error.to_string().starts_with("another process answers on "), "{error}");
}

#[tokio::test]
async fn of_two_daemons_that_start_at_once_only_one_may_touch_the_socket() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("shop.sock");
    // The other has looked and not bound yet: nobody answers, and a stale socket is there.
    leave_stale_socket(&path);
    let lock = std::fs::File::create(directory.path().join("shop.sock.lock")).unwrap();
    lock.lock().unwrap();
    let error = unix_listener(&path).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    assert!(error.to_string().contains("shop.sock.lock: it listens on"), "{error}");
    assert!(path.exists(), "the other's socket was removed");

    drop(lock);
    unix_listener(&path).unwrap();
}

#[tokio::test]
async fn a_file_in_the_place_of_a_socket_is_not_removed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("shop.sock");
    std::fs::write(&path, "dear").unwrap();
    let error = unix_listener(&path).unwrap_err();
    assert!(error.to_string().contains("is there and is not a socket"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "dear");
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_is_said_so() {
    let path = std::path::Path::new("/tmp").join("x".repeat(120));
    let error = unix_listener(&path).unwrap_err();
    assert!(
        error.to_string().ends_with(
            "may have 107; choose a shorter runtime_dir, or shorter names of the cluster and the service"
        ),
        "{error}"
    );
}
