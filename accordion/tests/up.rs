//! `accordion up` before it starts anything, and how a daemon's life is tied to it. Whole clusters are
//! tested elsewhere.
#![allow(clippy::unwrap_used)] // in a test an unwrap is the assertion

#[path = "program/running.rs"]
mod running;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, id};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use running::{Running, until};

/// Which of a ground's addresses: what clients reach, and the two ports of its node.
const FRONT: usize = 0;
const CONTROL: usize = 1;
const DATA: usize = 2;

/// A place of its own, and a cluster there one of whose ports somebody has taken before.
struct Ground {
    place: tempfile::TempDir,
    addresses: [SocketAddr; 3],
}

#[test]
fn a_bad_file_is_status_78_and_nothing_is_bound_or_started() {
    // Were anything bound before the file is judged, this would be what is told.
    let (ground, _taken) = Ground::with_taken(FRONT);
    let mut up = ground.up(&ground.file().replace("capacity = 8", "capacity = 0"));
    assert_eq!(up.ended().code(), Some(78));
    let said = up.rest();
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(said[0].contains("cluster.toml:11:12: ") && said[0].contains("capacity"), "{said:#?}");
    assert!(ground.is_untouched());
}

#[test]
fn a_front_end_address_in_use_is_told_with_the_remedy_and_nothing_is_started() {
    let (ground, _taken) = Ground::with_taken(FRONT);
    ground.refuses(
        &ground.file(),
        &[
            &format!(
                "accordion up: service shop: cannot listen on {}: the address is in use: ",
                ground.addresses[FRONT]
            ),
            "choose another port",
        ],
    );
}

#[test]
fn a_node_address_in_use_is_told_before_the_front_end_is_bound() {
    for taken in [CONTROL, DATA] {
        let (ground, _taken) = Ground::with_taken(taken);
        let address = ground.addresses[taken];
        ground.refuses(
            &ground.file(),
            &[&format!("accordion up: node c1: cannot listen on {address}: the address is in use: ")],
        );
    }
}

#[test]
fn an_address_of_another_machine_is_told_and_nothing_is_started() {
    let (ground, _) = Ground::with_taken(FRONT);
    // 192.0.2.0/24 is for documentation; no machine has it.
    let node = ground.file().replace("address = \"127.0.0.1\"", "address = \"192.0.2.1\"\n");
    let node = node.replace("[cluster]", "[cluster]\ninsecure = true");
    ground.refuses(&node, &["accordion up: node c1: 192.0.2.1 is no address of this machine"]);
}

#[test]
fn a_daemon_of_the_same_cluster_that_runs_already_is_told() {
    let (ground, _) = Ground::with_taken(FRONT);
    let runtime = ground.place.path().join("run/t");
    fs::create_dir_all(&runtime).unwrap();
    let _other = UnixListener::bind(runtime.join("shop.load-manager.sock")).unwrap();
    let mut up = ground.up(&ground.file());
    assert_eq!(up.ended().code(), Some(1));
    let said = up.rest().join("\n");
    assert!(said.starts_with("accordion up: service shop: a daemon of cluster t answers on "), "{said}");
}

#[test]
fn two_services_that_would_listen_on_the_same_address_of_this_machine_are_told() {
    let (ground, taken) = Ground::with_taken(FRONT);
    drop(taken);
    let file = ground.file();
    let at = file.find("[service.shop]").unwrap();
    let second = file[at..].replace("[service.shop]", "[service.blog]");
    let second = second.replace("front_end = \"127.0.0.1\"", "front_end = \"127.0.0.2\"");
    let socket = format!("listen = \"{}\" is taken by service ", ground.addresses[FRONT]);
    ground.refuses(&(file.clone() + &second), &["accordion up: service ", &socket, "an address of its own"]);
}

#[test]
fn services_that_cannot_be_made_of_one_are_told_in_one_sentence_and_nothing_is_started() {
    let (ground, _) = Ground::with_taken(FRONT);
    let file = ground.file();
    for (file, words) in [
        (
            file.replace("capacity = 8", "capacity = 8\nmin = 1"),
            "min = 1, must leave enough slots of all nodes (1)",
        ),
        (
            file.replace(&ground.addresses[FRONT].to_string(), "0.0.0.0:8080"),
            "listen of service shop is 0.0.0.0, and",
        ),
    ] {
        let mut up = ground.up_with(&file, &["--services", "2"]);
        assert_eq!(up.ended().code(), Some(78));
        let said = up.rest();
        let head = "accordion up --services 2: ";
        assert!(said.len() == 1 && said[0].starts_with(head) && said[0].contains(words), "{said:#?}");
        assert!(ground.is_untouched());
    }
}

#[test]
fn a_daemon_ends_with_the_process_it_is_tethered_to_even_when_that_is_killed() {
    let script = "\"$0\" tethered $$ -- demo-service --port 0 & echo pid $!; wait";
    let shell = Running::spawn(Command::new("sh").args(["-c", script, env!("CARGO_BIN_EXE_accordion")]));
    let pid = shell.line_with("pid ").split_once(' ').unwrap().1.parse().unwrap();
    let daemon = Pid::from_raw(pid).unwrap();
    shell.line_with("listening on");
    let stat = fs::read_to_string(format!("/proc/{daemon}/stat")).unwrap();
    assert_eq!(stat.rsplit_once(") ").unwrap().1.split(' ').nth(1), Some(shell.pid().to_string().as_str()));
    shell.signal(Signal::KILL);
    until("the daemon is gone", || is_gone(daemon).then_some(()));
}

#[test]
fn a_daemon_whose_up_is_gone_already_does_not_start() {
    let mut daemon = Running::start(&["tethered", "1", "--", "demo-service", "--port", "0"]);
    assert_eq!(daemon.ended().code(), Some(1));
    assert_eq!(daemon.rest(), ["cannot become the daemon: `accordion up` is gone"]);
    // With the right number it does.
    let daemon = Running::start(&["tethered", &id().to_string(), "--", "demo-service", "--port", "0"]);
    daemon.line_with("listening on");
}

#[test]
fn a_service_whose_daemon_was_killed_just_before_the_end_does_not_outlive_up() {
    let (ground, taken) = Ground::with_taken(FRONT);
    drop(taken);
    let note = ground.place.path().join("service.pid");
    // It takes no notice of a SIGTERM, so that its guard waits before it kills.
    let script = format!("trap '' TERM; echo $$ >{}; while :; do sleep 0.05; done", note.display());
    let command = format!("[\"sh\", \"-c\", \"{script}\", \"{{port}}\"]");
    let mut up = ground.up(&ground.file().replace("[\"shopd\", \"{port}\"]", &command));
    up.line_with("Accordion is up");
    let number = || fs::read_to_string(&note).ok()?.trim().parse().ok();
    let service = Pid::from_raw(until("the local copy runs", number)).unwrap();
    let daemon = child(up.pid(), "service-manager");
    kill_process(daemon, Signal::KILL).unwrap();
    until("the daemon is gone", || is_gone(daemon).then_some(()));
    up.signal(Signal::INT);
    assert_eq!(up.ended().code(), Some(0));
    assert!(is_gone(service));
}

/// The child whose command line contains that word.
fn child(parent: u32, word: &str) -> Pid {
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap();
    let is_it = |pid: &&str| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap();
        line.split(|byte| *byte == 0).any(|one| one == word.as_bytes())
    };
    Pid::from_raw(children.split_whitespace().find(is_it).unwrap().parse().unwrap()).unwrap()
}

/// Ended, whether somebody has taken leave of it or not.
fn is_gone(pid: Pid) -> bool {
    test_kill_process(pid).is_err()
        || fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "))
}

impl Ground {
    /// All were free at the same moment, so that they differ; the one that is taken never was let go.
    fn with_taken(taken: usize) -> (Self, TcpListener) {
        let bound = [(); 3].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
        let addresses = bound.each_ref().map(|listener| listener.local_addr().unwrap());
        let taken = bound.into_iter().nth(taken).unwrap();
        (Self { place: tempfile::tempdir().unwrap(), addresses }, taken)
    }

    fn file(&self) -> String {
        let [front, control, data] = self.addresses;
        format!(
            "[cluster]\nname = \"t\"\n[[node]]\nname = \"c1\"\naddress = \"127.0.0.1\"\ncontrol_port = {}\ndata_port = {}\n\
             [service.shop]\nfront_end = \"127.0.0.1\"\nlisten = \"{front}\"\ncapacity = 8\ncommand = [\"shopd\", \"{{port}}\"]\n",
            control.port(),
            data.port(),
        )
    }

    fn up(&self, file: &str) -> Running {
        self.up_with(file, &[])
    }

    fn up_with(&self, file: &str, options: &[&str]) -> Running {
        let path = |name: &str| self.place.path().join(name).display().to_string();
        fs::write(path("cluster.toml"), file).unwrap();
        let (config, runtime, state) = (path("cluster.toml"), path("run"), path("state"));
        let arguments = ["up", "--config", &config, "--runtime-dir", &runtime, "--state-dir", &state];
        Running::start(&[&arguments, options].concat())
    }

    /// It ends with one sentence that contains all of `words`, before it started anything.
    fn refuses(&self, file: &str, words: &[&str]) {
        let mut up = self.up(file);
        assert_eq!(up.ended().code(), Some(1));
        let said = up.rest();
        assert_eq!(said.len(), 1, "{said:#?}");
        for words in words {
            assert!(said[0].contains(words), "no {words:?} in {said:#?}");
        }
        assert!(self.is_untouched());
    }

    /// A daemon that started would have made its directories.
    fn is_untouched(&self) -> bool {
        !Path::new(&self.place.path().join("run")).exists()
            && !Path::new(&self.place.path().join("state")).exists()
    }
}
