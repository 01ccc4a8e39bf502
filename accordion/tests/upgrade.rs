//! A service-manager that is replaced by another process while it serves: both are processes, and systemd is the
//! test.
#![allow(clippy::unwrap_used)] // in a test an unwrap is the assertion

#[path = "program/front.rs"]
mod front;
#[path = "program/running.rs"]
#[expect(dead_code, reason = "what a daemon says is looked at by other tests")]
mod running;
#[path = "program/systemd.rs"]
#[expect(dead_code, reason = "what is kept over a restart is looked at by another test")]
mod systemd;
#[path = "program/visitors.rs"]
mod visitors;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rustix::process::{Pid, Signal, kill_process};

use front::{Front, GOING_AWAY, free_addresses, web_socket};
use running::{PATIENCE, Running, until};
use visitors::Visitors;

/// More than sockets take that nobody reads from.
const DOWNLOAD: usize = 64 << 20;

/// A text frame of a client, and what comes back of it.
const ASKED: &[u8] = &[0x81, 0x82, 0, 0, 0, 0, b'h', b'i'];
const ANSWERED: &[u8] = &[0x81, 0x02, b'h', b'i'];

/// A successor, which is no child of the test.
struct Life(i32);

#[test]
fn three_upgrades_under_load_lose_nothing_and_streams_end_by_themselves() {
    let front = Front::new();
    let [listen, control, data] = free_addresses();
    let node = format!(
        "[[node]]\nname = \"c1\"\naddress = \"127.0.0.1\"\nslots = 1\ncontrol_port = {}\ndata_port = {}\n",
        control.port(),
        data.port()
    );
    front.write(listen, "workers = 2\nmin = 1", &node);
    let program = front.path("accordion");
    install(&program);
    let _node = daemon(&front, &["task-processor", "--node", "c1"]);
    let _decider = daemon(&front, &["load-manager"]);
    let mut first = front.start(&program);
    let lease = until("there is a child", || child(&front));

    let visitors = Visitors::to(listen);
    let mut tunnel = web_socket(listen);
    let mut download = TcpStream::connect(listen).unwrap();
    download.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(download, "GET /bytes/{DOWNLOAD} HTTP/1.1\r\nhost: demo\r\n\r\n").unwrap();
    let mut start = [0; 1000];
    download.read_exact(&mut start).unwrap();

    let mut lives = Vec::new();
    for _ in 0..3 {
        let before = visitors.answered();
        until("requests are answered", || (visitors.answered() > before + 20).then_some(()));
        // A package puts another file in the place of the one that runs.
        install(&program);
        front.systemd.messages();
        let life = upgraded(&upgrade(&front));
        assert_eq!(fs::read_link(format!("/proc/{}/exe", life.0)).unwrap(), program);
        // The old one is the main process until it has said that the other one is.
        let heard = until("it is ready", || {
            let heard = front.systemd.messages_until("READY=1")?;
            Some(
                heard
                    .into_iter()
                    .filter(|message| message.contains("MAINPID=") || message.contains("READY=1")),
            )
        });
        let heard: Vec<_> = heard.collect();
        assert_eq!(heard[0].trim_end(), format!("MAINPID={}", life.0));
        assert_eq!(heard.len(), 2, "{heard:?}");
        assert_eq!(until("the load-manager says so", || child(&front)), lease, "no child is lost");
        lives.push(life);
    }
    let before = visitors.answered();
    until("requests are answered", || (visitors.answered() > before + 20).then_some(()));
    let (answered, losses) = visitors.finish();
    assert!(losses.is_empty(), "{answered} answered, {} lost: {losses:#?}", losses.len());

    // Those between had nothing left to do.
    let last = lives.pop().unwrap();
    for life in &lives {
        until("one that was replaced has ended", || life.has_ended().then_some(()));
    }
    // The streams are where they were.
    tunnel.write_all(ASKED).unwrap();
    let mut words = [0; 4];
    tunnel.read_exact(&mut words).unwrap();
    assert_eq!(words, ANSWERED);
    let head = start.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let mut rest = vec![0; DOWNLOAD - (start.len() - head)];
    download.read_exact(&mut rest).unwrap();
    drop(tunnel);
    assert_eq!(first.ended().code(), Some(0), "with its last stream");
    // Who asks on the socket finds the process that answers, and not the one that made it.
    assert!(doctor(&front).contains("open files are enough"), "{}", doctor(&front));
    TcpStream::connect(listen).unwrap();
    last.signal(Signal::TERM);
    until("the last one has ended", || last.has_ended().then_some(()));
}

#[test]
fn an_end_of_the_new_one_ends_the_streams_of_the_old_one_politely() {
    let front = Front::new();
    let [listen] = free_addresses();
    front.write(listen, "workers = 1", "");
    let program = Path::new(env!("CARGO_BIN_EXE_accordion"));
    let mut first = front.start(program);
    let mut tunnel = web_socket(listen);
    // Also where the one between has ended already.
    let between = upgraded(&upgrade(&front));
    let last = upgraded(&upgrade(&front));
    until("it has ended", || between.has_ended().then_some(()));
    last.signal(Signal::TERM);
    let mut words = [0; 4];
    tunnel.read_exact(&mut words).unwrap();
    assert_eq!(words, GOING_AWAY);
    drop(tunnel);
    assert_eq!(first.ended().code(), Some(0));
    until("it has ended", || last.has_ended().then_some(()));
}

#[test]
fn a_successor_that_does_not_get_ready_is_ended_and_the_old_one_goes_on() {
    let front = Front::new();
    let [listen] = free_addresses();
    front.write(listen, "workers = 1\nstart_timeout = \"500ms\"", "");
    let program = front.path("accordion");
    install(&program);
    let mut first = front.start(&program);
    replace(&program, |new| fs::write(new, "#!/bin/sh\nexit 3\n").unwrap());
    let failed = said_no(&upgrade(&front));
    assert!(failed.contains("it has ended"), "{failed}");

    let hangs = front.path("hangs");
    let script = format!("#!/bin/sh\necho $$ > {0}.new; mv {0}.new {0}; exec sleep 1000\n", hangs.display());
    replace(&program, |new| fs::write(new, script).unwrap());
    front.systemd.messages();
    let asks = std::thread::spawn({
        let mut command = asking(&front);
        move || command.output().unwrap()
    });
    let pid = until("it runs", || fs::read_to_string(&hangs).ok());
    let second = said_no(&upgrade(&front));
    assert!(second.contains("an upgrade is under way already"), "{second}");
    let failed = said_no(&asks.join().unwrap());
    assert!(failed.contains("it was not ready within 15 s"), "{failed}");
    assert!(!Path::new("/proc").join(pid.trim()).exists(), "it is ended");
    let told = front.systemd.messages();
    assert!(!told.iter().any(|message| message.contains("MAINPID")), "{told:?}");

    // It is as it was: it serves, and can be replaced.
    TcpStream::connect(listen).unwrap();
    install(&program);
    let life = upgraded(&upgrade(&front));
    assert_eq!(first.ended().code(), Some(0));
    life.signal(Signal::TERM);
    until("it has ended", || life.has_ended().then_some(()));
}

/// Puts the program there, as another file than the one that may be there.
fn install(path: &Path) {
    replace(path, |new| {
        fs::copy(env!("CARGO_BIN_EXE_accordion"), new).unwrap();
    });
}

fn replace(path: &Path, write: impl FnOnce(&PathBuf)) {
    let new = path.with_extension("new");
    write(&new);
    fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(new, path).unwrap();
}

fn asking(front: &Front) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_accordion"));
    front.options(command.arg("upgrade"));
    command
}

fn upgrade(front: &Front) -> Output {
    asking(front).output().unwrap()
}

/// What is said of the front end by who looks for faults.
fn doctor(front: &Front) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_accordion"));
    let output = front.options(command.arg("doctor")).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn upgraded(output: &Output) -> Life {
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let pid = said.strip_prefix("shop: process ").unwrap().split(' ').next().unwrap();
    Life(pid.parse().unwrap())
}

fn said_no(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The lease of the one child, once both daemons have it.
fn child(front: &Front) -> Option<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_accordion"));
    let output = front.options(command.args(["status", "--json"])).output().unwrap();
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    let service = status.pointer("/services/0")?;
    let is_ready = |child: &serde_json::Value| child["state"] == "ready";
    service.pointer("/service_manager/Ok/children/0").filter(|child| is_ready(child))?;
    let node = service.pointer("/load_manager/Ok/nodes/0").filter(|node| is_ready(node))?;
    Some(format!("{} of epoch {}", node["lease_id"], node["epoch"]))
}

fn daemon(front: &Front, arguments: &[&str]) -> Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_accordion"));
    command.args(arguments).env_remove("NOTIFY_SOCKET").arg("--state-dir").arg(front.path("state"));
    Running::spawn(front.options(&mut command))
}

impl Life {
    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.0).unwrap(), signal).unwrap();
    }

    fn has_ended(&self) -> bool {
        // One that nobody has waited for yet has no program any more.
        fs::read_link(format!("/proc/{}/exe", self.0)).is_err()
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        // Of one that has ended the number is not used again so soon.
        let _ = kill_process(Pid::from_raw(self.0).unwrap(), Signal::KILL);
    }
}
