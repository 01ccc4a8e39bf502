//! `accordion rack`: machines that are not there, made, used and taken away again, whatever ends the rack. Says so
//! and returns where there can be none.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use e2e::{client, processes, wait_for};
use rustix::process::Signal;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::PROGRAM;

const STEP: Duration = Duration::from_secs(30);

/// A rack of one node, and its name.
struct Rack {
    name: String,
    up: Child,
}

impl Rack {
    fn up(which: &str) -> Option<Self> {
        let name = format!("{which}-{}", std::process::id());
        let mut command = Command::new(PROGRAM);
        command.args(["rack", "up", "--nodes", "1", "--node-cpu", "0.5", "--name", &name]);
        let mut up = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let told = BufReader::new(up.stdout.take().unwrap());
        if told.lines().map_while(Result::ok).any(|line| line.starts_with("The rack is up")) {
            return Some(Self { name, up });
        }
        let said = up.wait_with_output().unwrap();
        eprintln!("skipped, as there can be no rack here: {}", String::from_utf8_lossy(&said.stderr));
        None
    }

    fn exec(&self, machine: &str, words: &[&str]) -> Output {
        let rack = ["rack", "exec", "--name", &self.name, machine];
        Command::new(PROGRAM).args(rack).args(words).output().unwrap()
    }

    /// Whether there is anything of it.
    fn is_there(&self) -> bool {
        let listed = |directory: &str| -> Vec<String> {
            let entries = fs::read_dir(directory).into_iter().flatten().flatten();
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
        };
        let group = |root: &str| PathBuf::from(root).join("accordion-rack").join(&self.name).exists();
        listed("/run/netns").iter().any(|name| name.contains(&format!(".{}.", self.name)))
            || listed("/run/accordion-rack").contains(&self.name)
            || ["/sys/fs/cgroup", "/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"].into_iter().any(group)
    }
}

impl Drop for Rack {
    fn drop(&mut self) {
        self.up.kill().ok();
        self.up.wait().ok();
        Command::new(PROGRAM).args(["rack", "down", "--name", &self.name]).status().ok();
    }
}

#[test]
fn a_client_reaches_the_front_end_and_a_signal_takes_the_rack_away() {
    let Some(mut rack) = Rack::up("used") else { return };
    let network = File::open(format!("/run/netns/accordion-rack.{}.client", rack.name)).unwrap();
    let home = File::open("/proc/thread-self/ns/net").unwrap();
    let enter = |network: &File| {
        move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
    };
    enter(&network);
    let front = SocketAddr::from((Ipv4Addr::new(10, 77, 0, 1), 8080));
    wait_for("the front end serves a client of the rack", STEP, || {
        client::get(front, "/", STEP).ok().filter(|answer| answer.status == 200)
    });
    enter(&home);
    let group = rack.exec("c1", &["cat", "/proc/self/cgroup"]);
    let group = String::from_utf8(group.stdout).unwrap();
    assert!(group.contains(&format!("/accordion-rack/{}/c1", rack.name)), "it is not capped: {group}");
    let nowhere = rack.exec("c9", &["true"]);
    assert!(String::from_utf8_lossy(&nowhere.stderr).contains("has a machine \"c9\""), "{nowhere:?}");
    processes::signal(rack.up.id() as i32, Signal::INT);
    assert!(rack.up.wait().unwrap().success());
    assert!(!rack.is_there());
}

#[test]
fn what_a_killed_rack_left_is_taken_away_by_down() {
    let Some(mut rack) = Rack::up("killed") else { return };
    let down = || Command::new(PROGRAM).args(["rack", "down", "--name", &rack.name]).output().unwrap();
    let refused = down();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("is up: end it"), "{refused:?}");
    rack.up.kill().unwrap();
    rack.up.wait().unwrap();
    assert!(rack.is_there());
    let down = Command::new(PROGRAM).args(["rack", "down", "--name", &rack.name]).output().unwrap();
    assert!(down.status.success(), "{down:?}");
    assert!(!rack.is_there());
}
