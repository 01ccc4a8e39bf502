//! What the daemons tell systemd, by the socket that it would give them: each is a process, and systemd is
//! the test.
#![allow(clippy::unwrap_used)] // in a test an unwrap is the assertion

#[path = "program/running.rs"]
#[expect(dead_code, reason = "what a daemon says is looked at by other tests")]
mod running;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use running::{PATIENCE, Running, until};

/// What systemd waits for a sign of life here.
const WATCHDOG: Duration = Duration::from_millis(150);

/// A cluster.toml of one node and one service that keeps it.
struct Ground {
    place: TempDir,
    listen: SocketAddr,
    control: SocketAddr,
}

/// A daemon and the socket at which it is heard.
struct Daemon {
    program: Running,
    socket: UnixDatagram,
}

#[test]
fn the_daemons_say_when_they_are_ready_how_they_are_and_that_they_end() {
    let ground = Ground::new();
    let mut node = ground.start("task-processor", &["--node", "c1"]);
    assert_eq!(node.ready(), "0 of 2 slots leased");
    TcpStream::connect(ground.control).unwrap();
    let mut front = ground.start("service-manager", &[]);
    let status = front.ready();
    assert!(status.starts_with("0 children, level Low, 0 requests in flight"), "{status}");
    TcpStream::connect(ground.listen).unwrap();
    let mut decider = ground.start("load-manager", &[]);
    assert_eq!(decider.ready(), "the service-manager does not answer");

    // The service keeps one node. Each of them goes on while systemd listens to another and does not read
    // what has come from it, of which a socket holds ten messages or so.
    node.hears("STATUS=1 of 2 slots leased: shop");
    for daemon in [&front, &decider] {
        daemon.hears("STATUS=1 child, level ");
    }
    for daemon in [&node, &front, &decider] {
        daemon.hears("WATCHDOG=1");
        daemon.hears("WATCHDOG=1");
    }

    // A file that is read again, with a fault at last.
    for daemon in [&node, &front, &decider] {
        daemon.program.signal(Signal::HUP);
        daemon.hears("RELOADING=1\nMONOTONIC_USEC=");
        daemon.hears("READY=1");
    }
    fs::write(ground.place.path().join("cluster.toml"), "[cluster").unwrap();
    decider.program.signal(Signal::HUP);
    decider.hears("RELOADING=1\nMONOTONIC_USEC=");
    decider.hears("READY=1");

    // Twice the default stop_timeout of 10 s; reclaim_notice and one stop_timeout; no wait; with a margin each.
    front.program.signal(Signal::TERM);
    front.hears("STOPPING=1\nEXTEND_TIMEOUT_USEC=35000000");
    assert_eq!(front.program.ended().code(), Some(0));
    // The node waits for its holder, which stands still here, and is not taken for dead meanwhile.
    decider.program.signal(Signal::STOP);
    node.program.signal(Signal::TERM);
    node.hears("STOPPING=1\nEXTEND_TIMEOUT_USEC=55000000");
    node.hears("WATCHDOG=1\nSTATUS=1 of 2 slots leased: shop; ending");
    node.hears("WATCHDOG=1");
    node.program.signal(Signal::TERM);
    assert_eq!(node.program.ended().code(), Some(0));
    decider.program.signal(Signal::CONT);
    decider.program.signal(Signal::TERM);
    decider.hears("STOPPING=1\nEXTEND_TIMEOUT_USEC=5000000");
    assert_eq!(decider.program.ended().code(), Some(0));
}

#[test]
fn a_worker_that_hangs_is_not_covered_up_by_the_loops_that_turn() {
    let ground = Ground::new();
    let front = ground.start("service-manager", &[]);
    front.ready();
    front.hears("WATCHDOG=1");
    let thread = thread(front.program.pid(), "relay-0");

    // It stands at its next system call for as long as its tracer does.
    let number = thread.rsplit_once('/').unwrap().1;
    let tracer = Running::spawn(Command::new("strace").args(["-o", "/dev/null", "-p", number]));
    until("strace has the thread", || (!status(&thread).contains("TracerPid:\t0\n")).then_some(()));
    tracer.signal(Signal::STOP);
    until("the worker stands", || status(&thread).contains("State:\tt").then_some(()));
    // The loop of control turns on, as its answers show, and yet there is no sign of life.
    ground.ask_for_status();
    while front.next(Duration::ZERO).is_some() {}
    let end = Instant::now() + 3 * WATCHDOG;
    while Instant::now() < end {
        ground.ask_for_status();
    }
    ground.ask_for_status();
    assert_eq!(front.next(Duration::ZERO), None);

    tracer.signal(Signal::CONT);
    front.hears("WATCHDOG=1");
}

/// The directory in /proc of the process's thread of that name.
fn thread(process: u32, name: &str) -> String {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let mut tasks = tasks.map(|task| task.unwrap().path().display().to_string());
    tasks.find(|task| fs::read_to_string(format!("{task}/comm")).unwrap().trim() == name).unwrap()
}

fn status(thread: &str) -> String {
    fs::read_to_string(format!("{thread}/status")).unwrap()
}

impl Ground {
    fn new() -> Self {
        // All free at the same moment, so that they differ.
        let bound = [(); 3].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
        let [listen, control, data] = bound.each_ref().map(|listener| listener.local_addr().unwrap());
        let place = tempfile::tempdir().unwrap();
        let file = format!(
            "[cluster]\nname = \"t\"\n[[node]]\nname = \"c1\"\naddress = \"127.0.0.1\"\nslots = 2\n\
             control_port = {}\ndata_port = {}\n[service.shop]\nfront_end = \"127.0.0.1\"\nlisten = \"{listen}\"\n\
             capacity = 8\nworkers = 1\nmin = 1\nready = \"/healthz\"\n\
             command = [\"{{accordion}}\", \"demo-service\", \"--port\", \"{{port}}\", \"--address\", \"{{address}}\"]\n",
            control.port(),
            data.port(),
        );
        fs::write(place.path().join("cluster.toml"), file).unwrap();
        Self { place, listen, control }
    }

    /// Has the service-manager answer.
    fn ask_for_status(&self) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_accordion"));
        command.args(["status", "--json", "--config"]).arg(self.place.path().join("cluster.toml"));
        let output = command.arg("--runtime-dir").arg(self.place.path().join("run")).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    fn start(&self, daemon: &str, arguments: &[&str]) -> Daemon {
        let path = |name: &str| self.place.path().join(name);
        let socket = UnixDatagram::bind(path(daemon)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_accordion"));
        command.arg(daemon).args(arguments);
        for (option, name) in
            [("--config", "cluster.toml"), ("--runtime-dir", "run"), ("--state-dir", "state")]
        {
            command.arg(option).arg(path(name));
        }
        command.env("NOTIFY_SOCKET", path(daemon)).env("WATCHDOG_USEC", WATCHDOG.as_micros().to_string());
        command.env_remove("WATCHDOG_PID");
        Daemon { program: Running::spawn(&mut command), socket }
    }
}

impl Daemon {
    /// The status of the first message but for sockets to keep: that it is ready.
    fn ready(&self) -> String {
        let told = || self.next(PATIENCE).expect("the daemon said nothing");
        let first = std::iter::repeat_with(told).find(|told| !told.starts_with("FDSTORE=1")).unwrap();
        first.strip_prefix("READY=1\nSTATUS=").unwrap_or_else(|| panic!("{first}")).to_owned()
    }

    /// Passes over what comes before a message with these words.
    fn hears(&self, words: &str) {
        let end = Instant::now() + PATIENCE;
        let mut others = Vec::new();
        while let Some(message) = self.next(end.saturating_duration_since(Instant::now())) {
            if message.contains(words) {
                return;
            }
            others.push(message);
        }
        panic!("no message with {words:?}, but {others:#?}");
    }

    /// The next message within this time.
    fn next(&self, within: Duration) -> Option<String> {
        self.socket.set_read_timeout(Some(within.max(Duration::from_millis(1)))).unwrap();
        let mut bytes = [0; 4096];
        let count = self.socket.recv(&mut bytes).ok()?;
        Some(str::from_utf8(&bytes[..count]).unwrap().trim_end().to_owned())
    }
}
