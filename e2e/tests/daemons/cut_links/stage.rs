//! A cluster each of whose front ends reaches each node by a link of its own: the daemons as systemd
//! would start them, every front end with a cluster.toml in which the nodes are at its links.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use e2e::link::Link;
use e2e::site::{Plan, Services, Site};
use tokio::runtime::Runtime;

use super::schedule::Schedule;
use super::watch::Watch;

pub(crate) const SERVICES: usize = 2;
pub(crate) const NODES: usize = 3;

/// What one is due; both want two of the three nodes.
pub(crate) const DUE: [usize; SERVICES] = [1, 2];

/// A fifth of the defaults, so that 13 s of faults see many leases come and go.
const LEASE: &str = "ttl = \"2s\"\nrenew = \"400ms\"\njeopardy = \"1s\"\norphan_grace = \"1s\"\n\
    reservation_timeout = \"3s\"\nreclaim_notice = \"2s\"\n";

const SHARING: &str =
    "starved_after = \"2s\"\ngive_back_after = \"1s\"\nperiod = \"1s\"\nperiod_share = 0.34\n";

const SERVICE: &str = "start_timeout = \"5s\"\nstop_timeout = \"1s\"\nlong_lived_timeout = \"1s\"\n\
    dispatch = \"round-robin\"\n";

const SCALING: &str = "fast_window = \"1s\"\nslow_window = \"2s\"\ndown_window = \"4s\"\ndown_after_up = \"2s\"\n\
    node_age_min = \"2s\"\ndrain_period = \"1s\"\n";

/// From the last renewal that reaches a node to the end of the last process of its lease: ttl, orphan_grace,
/// long_lived_timeout and stop_timeout, and 2 s for a busy machine.
pub(crate) const ENDS_WITHIN: Duration = Duration::from_secs(2 + 1 + 1 + 1 + 2);

/// How long one look takes at least.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Ports of a service's copies; with one slot it never needs two at a node.
const PORTS: u16 = 6;

/// How requests get to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Path {
    /// By the link, straight to the copy.
    Direct,
    /// By the task-processor, which names its own address for them and no other is believed: beside the link.
    Relayed,
}

/// Links, daemons and what is seen of them, for one schedule.
pub(crate) struct Stage {
    name: String,
    pub(crate) schedule: Schedule,
    daemons: Vec<Daemon>,
    links: Vec<Vec<Link>>,
    resets: Vec<Vec<usize>>,
    began: Option<Instant>,
    pub(crate) watch: Watch,
    pub(crate) site: Site,
    runtime: Runtime,
}

struct Daemon {
    name: String,
    child: Child,
}

impl Stage {
    /// Everything up and every node reached; the links are whole until `begin`.
    pub(crate) fn up(program: &str, name: String, path: Path, schedule: Schedule) -> Self {
        let each = |service: usize| {
            let first = first_port(service);
            format!("ports = \"{first}-{}\"\nweight = {}\n", first + PORTS - 1, service + 1)
        };
        let word = if path == Path::Direct { "direct" } else { "relayed" };
        let plan = Plan {
            nodes: NODES as u32,
            services: Services::Written(SERVICES as u32),
            lease: LEASE.to_owned(),
            sharing: SHARING.to_owned(),
            service: format!("path = \"{word}\"\n{SERVICE}"),
            each: (0..SERVICES).map(each).collect(),
            scaling: SCALING.to_owned(),
            ..Plan::default()
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let mut stage = Self {
            name,
            schedule,
            daemons: Vec::new(),
            links: Vec::new(),
            resets: vec![vec![0; NODES]; SERVICES],
            began: None,
            watch: Watch::default(),
            site: Site::new(program, &plan),
            runtime: runtime.unwrap(),
        };
        stage.start(path);
        stage.site.wait_until_up();
        stage
    }

    fn start(&mut self, path: Path) {
        for node in 0..NODES {
            let mut command = self.site.command("task-processor");
            command.args(["--node", &name_of(node)]);
            self.spawn(format!("task-processor {}", name_of(node)), command);
        }
        for (service, name) in self.site_names().into_iter().enumerate() {
            let config = self.lay_links(service, path);
            for daemon in ["service-manager", "load-manager"] {
                let mut command = self.site.command_with(daemon, &config);
                command.args(["--service", &name]);
                self.spawn(format!("{daemon} {name}"), command);
            }
        }
    }

    fn spawn(&mut self, name: String, command: Command) {
        let child = self.site.spawn(command);
        self.daemons.push(Daemon { name, child });
    }

    /// The links of one front end, and its cluster.toml.
    fn lay_links(&mut self, service: usize, path: Path) -> PathBuf {
        let mut text = std::fs::read_to_string(self.site.config()).unwrap();
        let mut links = Vec::new();
        for node in 0..NODES {
            let machine = self.site.ip(node as u32 + 1);
            let at = |ip, port| SocketAddr::new(std::net::IpAddr::V4(ip), port);
            let (ends, known) = match path {
                Path::Direct => {
                    let link = self.site.spare_ip((service * NODES + node) as u32);
                    let ports = (first_port(service)..).take(usize::from(PORTS)).chain([7400]);
                    let ends: Vec<_> = ports.map(|port| (at(link, port), at(machine, port))).collect();
                    (ends, format!("address = \"{link}\""))
                }
                Path::Relayed => {
                    let port = 7410 + service as u16;
                    let known = format!("address = \"{machine}\"\ncontrol_port = {port}");
                    (vec![(at(machine, port), at(machine, 7400))], known)
                }
            };
            links.push(Link::start(self.runtime.handle(), &ends).unwrap());
            text = text.replace(&format!("address = \"{machine}\""), &known);
        }
        self.links.push(links);
        let config = self.site.directory().join(format!("cluster-{service}.toml"));
        std::fs::write(&config, text).unwrap();
        config
    }

    pub(crate) fn site_names(&self) -> Vec<String> {
        Services::Written(SERVICES as u32).names()
    }

    /// The faults begin.
    pub(crate) fn begin(&mut self) {
        self.began = Some(Instant::now());
    }

    /// Goes on with the schedule and looks at everything until `seen` answers something.
    pub(crate) fn until<T>(
        &mut self,
        what: &str,
        limit: Duration,
        mut seen: impl FnMut(&Self) -> Option<T>,
    ) -> T {
        let deadline = Instant::now() + limit;
        let mut look = Instant::now();
        loop {
            self.watch.stall = self.watch.stall.max(look.elapsed());
            look = Instant::now();
            self.turn_links();
            self.watch.look(&self.site);
            for daemon in &mut self.daemons {
                let ended = daemon.child.try_wait().unwrap();
                assert!(ended.is_none(), "{} ended: {ended:?}", daemon.name);
            }
            if let Some(seen) = seen(self) {
                return seen;
            }
            assert!(Instant::now() < deadline, "waited {limit:?} in vain until {what}");
            std::thread::sleep(LOOK_EVERY.saturating_sub(look.elapsed()));
        }
    }

    fn turn_links(&mut self) {
        let Some(began) = self.began else { return };
        let now = began.elapsed();
        for (front, links) in self.links.iter().enumerate() {
            for (node, link) in links.iter().enumerate() {
                let ways = self.schedule.ways(now, front, node);
                link.set(ways);
                self.watch.note(front, node, ways);
                let resets = self.schedule.resets(now, front, node);
                if std::mem::replace(&mut self.resets[front][node], resets) != resets {
                    link.reset();
                }
            }
        }
    }
}

pub(crate) fn first_port(service: usize) -> u16 {
    20_000 + 1_000 * service as u16
}

pub(crate) fn name_of(node: usize) -> String {
    format!("c{}", node + 1)
}

impl Drop for Stage {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("---- {} fails; its faults:\n{}", self.name, self.schedule);
            eprintln!("---- held: {:?}", self.site.holders());
            for name in self.site_names() {
                let why = self.site.run("why", &[&name, "-n", "60"]);
                eprintln!("---- what {name} decided:\n{}", String::from_utf8_lossy(&why.stdout));
            }
            eprintln!("---- what the daemons said:\n{}", self.site.log());
        }
        // What they leave behind the site ends.
        for Daemon { child, .. } in &mut self.daemons {
            child.kill().ok();
            child.wait().ok();
        }
    }
}
