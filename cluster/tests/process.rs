//! Copies of a service started, watched and ended, with real processes.
#![allow(clippy::unwrap_used)] // in a test an unwrap is the assertion

#[path = "process/processes.rs"]
mod processes;

use std::time::Duration;

use cluster::process::{Instance, Spec, StartFault};
use processes::{guarded, is_running, parent, session, settle, tree};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, timeout};

/// More than anything here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(20);

/// Does what it is told after it has started `guarded serve` in its own place.
const SERVE: &str = r#"exec "$0" serve "$1" "$2""#;

fn spec(command: &[&str]) -> Spec {
    cluster::guard::use_program(guarded());
    Spec {
        service: "shop".to_owned(),
        command: command.iter().map(|&word| word.to_owned()).collect(),
        address: [127, 0, 0, 1].into(),
        ports: 20000..=29999,
        ready: Some("/healthz".to_owned()),
        start_timeout: Duration::from_secs(10),
        stop_timeout: Duration::from_millis(500),
        notes: None,
    }
}

/// A shell that does `first` and then becomes a service.
fn shell(first: &str) -> Spec {
    spec(&["sh", "-c", &format!("{first} {SERVE}"), "{accordion}", "{address}", "{port}"])
}

fn serve() -> Spec {
    spec(&["{accordion}", "serve", "{address}", "{port}"])
}

async fn start(spec: Spec) -> Instance {
    timeout(DEADLINE, Instance::start(spec)).await.unwrap().unwrap()
}

async fn fault(spec: Spec) -> StartFault {
    timeout(DEADLINE, Instance::start(spec)).await.unwrap().unwrap_err()
}

fn kill(pid: u32) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
}

#[tokio::test]
async fn a_service_becomes_ready_and_stops_when_it_is_asked() {
    let instance = start(serve()).await;
    assert!(*instance.ready().borrow());
    assert_eq!(*instance.exited().borrow(), None);
    assert!((20000..=29999).contains(&instance.address().port()));
    assert!(instance.start_time() < Duration::from_secs(10));
    assert_eq!(tree(instance.guard_pid()), [instance.guard_pid(), instance.pid()]);

    let (guard, pid) = (instance.guard_pid(), instance.pid());
    timeout(DEADLINE, instance.stop()).await.unwrap();
    assert!(!is_running(guard) && !is_running(pid));
    assert_eq!(*instance.exited().borrow(), None);
    timeout(DEADLINE, instance.ready().wait_for(|ready| !ready)).await.unwrap().unwrap();
    timeout(DEADLINE, instance.stop()).await.unwrap();
}

#[tokio::test]
async fn without_a_path_a_connect_is_ready_enough() {
    let instance = start(Spec { ready: None, ..serve() }).await;
    instance.stop().await;
}

#[tokio::test]
async fn two_copies_have_two_ports() {
    // On tasks of their own, as a daemon starts them.
    let (one, other) = tokio::join!(tokio::spawn(start(serve())), tokio::spawn(start(serve())));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_ne!(one.address(), other.address());
    tokio::join!(one.stop(), other.stop());
}

#[tokio::test]
async fn a_copy_gets_the_port_that_has_rested_longest() {
    // An address of its own, where nobody else takes one of the two ports. A probe that only connects is the
    // one to close, so that no port is taken by a connection that has ended.
    let [.., high, low] = std::process::id().to_be_bytes();
    let address = [127, 78, high, low].into();
    let narrow = || Spec { address, ports: 23000..=23001, ready: None, ..serve() };
    let (first, second) = (start(narrow()).await, start(narrow()).await);
    let rested_longest = second.address();
    for ending in [second, first] {
        ending.stop().await;
    }
    let third = start(narrow()).await;
    assert_eq!(third.address(), rested_longest);
    third.stop().await;
}

#[tokio::test]
async fn a_program_that_does_not_exist_is_named() {
    let fault = fault(spec(&["/usr/bin/no-such-shopd"])).await;
    assert!(matches!(fault, StartFault::NotFound { .. }));
    assert_eq!(
        fault.to_string(),
        r#"service "shop": the program "/usr/bin/no-such-shopd" was not found; check command in cluster.toml"#
    );
}

#[tokio::test]
async fn a_program_that_cannot_be_run_is_named_with_the_reason() {
    let fault = fault(spec(&["/etc/passwd"])).await;
    let text = fault.to_string();
    assert!(text.contains("the program \"/etc/passwd\" cannot be run: Permission denied"), "{text}");
}

#[tokio::test]
async fn a_script_without_its_interpreter_is_not_called_missing() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("shopd");
    std::fs::write(&script, "#!/no/such/interpreter\n").unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let text = fault(spec(&[script.to_str().unwrap()])).await.to_string();
    assert!(text.contains("cannot be run: the interpreter"), "{text}");
}

#[tokio::test]
async fn a_service_that_ends_at_once_is_quoted() {
    let fault = fault(spec(&["sh", "-c", "echo starting; echo 'no \"database\"' >&2; exit 3"])).await;
    assert_eq!(
        fault.to_string(),
        r#"service "shop" exited with status 3 before it was ready; its last words: "starting | no \"database\"""#
    );
}

#[tokio::test]
async fn a_service_that_ends_without_a_word_is_told_with_a_remedy() {
    let silent = fault(spec(&["sh", "-c", "exit 3"])).await.to_string();
    assert!(silent.ends_with("; it wrote nothing; try its command by hand"), "{silent}");
    let forked = fault(spec(&["sh", "-c", "sleep 1000 &"])).await.to_string();
    assert!(forked.ends_with("; it wrote nothing; command must stay in the foreground"), "{forked}");
}

#[tokio::test]
async fn a_variable_of_the_commands_own_is_left_to_it() {
    let command = ["sh", "-c", "port=own; echo ${port} {port} '{name}'; exit 1"];
    let StartFault::Exited { words, .. } = fault(spec(&command)).await else { panic!("it exits") };
    let [own, port, name] = words.split(' ').collect::<Vec<_>>()[..] else { panic!("{words}") };
    assert_eq!((own, name), ("own", "{name}"));
    assert!(port.parse::<u16>().is_ok(), "{words}");
}

#[tokio::test]
async fn a_stop_while_it_starts_leaves_a_service_its_stop_timeout() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let (began, ended) = (path("began"), path("ended"));
    // It takes 3 s to end, more than a guard gives where nobody says otherwise.
    let script = "trap 'i=0; while [ $i -lt 30 ]; do sleep 0.1; i=$((i+1)); done; : > \"$1\"; exit' TERM
        : > \"$0\"; while :; do sleep 0.1; done";
    let command = ["sh", "-c", script, began.to_str().unwrap(), ended.to_str().unwrap()];
    let spec = Spec { stop_timeout: DEADLINE, ..spec(&command) };
    let unwanted = settle("it runs", || began.exists());
    let fault = timeout(DEADLINE, Instance::start_unless(spec, unwanted)).await.unwrap().unwrap_err();
    assert_eq!(fault.to_string(), r#"service "shop" was stopped before it was ready"#);
    assert!(ended.exists(), "it was killed before it had ended");
}

#[tokio::test]
async fn a_service_that_is_never_ready_is_ended_and_the_last_answer_told() {
    let command = ["{accordion}", "serve", "{address}", "{port}", "503"];
    let spec = Spec { start_timeout: Duration::from_millis(500), ..spec(&command) };
    let text = fault(spec).await.to_string();
    let (before, after) = text.split_once("(last probe of http://127.0.0.1:2").unwrap();
    assert_eq!(before, r#"service "shop" was not ready within 500ms "#);
    assert_eq!(&after[4..], "/healthz: 503); check ready and start_timeout in cluster.toml");
}

#[tokio::test]
async fn a_full_range_of_ports_is_told() {
    let address = [127, 77, 1, 1];
    let taken = std::net::TcpListener::bind((std::net::Ipv4Addr::from(address), 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let text = fault(Spec { address: address.into(), ports: port..=port, ..serve() }).await.to_string();
    let range = format!("no port from {port} to {port} is free on 127.77.1.1");
    assert!(text.contains(&range), "{text}");
}

#[tokio::test]
async fn a_stop_ends_what_ignores_it_and_what_hid() {
    let instance = start(shell("(trap '' TERM; sleep 1000; sleep 1000) & (sleep 1000 &);")).await;
    let processes = tree(instance.guard_pid());
    // The guard, the service, a shell with its sleep, and the sleep that has no shell.
    assert_eq!(processes.len(), 5, "{processes:?}");

    let began = Instant::now();
    timeout(DEADLINE, instance.stop()).await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(500), "the grace was cut short");
    assert_eq!(processes.into_iter().filter(|&pid| is_running(pid)).count(), 0);
}

#[tokio::test]
async fn a_stop_catches_a_process_that_runs_away_by_forking() {
    let instance = start(shell("hop() { trap '' TERM; hop & exit; }; (hop) &")).await;
    timeout(DEADLINE, instance.stop()).await.unwrap();
    assert!(!is_running(instance.guard_pid()), "the guard is gone only when the runner is");
}

#[tokio::test]
async fn the_end_of_the_main_process_is_news_and_ends_the_others() {
    let instance = start(shell("sleep 1000 &")).await;
    let processes = tree(instance.guard_pid());
    assert_eq!(processes.len(), 3, "{processes:?}");
    kill(instance.pid());
    let news = timeout(DEADLINE, instance.exited().wait_for(Option::is_some)).await.unwrap().unwrap().clone();
    assert_eq!(news.as_deref(), Some("was killed by signal 9"));
    timeout(DEADLINE, instance.ready().wait_for(|ready| !ready)).await.unwrap().unwrap();
    settle("the others end", || !processes.iter().any(|&pid| is_running(pid))).await;
}

#[tokio::test]
async fn the_last_words_of_a_ready_service_are_kept() {
    let first = r#"(sleep 0.3; echo "out of stock"; kill -9 $$) &"#;
    let instance = start(shell(first)).await;
    let news = timeout(DEADLINE, instance.exited().wait_for(Option::is_some)).await.unwrap().unwrap().clone();
    assert_eq!(news.as_deref(), Some("was killed by signal 9: out of stock"));
}

#[tokio::test]
async fn a_killed_guard_takes_the_service_along() {
    let instance = start(shell("sleep 1000 &")).await;
    let processes = tree(instance.guard_pid());
    kill(instance.guard_pid());
    let news = timeout(DEADLINE, instance.exited().wait_for(Option::is_some)).await.unwrap().unwrap().clone();
    assert_eq!(news.as_deref(), Some("was killed with its guard process"));
    settle("all end", || !processes.iter().any(|&pid| is_running(pid))).await;
    timeout(DEADLINE, instance.stop()).await.unwrap();
}

#[tokio::test]
async fn a_killed_guard_takes_along_what_hid_in_a_session_of_its_own() {
    let instance = start(shell("(setsid sh -c 'sleep 1000; sleep 1000' &);")).await;
    settle("all run", || tree(instance.guard_pid()).len() == 4).await;
    let processes = tree(instance.guard_pid());
    // A child of this process that no guard ever had to do with, in a session of its own as well.
    let mut stranger = std::process::Command::new("setsid").args(["sleep", "1000"]).spawn().unwrap();
    let hidden = *processes
        .iter()
        .find(|&&pid| session(pid) == pid && pid != instance.guard_pid() && pid != instance.pid())
        .unwrap();
    kill(instance.guard_pid());
    // This thread is the only one of the runtime: its guard's death is not seen before it is over.
    let began = Instant::now();
    while parent(hidden) != Some(std::process::id()) {
        assert!(began.elapsed() < DEADLINE, "what a guard leaves behind becomes ours");
        std::thread::sleep(Duration::from_millis(1));
    }
    timeout(DEADLINE, instance.stop()).await.unwrap();
    assert_eq!(processes.iter().filter(|&&pid| parent(pid).is_some()).count(), 0, "ended and collected");
    assert!(stranger.try_wait().unwrap().is_none(), "a stranger was killed");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[tokio::test]
async fn a_guard_that_hangs_is_killed_after_all_that_it_guards() {
    let instance = start(shell("(setsid sleep 1000 &);")).await;
    settle("all run", || tree(instance.guard_pid()).len() == 3).await;
    let processes = tree(instance.guard_pid());
    let guard = Pid::from_raw(i32::try_from(instance.guard_pid()).unwrap()).unwrap();
    kill_process(guard, Signal::STOP).unwrap();
    timeout(DEADLINE, instance.stop()).await.unwrap();
    assert_eq!(processes.into_iter().filter(|&pid| is_running(pid)).count(), 0);
}

#[tokio::test]
async fn a_dropped_copy_and_a_cancelled_start_leave_nothing() {
    let instance = start(shell("sleep 1000 &")).await;
    let processes = tree(instance.guard_pid());
    drop(instance);
    settle("a dropped copy ends", || !processes.iter().any(|&pid| is_running(pid))).await;

    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("pid");
    let starting =
        Instance::start(spec(&["sh", "-c", "echo $$ > \"$0\"; exec sleep 1000", file.to_str().unwrap()]));
    let pid = || std::fs::read_to_string(&file).ok()?.trim().parse().ok();
    tokio::select! {
        _ = starting => panic!("nothing there is ready"),
        () = settle("it runs", || pid().is_some()) => {}
    }
    let pid = pid().unwrap();
    settle("a cancelled start ends", || !is_running(pid)).await;
}

#[tokio::test]
async fn a_service_begins_with_a_clean_table() {
    // Three files (ls has a fourth), no signal held back or ignored (32 and 33 are the C library's
    // own), and a session of its own.
    let script = "echo $(ls /proc/self/fd); cut -d' ' -f6 /proc/$$/stat; echo $$
        sed -nE 's/^Sig(Blk|Ign):\\t//p' /proc/self/status; exit 1";
    let StartFault::Exited { words, .. } = fault(spec(&["sh", "-c", script])).await else {
        panic!("it exits before it is ready")
    };
    let [files, session, pid, held_back, ignored] = words.split(" | ").collect::<Vec<_>>()[..] else {
        panic!("{words}")
    };
    let signals = |mask| u64::from_str_radix(mask, 16).unwrap() & !(0b11 << 31);
    assert_eq!((files, signals(held_back), signals(ignored)), ("0 1 2 3", 0, 0));
    assert_eq!(session, pid);
}

#[tokio::test]
async fn a_service_has_the_file_limit_from_before_the_daemon_raised_its_own() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(600), maximum }).unwrap();
    cluster::daemon::raise_file_limit();
    assert_eq!(getrlimit(Resource::Nofile).current, maximum);
    let words = fault(spec(&["sh", "-c", "echo soft $(ulimit -Sn); exit 1", "{port}"])).await.to_string();
    assert!(words.contains("soft 600"), "{words}");
}
