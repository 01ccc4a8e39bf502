//! What runs during a benchmark: origins, proxies and Accordions, each started on an address of its
//! own, pinned to its CPU, and ended with everything below it however the benchmark ends: each is
//! kept under a guard, as every service is.
//!
//! How each is started is in `peers` and `accordions`, how it is seen to serve in `probe`, its files are
//! in `scratch`.

mod accordions;
mod peers;
mod probe;
mod running;
mod scratch;

use std::env;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process;
use std::time::Duration;

use anyhow::Context;
use cluster::process::{Instance, Spec};
use tokio::task::JoinSet;

use super::config::{ClientTimeout, FRONT_PORT, Kind};
use super::cores::Cores;
use super::load::pinned;
use super::rows::{Contestant, SIZES};
use crate::bench::probe::START_LIMIT;

pub(super) use running::Running;
use scratch::Scratch;

/// From SIGTERM to SIGKILL: nothing here has anything to finish.
const STOP_LIMIT: Duration = Duration::from_secs(1);

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
}

impl Site {
    /// An empty site with the files that the origins serve; `crowd` is how many idle connections a proxy
    /// will have to hold.
    pub(super) fn new(cores: Cores, crowd: u64) -> anyhow::Result<Self> {
        let scratch = Scratch::new()?;
        let files = scratch.path().join("files");
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
        })
    }

    /// The files that were written, each with its name.
    pub(super) fn files(&self) -> &[(String, String)] {
        self.scratch.kept()
    }

    /// Where its files are.
    pub(super) fn directory(&self) -> &Path {
        self.scratch.path()
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
    /// origin. One before a node, or behind another one, does not look at its clients' time.
    pub(super) async fn start(&mut self, contestant: Contestant, time: ClientTimeout) -> anyhow::Result<()> {
        let started = match contestant {
            Contestant::Direct => self.direct(),
            Contestant::Nginx => self.nginx(time).await,
            Contestant::Haproxy => self.haproxies(1, time).await,
            Contestant::TwoHaproxies => self.haproxies(2, None).await,
            Contestant::Accordion => self.accordion(contestant, Kind::SameWork, time).await,
            Contestant::AccordionDefaults => self.accordion(contestant, Kind::Defaults, time).await,
            Contestant::AccordionLogged => self.accordion(contestant, Kind::Logged, time).await,
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
            Some(config) => Ok(probe::served_by_node(&self.program, config).await),
            None => Ok(None),
        }
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
            notes: None,
        };
        Ok(Instance::start(spec).await?)
    }

    /// What its files are called.
    fn name_of(contestant: Contestant, time: ClientTimeout) -> String {
        let key = contestant.key();
        if time.is_some() { format!("{key}-slow") } else { key.to_owned() }
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
}
