//! Copies of a service that somebody else starts: the daemon's side of the starter, which here is a thread that
//! starts guards as systemd would. What the starter itself does needs root and systemd: packaging/try-deb.
#![allow(clippy::unwrap_used)] // in a test an unwrap is the assertion

#[path = "process/processes.rs"]
mod processes;

use std::fs;
use std::io::{IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use cluster::process::{Instance, Leftover, Spec, leftovers, use_starter};
use processes::{guarded, is_running, settle};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;

/// More than anything here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(20);

/// A process has one starter.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// A starter that does as it is told.
struct Fake {
    heard: Receiver<String>,
    _alone: MutexGuard<'static, ()>,
}

impl Fake {
    /// The one place where this process looks for a starter, where nobody is yet.
    async fn nobody() -> (TempDir, MutexGuard<'static, ()>) {
        let alone = ONE_AT_A_TIME.lock().await;
        // For the whole process, so it is not among the tests' own places.
        let path = std::env::temp_dir().join(format!("accordion-starter-{}", std::process::id()));
        let _ = fs::remove_file(&path);
        use_starter(path);
        (tempfile::tempdir().unwrap(), alone)
    }

    /// One that starts guards over this command, or refuses with these words.
    async fn new(does: Result<&'static [&'static str], &'static str>) -> Self {
        let (_, alone) = Self::nobody().await;
        let path = std::env::temp_dir().join(format!("accordion-starter-{}", std::process::id()));
        let listener = UnixListener::bind(path).unwrap();
        let (said, heard) = channel();
        thread::spawn(move || serve(&listener, does, &said));
        Self { heard, _alone: alone }
    }

    fn next(&self) -> String {
        self.heard.recv_timeout(DEADLINE).unwrap()
    }
}

fn serve(listener: &UnixListener, does: Result<&[&str], &str>, said: &Sender<String>) {
    let mut guards: Vec<Child> = Vec::new();
    while let Ok((mut stream, _)) = listener.accept() {
        let (request, files) = receive(&stream);
        let words: Vec<&str> = request.split(' ').collect();
        let answer = match (&words[..], does) {
            (["start", service, mark, address], Ok(command)) => {
                let port = address.rsplit(':').next().unwrap();
                let guard = guard(
                    service,
                    mark,
                    &command.iter().map(|word| word.replace("{port}", port)).collect::<Vec<_>>(),
                    files,
                );
                guards.push(guard);
                format!("started {}", guards.last().unwrap().id())
            }
            (["start", ..], Err(fault)) => format!("fault {fault}"),
            _ => {
                for guard in &mut guards {
                    let _ = guard.kill();
                    guard.wait().unwrap();
                }
                "ended".to_owned()
            }
        };
        let is_last = said.send(request).is_err();
        let _ = writeln!(stream, "{answer}");
        if is_last {
            return;
        }
    }
}

/// As systemd starts it: with nothing of the daemon's but the files.
fn guard(service: &str, mark: &str, command: &[String], files: Vec<OwnedFd>) -> Child {
    let [stdin, stdout, stderr] = <[OwnedFd; 3]>::try_from(files).unwrap().map(Stdio::from);
    let mut guard = Command::new(guarded());
    guard.args(["guard--", service]).args(command).env_clear().env("ACCORDION_GUARD", mark);
    guard.stdin(stdin).stdout(stdout).stderr(stderr).spawn().unwrap()
}

fn receive(stream: &UnixStream) -> (String, Vec<OwnedFd>) {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut bytes = [0; 256];
    let received =
        recvmsg(stream, &mut [IoSliceMut::new(&mut bytes)], &mut control, RecvFlags::CMSG_CLOEXEC).unwrap();
    let files = control.drain().flat_map(|message| match message {
        RecvAncillaryMessage::ScmRights(files) => files.collect(),
        _ => Vec::new(),
    });
    let files = files.collect();
    (str::from_utf8(&bytes[..received.bytes]).unwrap().trim_end().to_owned(), files)
}

/// What the daemon knows of the command is not what is run.
fn spec(notes: Option<&Path>) -> Spec {
    Spec {
        service: "shop".to_owned(),
        command: vec!["/nowhere/shopd".to_owned()],
        address: [127, 0, 0, 1].into(),
        ports: 20000..=29999,
        ready: Some("/".to_owned()),
        start_timeout: Duration::from_secs(10),
        stop_timeout: Duration::from_secs(2),
        notes: notes.map(Path::to_owned),
    }
}

fn serving() -> &'static [&'static str] {
    static COMMAND: std::sync::OnceLock<Vec<&'static str>> = std::sync::OnceLock::new();
    COMMAND.get_or_init(|| {
        let guarded: &'static str = Box::leak(guarded().display().to_string().into_boxed_str());
        vec![guarded, "serve", "127.0.0.1", "{port}"]
    })
}

async fn start(notes: Option<&Path>) -> Instance {
    timeout(DEADLINE, Instance::start(spec(notes))).await.unwrap().unwrap()
}

async fn fault() -> String {
    timeout(DEADLINE, Instance::start(spec(None))).await.unwrap().unwrap_err().to_string()
}

#[tokio::test]
async fn a_copy_is_asked_for_by_name_and_port_becomes_ready_and_stops() {
    let fake = Fake::new(Ok(serving())).await;
    let instance = start(None).await;
    let request = fake.next();
    let words: Vec<&str> = request.split(' ').collect();
    let [_, _, mark, _] = words[..] else { panic!("{request}") };
    assert_eq!(request, format!("start shop {mark} {}", instance.address()));
    assert!(is_running(instance.guard_pid()) && is_running(instance.pid()));
    assert_eq!(processes::parent(instance.pid()), Some(instance.guard_pid()));

    let pid = instance.pid();
    timeout(DEADLINE, instance.stop()).await.unwrap();
    assert!(!is_running(pid));
    // The guard did it, and nobody else was asked to.
    assert!(fake.heard.try_recv().is_err());
}

#[tokio::test]
async fn the_end_of_the_service_and_its_last_words_are_known() {
    let _fake = Fake::new(Ok(&["/bin/sh", "-c", "echo no database >&2; exit 3"])).await;
    let fault = fault().await;
    assert_eq!(
        fault,
        "service \"shop\" exited with status 3 before it was ready; its last words: \"no database\""
    );
}

#[tokio::test]
async fn a_refusal_is_passed_on_and_a_starter_that_is_not_there_is_named() {
    {
        let _fake = Fake::new(Err("there is no user \"shop\" on this machine")).await;
        let fault = fault().await;
        let words = "service \"shop\" was not started by systemd: there is no user \"shop\" on this machine";
        assert_eq!(fault, words);
    }
    let _alone = Fake::nobody().await;
    let fault = fault().await;
    assert!(fault.ends_with(": systemctl start accordion-starter.socket"), "{fault}");
}

#[tokio::test]
async fn where_the_guard_is_killed_the_starter_ends_the_unit() {
    let fake = Fake::new(Ok(serving())).await;
    let instance = start(None).await;
    let begun = fake.next();
    kill_process(Pid::from_raw(instance.guard_pid().cast_signed()).unwrap(), Signal::KILL).unwrap();
    let mut exited = instance.exited();
    timeout(DEADLINE, exited.wait_for(Option::is_some)).await.unwrap().unwrap();
    let mark = begun.split(' ').nth(2).unwrap();
    assert_eq!(fake.next(), format!("end shop {mark}"));
    timeout(DEADLINE, instance.stop()).await.unwrap();
}

#[tokio::test]
async fn the_daemons_next_life_has_what_is_left_ended_and_forgets_it_then() {
    let fake = Fake::new(Ok(serving())).await;
    let directory = tempfile::tempdir().unwrap();
    let notes = directory.path().join("notes");
    let instance = start(Some(&notes)).await;
    let begun = fake.next();
    let (guard, address) = (instance.guard_pid(), instance.address());
    let [leftover] = <[Leftover; 1]>::try_from(leftovers(&notes).unwrap()).unwrap();
    timeout(DEADLINE, leftover.ended()).await.unwrap();
    assert_eq!(fake.next(), begun.replace("start", "end").replace(&format!(" {address}"), ""));
    settle("the guard is gone", || !is_running(guard)).await;
    assert_eq!(fs::read_dir(&notes).unwrap().count(), 0);
    timeout(DEADLINE, instance.stop()).await.unwrap();
}
