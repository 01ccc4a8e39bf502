//! A cluster of its own for each test: addresses in 127/8 that no other test uses, a cluster.toml,
//! and `accordion up` on it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::client::{self, Answer};
use crate::processes::{self, Process};
use crate::wait_for;

/// A whole cluster starts within this on a busy machine.
const UP_LIMIT: Duration = Duration::from_secs(30);

/// No answer takes longer.
const GET_LIMIT: Duration = Duration::from_secs(20);

/// And is down within this.
const DOWN_LIMIT: Duration = Duration::from_secs(60);

/// Addresses that one site may use.
const ADDRESSES: u32 = 16;

/// And that all sites of a process share; the first and the last place among them stay free.
const BLOCK: u32 = 4096;

/// Blocks from 127.16.0.0 (or 10.16.0.0) up.
const BLOCKS: u32 = 240 * 65_536 / BLOCK;

static SITES: AtomicU32 = AtomicU32::new(0);

/// The block of this process, and what keeps other ones off it: a socket at its first address.
static TAKEN: LazyLock<(u32, UdpSocket)> = LazyLock::new(|| {
    let first = std::process::id();
    let taken = (0..BLOCKS).map(|next| first.wrapping_add(next) % BLOCKS * BLOCK).find_map(|block| {
        let address = Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 16, 0, 0)) + block);
        Some((block, UdpSocket::bind((address, CLAIM_PORT)).ok()?))
    });
    taken.expect("a block of addresses is free")
});

/// Where a process that has a block of addresses is seen to have it.
const CLAIM_PORT: u16 = 7399;

/// What a test wants of its cluster.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Nodes in the pool.
    pub nodes: u32,
    /// The service's command; empty: the demo service with 8 workers.
    pub command: Vec<String>,
    /// Lines for `[service.demo]`.
    pub service: String,
    /// Lines for `[service.demo.scaling]`.
    pub scaling: String,
    /// Lines for `[cluster.lease]`.
    pub lease: String,
    /// Lines for `[cluster.sharing]`.
    pub sharing: String,
    /// Whether each machine is to have an address that is not loopback's: in namespaces of their own.
    pub is_apart: bool,
    /// Lines for each `[[node]]`.
    pub node: String,
    /// Which services share the pool.
    pub services: Services,
    /// Lines for the table of each of them alone, by its place; none for those beyond.
    pub each: Vec<String>,
}

/// The services of a site: `demo` alone, or `demo-a`, `demo-b` and so on, each with a front end of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Services {
    /// `demo`.
    One,
    /// So many in the file, each with `{service}` in its command in the place of its name.
    Written(u32),
    /// So many, made of the file's one by `accordion up --services`.
    Made(u32),
}

/// A cluster.toml with a directory and addresses of its own, and `accordion up` while it runs.
pub struct Site {
    program: PathBuf,
    directory: TempDir,
    first_address: u32,
    nodes: u32,
    services: Services,
    up: Option<Child>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            nodes: 3,
            command: Vec::new(),
            service: String::new(),
            // A second of the defaults' half minutes: a test should see a whole breath of it.
            scaling:
                "slow_window = \"4s\"\ndown_window = \"6s\"\ndown_after_up = \"3s\"\nnode_age_min = \"3s\"\n\
                      drain_period = \"1s\"\n"
                    .to_owned(),
            lease: String::new(),
            sharing: String::new(),
            is_apart: false,
            node: String::new(),
            services: Services::One,
            each: Vec::new(),
        }
    }
}

impl Services {
    /// How many.
    pub fn count(self) -> u32 {
        match self {
            Self::One => 1,
            Self::Written(count) | Self::Made(count) => count,
        }
    }

    /// Their names, in the order of their front ends.
    pub fn names(self) -> Vec<String> {
        match self {
            Self::One => vec!["demo".to_owned()],
            Self::Written(count) | Self::Made(count) => {
                (0..count).zip('a'..).map(|(_, letter)| format!("demo-{letter}")).collect()
            }
        }
    }
}

impl Site {
    /// Writes the cluster.toml of `plan`; nothing runs yet. `program` is the binary under test.
    pub fn new(program: &str, plan: &Plan) -> Self {
        let directory = tempfile::Builder::new().prefix("e2e").tempdir().expect("a temporary directory");
        let number = SITES.fetch_add(1, Ordering::SeqCst);
        assert!(number < BLOCK / ADDRESSES - 2, "a process has no more sites");
        let network = if plan.is_apart { 10 } else { 127 };
        let first_address = u32::from(Ipv4Addr::new(network, 16, 0, 0)) + TAKEN.0 + (number + 1) * ADDRESSES;
        let (nodes, services) = (plan.nodes, plan.services);
        assert!(services.count() + nodes <= ADDRESSES, "a site has no more addresses");
        let site = Self { program: program.into(), directory, first_address, nodes, services, up: None };
        std::fs::write(site.written(), site.text(plan)).expect("the directory is writable");
        site
    }

    /// Replaces the first such words in the cluster.toml, before anything runs.
    pub fn rewrite(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.written()).expect("it was written");
        assert!(text.contains(from), "{from:?} is not in\n{text}");
        std::fs::write(self.written(), text.replacen(from, to, 1)).expect("the directory is writable");
    }

    /// The same, up and serving, with every node at hand: which one is borrowed first is then no matter of
    /// which daemon started first.
    pub fn up(program: &str, plan: &Plan) -> Self {
        let mut site = Self::new(program, plan);
        site.start();
        site.wait_until_up();
        site
    }

    /// Waits until it serves and every node is at hand.
    pub fn wait_until_up(&self) {
        for (index, service) in (0..).zip(self.services.names()) {
            wait_for(&format!("{service} answers"), UP_LIMIT, || {
                let answer = client::get(self.address_of(index), "/healthz", GET_LIMIT);
                answer.ok().filter(|answer| answer.status == 200)
            });
            wait_for(&format!("every node is reached by {service}"), UP_LIMIT, || {
                let status = self.status_of(&service)?;
                let listed = status["load_manager"]["Ok"]["nodes"].as_array()?;
                let is_there = |node: &Value| node["state"] != "unknown" && node["state"] != "unreachable";
                (listed.len() == self.nodes as usize && listed.iter().all(is_there)).then_some(())
            });
        }
    }

    /// Starts `accordion up`; its output goes to a file.
    pub fn start(&mut self) {
        let mut command = self.command("up");
        if let Services::Made(count) = self.services {
            command.arg("--services").arg(count.to_string());
        }
        self.up = Some(self.spawn(command));
    }

    /// Starts a daemon of this cluster, whose output goes to the same file.
    pub fn spawn(&self, mut command: Command) -> Child {
        let log = File::options().create(true).append(true).open(self.log_path());
        let log = log.expect("the directory is writable");
        command.stdout(log.try_clone().expect("a file can be shared")).stderr(log).stdin(Stdio::null());
        command.spawn().expect("the program starts")
    }

    /// The cluster.toml that the daemons read.
    pub fn config(&self) -> PathBuf {
        match self.services {
            Services::One | Services::Written(_) => self.written(),
            Services::Made(_) => self.directory.path().join("run/e2e/cluster.toml"),
        }
    }

    /// Where a test may keep files of its own.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Where clients reach the service, or the first one.
    pub fn address(&self) -> SocketAddr {
        self.address_of(0)
    }

    /// Where clients reach the service of that place among their names.
    pub fn address_of(&self, service: u32) -> SocketAddr {
        SocketAddr::new(self.front_end(service).into(), 8080)
    }

    /// One GET on a connection of its own.
    pub fn get(&self, target: &str) -> std::io::Result<Answer> {
        client::get(self.address(), target, GET_LIMIT)
    }

    /// A subcommand of the program for this cluster, to be run.
    pub fn command(&self, subcommand: &str) -> Command {
        let config = if subcommand == "up" { self.written() } else { self.config() };
        self.command_with(subcommand, &config)
    }

    /// The same with a cluster.toml that is not the site's own.
    pub fn command_with(&self, subcommand: &str, config: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(subcommand).arg("--config").arg(config);
        command.arg("--runtime-dir").arg(self.directory.path().join("run"));
        if matches!(subcommand, "up" | "service-manager" | "load-manager" | "task-processor") {
            command.arg("--state-dir").arg(self.directory.path().join("state"));
        }
        command
    }

    /// Runs a subcommand to its end.
    pub fn run(&self, subcommand: &str, arguments: &[&str]) -> Output {
        self.command(subcommand).args(arguments).output().expect("the program starts")
    }

    /// What `accordion status --json` says of the one service.
    pub fn status(&self) -> Option<Value> {
        self.whole_status(&[])?["services"].get(0).cloned()
    }

    /// The same of one of several.
    pub fn status_of(&self, service: &str) -> Option<Value> {
        self.whole_status(&[service])?["services"].get(0).cloned()
    }

    /// Who holds each node, as the nodes themselves say: services in the order of their names.
    pub fn holders(&self) -> BTreeMap<String, Vec<String>> {
        let status = self.whole_status(&[]).unwrap_or_default();
        let nodes = status["pool"].as_array().cloned().unwrap_or_default();
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let holders = |node: &Value| {
            let held = node["task_processor"]["Ok"]["held"].as_array().cloned().unwrap_or_default();
            let mut services: Vec<_> = held.iter().map(|one| word(&one["service"])).collect();
            services.sort();
            (word(&node["node"]), services)
        };
        nodes.iter().map(holders).collect()
    }

    /// The nodes in that state, as the load-manager of this service sees them.
    pub fn nodes_of(&self, service: &str, state: &str) -> Vec<String> {
        named(&self.status_of(service).unwrap_or_default(), state)
    }

    fn whole_status(&self, arguments: &[&str]) -> Option<Value> {
        let output = self.run("status", &[&["--json"], arguments].concat());
        serde_json::from_slice(&output.stdout).ok()
    }

    /// The nodes in that state, as the load-manager sees them.
    pub fn nodes_in(&self, state: &str) -> Vec<String> {
        named(&self.status().unwrap_or_default(), state)
    }

    /// What one node looks like to the load-manager.
    pub fn node(&self, name: &str) -> Value {
        let status = self.status().unwrap_or_default();
        let nodes = status["load_manager"]["Ok"]["nodes"].as_array().cloned().unwrap_or_default();
        nodes.into_iter().find(|node| node["node"] == name).unwrap_or_default()
    }

    /// Waits until exactly `count` nodes are ready.
    pub fn wait_ready(&self, count: usize, limit: Duration) -> Vec<String> {
        wait_for(&format!("{count} nodes are ready\n{}", self.log()), limit, || {
            Some(self.nodes_in("ready")).filter(|ready| ready.len() == count)
        })
    }

    /// Waits until this node is ready, whichever of those ordered with it is so first.
    pub fn wait_for_node(&self, name: &str, limit: Duration) {
        wait_for(&format!("{name} is ready"), limit, || (self.node(name)["state"] == "ready").then_some(()));
    }

    /// Waits until at least `count` nodes are ready.
    pub fn wait_at_least(&self, count: usize, limit: Duration) -> Vec<String> {
        wait_for(&format!("at least {count} nodes are ready"), limit, || {
            Some(self.nodes_in("ready")).filter(|ready| ready.len() >= count)
        })
    }

    /// The decisions of the one service, oldest first.
    pub fn decisions(&self) -> Vec<Value> {
        self.asked_why(&[])
    }

    /// Those of one of several.
    pub fn decisions_of(&self, service: &str) -> Vec<Value> {
        self.asked_why(&[service])
    }

    fn asked_why(&self, service: &[&str]) -> Vec<Value> {
        let output = self.run("why", &[service, &["--json", "-n", "1000"]].concat());
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// The daemon with these words on its command line.
    pub fn daemon(&self, words: &[&str]) -> Option<Process> {
        processes::find(&self.mark(), words)
    }

    /// Kills a daemon with SIGKILL and answers its id.
    pub fn kill(&self, words: &[&str]) -> i32 {
        let process = self.daemon(words).unwrap_or_else(|| panic!("{words:?} runs"));
        processes::signal(process.pid, Signal::KILL);
        process.pid
    }

    /// Has every daemon read its cluster.toml again; `up` is none.
    pub fn hang_up(&self) {
        for daemon in self.daemons() {
            processes::signal(daemon.pid, Signal::HUP);
        }
    }

    /// The daemons that run, without the guards of their services.
    pub fn daemons(&self) -> Vec<Process> {
        let is_daemon = |process: &Process| {
            let subcommand = process.arguments.get(1).map(String::as_str);
            matches!(subcommand, Some("service-manager" | "load-manager" | "task-processor"))
        };
        processes::with_mark(&self.mark()).into_iter().filter(is_daemon).collect()
    }

    /// Everything that runs of this cluster: daemons, guards and copies of the service.
    pub fn processes(&self) -> Vec<Process> {
        let mut all = processes::with_mark(&self.mark());
        let addresses = 0..self.services.count() + self.nodes;
        let addresses: Vec<_> =
            addresses.map(|index| Ipv4Addr::from(self.first_address + index).to_string()).collect();
        let network = format!("{}.", self.ip(0).octets()[0]);
        for process in processes::with_mark(&network) {
            let ours = process.arguments.iter().any(|word| addresses.contains(word));
            if ours && !all.iter().any(|known| known.pid == process.pid) {
                all.push(process);
            }
        }
        all
    }

    /// The copies of the service that run at node `index` (0: the front end).
    pub fn copies_at(&self, index: u32) -> Vec<Process> {
        let address = self.ip(index).to_string();
        processes::with_mark("demo-service")
            .into_iter()
            .filter(|process| process.arguments.contains(&address))
            .collect()
    }

    /// Asks `up` to go down and waits for it.
    pub fn down(&mut self) -> ExitStatus {
        let mut up = self.up.take().expect("the site is up");
        processes::signal(up.id() as i32, Signal::TERM);
        let status =
            wait_for("accordion up has ended", DOWN_LIMIT, || up.try_wait().expect("it is our child"));
        let left = self.processes();
        assert!(left.is_empty(), "left behind: {left:?}");
        status
    }

    /// `up` itself.
    pub fn up_process(&mut self) -> &mut Child {
        self.up.as_mut().expect("the site is up")
    }

    /// What all daemons said so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// The address of the front end (0) or of a node (from 1).
    pub fn ip(&self, index: u32) -> Ipv4Addr {
        // The nodes come after all front ends, which are counted up from the first.
        let others = if index == 0 { 0 } else { self.services.count() - 1 };
        Ipv4Addr::from(self.first_address + others + index)
    }

    /// An address of this site that no machine of it has, counted from 0.
    pub fn spare_ip(&self, index: u32) -> Ipv4Addr {
        let place = self.services.count() + self.nodes + index;
        assert!(place < ADDRESSES, "a site has no more addresses");
        Ipv4Addr::from(self.first_address + place)
    }

    /// The address of the front end of that place.
    fn front_end(&self, service: u32) -> Ipv4Addr {
        Ipv4Addr::from(self.first_address + service)
    }

    /// The cluster.toml that `up` is given.
    fn written(&self) -> PathBuf {
        self.directory.path().join("cluster.toml")
    }

    fn log_path(&self) -> PathBuf {
        self.directory.path().join("up.log")
    }

    /// What only the command lines of this site's processes contain.
    fn mark(&self) -> String {
        self.directory.path().display().to_string()
    }

    fn text(&self, plan: &Plan) -> String {
        let demo =
            ["{accordion}", "demo-service", "--port", "{port}", "--address", "{address}", "--workers", "8"];
        let command =
            if plan.command.is_empty() { demo.map(str::to_owned).to_vec() } else { plan.command.clone() };
        let mut text = format!(
            "[cluster]\nname = \"e2e\"\ninsecure = {}\n\n[cluster.lease]\n{}\n\n[cluster.sharing]\n{}\n\n",
            plan.is_apart, plan.lease, plan.sharing
        );
        for index in 1..=plan.nodes {
            let address = self.ip(index);
            // Writing into a String cannot fail.
            let _ = writeln!(text, "[[node]]\nname = \"c{index}\"\naddress = \"{address}\"\n{}\n", plan.node);
        }
        let written = match plan.services {
            Services::One | Services::Written(_) => plan.services.names(),
            Services::Made(_) => Services::One.names(),
        };
        for (index, name) in (0..).zip(written) {
            let front = self.front_end(index);
            let command: Vec<_> = command.iter().map(|word| word.replace("{service}", &name)).collect();
            let own = plan.each.get(index as usize).map_or("", String::as_str);
            let _ = writeln!(
                text,
                "[service.{name}]\nfront_end = \"{front}\"\nlisten = \"{front}:8080\"\ncommand = {command:?}\n\
                 ready = \"/healthz\"\ncapacity = 8\n{own}\n{}\n\n[service.{name}.scaling]\n{}",
                plan.service, plan.scaling
            );
        }
        text
    }
}

/// The nodes in that state in what a load-manager says.
fn named(status: &Value, state: &str) -> Vec<String> {
    let nodes = status["load_manager"]["Ok"]["nodes"].as_array().cloned().unwrap_or_default();
    let named = nodes.iter().filter(|node| node["state"] == state);
    named.filter_map(|node| node["node"].as_str().map(str::to_owned)).collect()
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(mut up) = self.up.take() {
            if std::thread::panicking() {
                eprintln!("---- what the daemons said ----\n{}", self.log());
            }
            up.kill().ok();
            up.wait().ok();
        }
        // A test that failed half-way leaves nothing behind either.
        for process in self.processes() {
            processes::signal(process.pid, Signal::KILL);
        }
    }
}
