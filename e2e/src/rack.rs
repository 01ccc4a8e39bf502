//! A cluster whose machines are network namespaces with a bridge between them, so that links can be
//! cut and machines can go. Needs root and `ip`; the host's own network is not touched: the bridge
//! is in the front end's namespace, and so is the thread of the test while it has a rack.

use std::fs::File;
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::Signal;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::processes;
use crate::site::{Plan, Site};

/// Whom nobody is: what is sent there is lost without a word.
const NOBODY: &str = "02:00:00:00:00:01";

/// The front end's interface.
const BRIDGE: &str = "br0";

/// A node's.
const PORT: &str = "eth0";

/// The addresses of a site are near one another.
const PREFIX: u32 = 16;

static RACKS: AtomicU32 = AtomicU32::new(0);

/// Namespaces, links and daemons; gone when it is dropped, after a panic too.
pub struct Rack {
    /// The cluster. Dropped first, while its processes can be told from others.
    pub site: Site,
    daemons: Vec<Child>,
    machines: Machines,
}

/// What is cut of a node's link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Both directions.
    Both,
    /// What the front end sends.
    ToNode,
    /// What the node sends.
    ToFront,
}

/// The namespaces, the front end's first, and where the thread was before it went there.
struct Machines {
    names: Vec<String>,
    home: File,
}

impl Rack {
    /// The cluster of `plan`, up and serving. `None` where there can be none; the reason is printed.
    pub fn up(program: &str, plan: Plan) -> Option<Self> {
        let plan = Plan { is_apart: true, ..plan };
        let site = Site::new(program, &plan);
        let machines = match Machines::new(&site, plan.nodes) {
            Ok(machines) => machines,
            Err(why) => {
                eprintln!("skipped, as it takes root, `ip` (iproute2) and network namespaces: {why}");
                return None;
            }
        };
        let mut rack = Self { site, daemons: Vec::new(), machines };
        for node in 1..=plan.nodes {
            let mut words = rack.site.command("task-processor");
            words.arg("--node").arg(format!("c{node}"));
            let mut command = Command::new("ip");
            command.args(["netns", "exec", rack.machines.name(node)]);
            command.arg(words.get_program()).args(words.get_args());
            rack.daemons.push(rack.site.spawn(command));
        }
        for daemon in ["service-manager", "load-manager"] {
            let command = rack.site.command(daemon);
            rack.daemons.push(rack.site.spawn(command));
        }
        rack.site.wait_until_up();
        Some(rack)
    }

    /// Cuts the link of a node without a word to either side.
    pub fn cut(&self, node: u32, cut: Cut) {
        match cut {
            Cut::Both => self.machines.ip(0, &format!("link set dev {} down", port(node))),
            Cut::ToNode => self.machines.mislead(0, BRIDGE, self.site.ip(node)),
            Cut::ToFront => self.machines.mislead(node, PORT, self.site.ip(0)),
        }
        .expect("a link can be cut");
    }

    /// Makes it whole again.
    pub fn mend(&self, node: u32, cut: Cut) {
        match cut {
            Cut::Both => self.machines.ip(0, &format!("link set dev {} up", port(node))),
            Cut::ToNode => self.machines.lead(0, BRIDGE, self.site.ip(node)),
            Cut::ToFront => self.machines.lead(node, PORT, self.site.ip(0)),
        }
        .expect("a link can be mended");
    }

    /// Takes a node's machine away: first its link, so that nothing tells of the end of its processes.
    pub fn take_away(&self, node: u32) {
        self.cut(node, Cut::Both);
        for pid in self.machines.pids(node) {
            processes::signal(pid, Signal::KILL);
        }
    }
}

impl Drop for Rack {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("---- what the daemons said ----\n{}", self.site.log());
        }
        for daemon in &mut self.daemons {
            daemon.kill().ok();
            daemon.wait().ok();
        }
        // The services, which their guards end as well, but in their own time.
        for machine in 0..self.machines.names.len() as u32 {
            // The test itself is at the front end.
            for pid in self.machines.pids(machine).into_iter().filter(|_| machine > 0) {
                processes::signal(pid, Signal::KILL);
            }
        }
    }
}

impl Machines {
    fn new(site: &Site, nodes: u32) -> Result<Self, String> {
        let home = File::open("/proc/thread-self/ns/net").map_err(|fault| fault.to_string())?;
        let number = RACKS.fetch_add(1, Ordering::SeqCst);
        let mut machines = Self { names: Vec::new(), home };
        for machine in 0..=nodes {
            let name = format!("e2e-{}-{number}-{machine}", std::process::id());
            // Noted first: one that is made by half is to be taken away too.
            machines.names.push(name.clone());
            run(&format!("netns add {name}"))?;
            machines.ip(machine, "link set dev lo up")?;
        }
        machines.ip(0, &format!("link add {BRIDGE} type bridge"))?;
        machines.ip(0, &format!("link set dev {BRIDGE} up"))?;
        machines.ip(0, &format!("address add {}/{PREFIX} dev {BRIDGE}", site.ip(0)))?;
        for node in 1..=nodes {
            let (here, there) = (port(node), machines.name(node).to_owned());
            machines.ip(0, &format!("link add {here} type veth peer name {PORT} netns {there}"))?;
            machines.ip(0, &format!("link set dev {here} master {BRIDGE} up"))?;
            machines.ip(node, &format!("address add {}/{PREFIX} dev {PORT}", site.ip(node)))?;
            machines.ip(node, &format!("link set dev {PORT} up"))?;
        }
        let front =
            File::open(format!("/run/netns/{}", machines.name(0))).map_err(|fault| fault.to_string())?;
        enter(&front).map_err(|fault| fault.to_string())?;
        Ok(machines)
    }

    fn name(&self, machine: u32) -> &str {
        &self.names[machine as usize]
    }

    /// Runs `ip` on a machine.
    fn ip(&self, machine: u32, words: &str) -> Result<(), String> {
        run(&format!("-n {} {words}", self.name(machine))).map(|_| ())
    }

    /// What this machine sends to `address` reaches nobody from now on.
    fn mislead(&self, machine: u32, device: &str, address: Ipv4Addr) -> Result<(), String> {
        self.ip(machine, &format!("neigh replace {address} lladdr {NOBODY} dev {device} nud permanent"))
    }

    /// It reaches its machine again.
    fn lead(&self, machine: u32, device: &str, address: Ipv4Addr) -> Result<(), String> {
        self.ip(machine, &format!("neigh del {address} dev {device}"))
    }

    fn pids(&self, machine: u32) -> Vec<i32> {
        let listed = run(&format!("netns pids {}", self.name(machine))).unwrap_or_default();
        listed.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
    }
}

impl Drop for Machines {
    fn drop(&mut self) {
        enter(&self.home).ok();
        // A namespace lives on as long as a process is in it; its name and its links go now.
        for name in &self.names {
            run(&format!("netns del {name}")).ok();
        }
    }
}

/// The bridge's end of a node's link.
fn port(node: u32) -> String {
    format!("p{node}")
}

fn enter(namespace: &File) -> std::io::Result<()> {
    Ok(move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?)
}

/// Runs `ip`; what it prints, or what it said against it.
fn run(words: &str) -> Result<String, String> {
    let output = Command::new("ip").args(words.split(' ')).output();
    let output = output.map_err(|fault| format!("ip: {fault}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("ip {words}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}
