//! What runs during a benchmark: origins, proxies and Accordions, each started on an address of its
//! own, pinned to its CPU, and ended with everything below it however the benchmark ends: each is
//! kept under a guard, as every service is.

use std::env;
use std::fs::{self, DirBuilder};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process;
use std::time::Duration;

use anyhow::{Context, bail};
use cluster::process::{Instance, Spec};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::client::request;
use super::config::{self, FRONT_PORT, Kind, ORIGIN_PORT};
use super::cores::Cores;
use super::load::pinned;
use super::meter;
use super::rows::{Contestant, SIZES, SMALL};
use super::tools;

/// From its start a proxy answers the first request within this, on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(30);

/// From SIGTERM to SIGKILL: nothing here has anything to finish.
const STOP_LIMIT: Duration = Duration::from_secs(1);

/// How often something that is not ready yet is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// One GET takes no longer.
const GET_LIMIT: Duration = Duration::from_secs(5);

/// Connections of a proxy beside its crowd: those of the load, and those to the origin.
const OTHER_CONNECTIONS: u64 = 4_000;

/// Everything that runs, and where its files are.
pub(super) struct Site {
    scratch: Scratch,
    cores: Cores,
    program: PathBuf,
    /// The last address that was given away.
    address: Ipv4Addr,
    /// Connections that each proxy must be able to hold.
    connections: u64,
    /// Where nginx and HAProxy send requests: the origin of the first Accordion.
    origin: Option<SocketAddr>,
    running: Vec<Running>,
    /// The files that were written, by their names, for the report.
    files: Vec<(String, String)>,
}

/// One contestant that runs.
pub(super) struct Running {
    pub(super) contestant: Contestant,
    /// Where load is sent.
    pub(super) target: SocketAddr,
    /// The processes whose CPU time and memory count.
    pub(super) pids: Vec<u32>,
    /// Its cluster.toml, where a node must serve.
    node: Option<PathBuf>,
    instances: Vec<Instance>,
}

/// A directory that is gone with its owner.
struct Scratch(PathBuf);

impl Site {
    /// An empty site with the files that the origins serve; `crowd` is how many idle connections a proxy
    /// will have to hold.
    pub(super) fn new(cores: Cores, crowd: u64) -> anyhow::Result<Self> {
        let scratch = Scratch::new()?;
        let files = scratch.0.join("files");
        fs::create_dir(&files)?;
        for size in SIZES {
            fs::write(files.join(size.to_string()), vec![b'x'; size])?;
        }
        // 127.200.0.0 and up, a block for each process that may run at the same time.
        let block = u32::from(Ipv4Addr::new(127, 200, 0, 0)) + (process::id() % 8192) * 256;
        Ok(Self {
            scratch,
            cores,
            program: env::current_exe().context("the running program has no path")?,
            address: Ipv4Addr::from(block),
            connections: crowd + OTHER_CONNECTIONS,
            origin: None,
            running: Vec::new(),
            files: Vec::new(),
        })
    }

    /// The files that were written, each with its name.
    pub(super) fn files(&self) -> &[(String, String)] {
        &self.files
    }

    /// Where its files are.
    pub(super) fn directory(&self) -> &Path {
        &self.scratch.0
    }

    /// An address that nothing listens on.
    pub(super) fn source(&mut self) -> Ipv4Addr {
        self.address()
    }

    /// The contestant that was started first under that name.
    pub(super) fn running(&self, contestant: Contestant) -> anyhow::Result<&Running> {
        let found = self.running.iter().find(|running| running.contestant == contestant);
        found.with_context(|| format!("{} was not started", contestant.name()))
    }

    /// The one that was started last.
    pub(super) fn last(&self) -> anyhow::Result<&Running> {
        self.running.last().context("nothing was started")
    }

    /// Starts a contestant and waits until it serves. The first must be an Accordion, which starts the
    /// origin.
    pub(super) async fn start(&mut self, contestant: Contestant) -> anyhow::Result<()> {
        let started = match contestant {
            Contestant::Direct => self.direct(),
            Contestant::Nginx => self.nginx().await,
            Contestant::Haproxy => self.haproxies(1).await,
            Contestant::TwoHaproxies => self.haproxies(2).await,
            Contestant::Accordion => self.accordion(contestant, Kind::SameWork).await,
            Contestant::AccordionDefaults => self.accordion(contestant, Kind::Defaults).await,
            Contestant::AccordionLogged => self.accordion(contestant, Kind::Logged).await,
            Contestant::AccordionNode => self.accordion_with_node().await,
        };
        started.with_context(|| format!("{} does not serve", contestant.name()))
    }

    /// Ends the one that was started last.
    pub(super) async fn end_last(&mut self) {
        if let Some(running) = self.running.pop() {
            running.end().await;
        }
    }

    /// Ends everything.
    pub(super) async fn end(&mut self) {
        let ends: JoinSet<()> = self.running.drain(..).map(Running::end).collect();
        ends.join_all().await;
    }

    /// How many requests its node has served, where it has one.
    pub(super) async fn served_by_node(&self, contestant: Contestant) -> anyhow::Result<Option<u64>> {
        match &self.running(contestant)?.node {
            Some(config) => Ok(served_by_node(&self.program, config).await),
            None => Ok(None),
        }
    }

    fn direct(&mut self) -> anyhow::Result<()> {
        let target = self.origin()?;
        self.running.push(Running {
            contestant: Contestant::Direct,
            target,
            pids: Vec::new(),
            node: None,
            instances: Vec::new(),
        });
        Ok(())
    }

    async fn nginx(&mut self) -> anyhow::Result<()> {
        let target = self.target();
        let directory = self.directory_of(Contestant::Nginx, target)?;
        let text = config::nginx(&directory, target, self.origin()?, self.connections);
        let file = self.write(&directory, "nginx.conf", text)?;
        let words = [tools::program("nginx"), "-e".into(), "stderr".into(), "-c".into(), file];
        let instance = self.instance("nginx", target, &words).await?;
        self.serves(target).await?;
        let workers = meter::children(instance.pid()).into_iter().map(|(pid, _)| pid);
        let pids = workers.chain([instance.pid()]).collect();
        self.running.push(Running {
            contestant: Contestant::Nginx,
            target,
            pids,
            node: None,
            instances: vec![instance],
        });
        Ok(())
    }

    /// One HAProxy, or one before another.
    async fn haproxies(&mut self, count: usize) -> anyhow::Result<()> {
        let contestant = if count == 1 { Contestant::Haproxy } else { Contestant::TwoHaproxies };
        let (mut upstream, mut instances) = (self.origin()?, Vec::new());
        for index in 1..=count {
            let target = self.target();
            let directory = self.directory_of(contestant, target)?;
            let text = config::haproxy(target, upstream, self.connections, index == count);
            let file = self.write(&directory, "haproxy.cfg", text)?;
            let words = [tools::program("haproxy"), "-db".into(), "-f".into(), file];
            instances.push(self.instance("haproxy", target, &words).await?);
            self.serves(target).await?;
            upstream = target;
        }
        let pids = instances.iter().map(Instance::pid).collect();
        self.running.push(Running { contestant, target: upstream, pids, node: None, instances });
        Ok(())
    }

    /// A service-manager alone, with an origin as its local copy.
    async fn accordion(&mut self, contestant: Contestant, kind: Kind) -> anyhow::Result<()> {
        let target = self.target();
        let file = self.accordion_files(contestant, kind, target, None)?;
        let words = [self.program(), "service-manager".into(), "--config".into(), file];
        let instance = self.instance("accordion", target, &words).await?;
        self.serves(target).await?;
        self.origin.get_or_insert(SocketAddr::new(target.ip(), ORIGIN_PORT));
        let pids = vec![instance.pid()];
        self.running.push(Running { contestant, target, pids, node: None, instances: vec![instance] });
        Ok(())
    }

    /// A whole cluster of one node, which holds the service whatever the load is.
    async fn accordion_with_node(&mut self) -> anyhow::Result<()> {
        let contestant = Contestant::AccordionNode;
        let target = self.target();
        let node = IpAddr::from(self.address());
        let file = self.accordion_files(contestant, Kind::SameWork, target, Some(node))?;
        let words = [self.program(), "up".into(), "--config".into(), file.clone()];
        let instance = self.instance("accordion", target, &words).await?;
        self.serves(target).await?;
        let config = PathBuf::from(file);
        self.node_serves(target, &config).await?;
        let daemons = meter::children(instance.pid());
        let counted = ["service-manager", "task-processor"].map(|daemon| {
            let of =
                |(pid, words): &(u32, Vec<String>)| words.iter().any(|word| word == daemon).then_some(*pid);
            daemons.iter().find_map(of).with_context(|| format!("no {daemon} runs"))
        });
        let pids = counted.into_iter().collect::<anyhow::Result<_>>()?;
        self.running.push(Running {
            contestant,
            target,
            pids,
            node: Some(config),
            instances: vec![instance],
        });
        Ok(())
    }

    /// Writes a cluster.toml and the nginx.conf of each origin that it will start; answers its path.
    fn accordion_files(
        &mut self,
        contestant: Contestant,
        kind: Kind,
        target: SocketAddr,
        node: Option<IpAddr>,
    ) -> anyhow::Result<String> {
        let directory = self.directory_of(contestant, target)?;
        let origins = self.scratch.0.clone();
        for ip in [target.ip()].into_iter().chain(node) {
            let listen = SocketAddr::new(ip, ORIGIN_PORT);
            let place = origins.join(config::origin_name(listen));
            fs::create_dir(&place)?;
            let text = config::origin(&place, listen, &origins.join("files"), self.connections);
            fs::write(place.join("nginx.conf"), &text)?;
            if !self.files.iter().any(|(name, _)| name == "origin") {
                self.files.push(("origin".to_owned(), text));
            }
        }
        let mut nginx = pinned(self.cores.load);
        nginx.push(tools::program("nginx"));
        let (directory, origins) = (directory.as_path(), origins.as_path());
        let accordion =
            config::Accordion { directory, origins, kind, front: target.ip(), node, nginx: &nginx };
        self.write(directory, "cluster.toml", config::cluster(&accordion))
    }

    /// Runs a program under a guard, pinned to the CPU of the proxies, until it listens on `target`.
    async fn instance(&self, name: &str, target: SocketAddr, words: &[String]) -> anyhow::Result<Instance> {
        let spec = Spec {
            service: name.to_owned(),
            command: pinned(self.cores.proxy).into_iter().chain(words.iter().cloned()).collect(),
            address: target.ip(),
            ports: target.port()..=target.port(),
            ready: None,
            start_timeout: START_LIMIT,
            stop_timeout: STOP_LIMIT,
        };
        Ok(Instance::start(spec).await?)
    }

    /// Waits until a GET by way of `target` is answered with 200.
    async fn serves(&self, target: SocketAddr) -> anyhow::Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let answer = get(target).await;
            match answer {
                Ok(answer) if answer.starts_with("HTTP/1.1 200") => return Ok(()),
                _ if Instant::now() < deadline => sleep(LOOK_EVERY).await,
                Ok(answer) => bail!("{target} answers {:?}", answer.lines().next().unwrap_or_default()),
                Err(error) => bail!("{target} does not answer: {error}"),
            }
        }
    }

    /// Waits until requests are served by the node.
    async fn node_serves(&self, target: SocketAddr, config: &Path) -> anyhow::Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        while Instant::now() < deadline {
            let before = served_by_node(&self.program, config).await;
            // A copy that is not ready yet is no fault here.
            let _ = get(target).await;
            let after = served_by_node(&self.program, config).await;
            if before.is_some() && after > before {
                return Ok(());
            }
            sleep(LOOK_EVERY).await;
        }
        bail!("its node serves no request")
    }

    fn origin(&self) -> anyhow::Result<SocketAddr> {
        self.origin.context("there is no origin yet")
    }

    fn program(&self) -> String {
        self.program.to_string_lossy().into_owned()
    }

    fn address(&mut self) -> Ipv4Addr {
        self.address = Ipv4Addr::from(u32::from(self.address) + 1);
        self.address
    }

    /// The front of something new.
    fn target(&mut self) -> SocketAddr {
        SocketAddr::new(self.address().into(), FRONT_PORT)
    }

    fn directory_of(&self, contestant: Contestant, target: SocketAddr) -> anyhow::Result<PathBuf> {
        let directory = self.scratch.0.join(format!("{}-{}", contestant.key(), target.ip()));
        fs::create_dir(&directory)?;
        Ok(directory)
    }

    /// Writes a file, remembers it if it is the first of its kind, and answers its path.
    fn write(&mut self, directory: &Path, file: &str, text: String) -> anyhow::Result<String> {
        let path = directory.join(file);
        fs::write(&path, &text)?;
        let name = directory.file_name().unwrap_or_default().to_string_lossy();
        let name = name.rsplit_once('-').map_or("", |(contestant, _)| contestant).to_owned();
        if self.files.iter().filter(|(known, _)| *known == name).count()
            < usize::from(name == "two-haproxies") + 1
        {
            self.files.push((name, text));
        }
        Ok(path.to_string_lossy().into_owned())
    }
}

impl Running {
    async fn end(self) {
        for instance in &self.instances {
            instance.stop().await;
        }
    }
}

impl Scratch {
    fn new() -> io::Result<Self> {
        let path = env::temp_dir().join(format!("accordion-bench-{}", process::id()));
        // Not where something is already: it may be somebody else's.
        DirBuilder::new().mode(0o755).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left in the temporary directory is no reason to fail.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The whole answer to a GET of the small file, on a connection of its own.
async fn get(target: SocketAddr) -> io::Result<String> {
    let exchange = async {
        let mut stream = TcpStream::connect(target).await?;
        stream.write_all(&request(target, SMALL, false)).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    timeout(GET_LIMIT, exchange).await.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut)))
}

/// The requests that the one node has served, as `accordion status` says; `None` while there is none.
async fn served_by_node(program: &Path, config: &Path) -> Option<u64> {
    let mut command = Command::new(program);
    command.args(["status", "--json", "--config"]).arg(config).process_group(0).kill_on_drop(true);
    let output = timeout(GET_LIMIT, command.output()).await.ok()?.ok()?;
    let whole: Value = serde_json::from_slice(&output.stdout).ok()?;
    let child = &whole["services"][0]["service_manager"]["Ok"]["children"][0];
    child["served"].as_u64().filter(|_| child["state"] == "ready")
}
