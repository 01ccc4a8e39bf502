//! What runs during the experiments: copies of the service, proxies and Accordions, each on its machine of the
//! rack, all at a time, so that everybody is measured in turn. Each is a child of this process and ends with it.
//!
//! `accordions`, `peers` and `services` say what is started, `layout` where; `daemon` is one process of it,
//! `probe` sees that something serves.

mod accordions;
mod daemon;
mod layout;
mod peers;
mod probe;
mod services;

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use cluster::config;
use tokio::task::JoinSet;

use crate::rack::{CLIENT, Link, Place, Plan, Rack, Rate, Share, Shares};

use super::contestant::Contestant;
pub(super) use accordions::Held;
use daemon::Daemon;
use layout::Layout;

/// The rack and all that runs on it.
pub(super) struct Site {
    name: String,
    rack: Option<Rack>,
    layout: Layout,
    /// The node of those that have only one.
    one: u32,
    shares: Shares,
    program: PathBuf,
    /// Where the files are.
    directory: PathBuf,
    /// In the order of their start.
    daemons: Vec<Daemon>,
    targets: BTreeMap<Contestant, SocketAddr>,
    /// The files that were written, each with its name.
    files: Vec<(String, String)>,
}

impl Site {
    /// An empty rack of so many nodes.
    ///
    /// # Errors
    /// This machine cannot carry it, or a rack of that name is up.
    pub(super) fn new(name: &str, nodes: u32, shares: Shares, link: Option<Rate>) -> anyhow::Result<Self> {
        let layout = Layout { nodes };
        let text = accordions::bare(&layout);
        let cluster = config::parse("the rack's cluster.toml", &text)?;
        let link = Link { rate: link, round_trip: Duration::ZERO };
        let rack = Rack::make(Plan::of(name, &cluster, shares, link)?)?;
        rack.enter_as_client()?;
        open_ports_wide();
        let directory = rack.files();
        fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
        let program = env::current_exe().context("the running program has no path")?;
        Ok(Self {
            name: name.to_owned(),
            rack: Some(rack),
            layout,
            one: 1,
            shares,
            program,
            directory,
            daemons: Vec::new(),
            targets: BTreeMap::new(),
            files: Vec::new(),
        })
    }

    /// What the front end and a node are worth, in cores.
    pub(super) fn cores(&self) -> (f64, f64) {
        let cores = |share: Option<Share>| share.map_or(1.0, Share::cores);
        (cores(self.shares.front), cores(self.shares.node))
    }

    /// From now on only the first so many nodes are used.
    pub(super) const fn use_nodes(&mut self, nodes: u32) {
        self.layout = Layout { nodes };
    }

    /// Where load for that contestant is sent.
    pub(super) fn target(&self, contestant: Contestant) -> anyhow::Result<SocketAddr> {
        self.targets.get(&contestant).copied().with_context(|| format!("{contestant} was not started"))
    }

    /// The files that were written, each with its name.
    pub(super) fn files(&self) -> &[(String, String)] {
        &self.files
    }

    /// The words that run a command on the clients' machine.
    pub(super) fn as_client(&self, words: &[String]) -> Vec<String> {
        let mut all = vec![self.program.to_string_lossy().into_owned()];
        all.extend(Place::of(&self.name, CLIENT).exec_words().map(str::to_owned));
        all.extend_from_slice(words);
        all
    }

    /// All are to run throughout: without one of them the figures of the others are none either.
    ///
    /// # Errors
    /// What those said that have ended by themselves.
    pub(super) fn ensure_all_run(&mut self) -> anyhow::Result<()> {
        let words: Vec<String> = self.daemons.iter_mut().filter_map(Daemon::last_words).collect();
        ensure!(words.is_empty(), words.join("\n"));
        Ok(())
    }

    /// Ends all that runs, the last one first, and leaves the machines.
    pub(super) async fn end_all(&mut self) {
        self.targets.clear();
        let mut daemons = std::mem::take(&mut self.daemons);
        // What serves is asked to end before what it stands on.
        while let Some(rank) = daemons.iter().map(|daemon| daemon.rank).max() {
            let (last, rest) = daemons.into_iter().partition(|daemon| daemon.rank == rank);
            daemons = rest;
            let ends: JoinSet<()> = Vec::into_iter(last).map(Daemon::end).collect();
            ends.join_all().await;
        }
    }

    /// Ends all that runs and takes the machines away.
    pub(super) async fn end(&mut self) {
        self.end_all().await;
        self.rack = None;
        // What stays is taken away by the next rack of that name.
        let _ = fs::remove_dir_all(&self.directory);
    }

    /// Starts a program on a machine; it ends with this process.
    fn start(&mut self, machine: &str, rank: u8, words: &[String]) -> anyhow::Result<()> {
        let place = Place::of(&self.name, machine);
        let log = self.directory.join(format!("{}.log", self.daemons.len()));
        self.daemons.push(Daemon::start(&self.program, &place, rank, words, log)?);
        Ok(())
    }

    /// Writes a file under that name; its path.
    fn write(&mut self, name: &str, text: String) -> anyhow::Result<String> {
        let path = self.directory.join(name);
        fs::write(&path, &text).with_context(|| format!("cannot write {}", path.display()))?;
        self.files.push((name.to_owned(), text));
        Ok(path.to_string_lossy().into_owned())
    }

    fn program(&self) -> String {
        self.program.to_string_lossy().into_owned()
    }
}

/// A connection each leaves one port each behind for a minute: at thousands a second there must be enough of them.
/// Of this network only; where the system refuses, a fast run says that it is out of ports.
fn open_ports_wide() {
    let _ = fs::write("/proc/sys/net/ipv4/ip_local_port_range", "1024 65535");
    let _ = fs::write("/proc/sys/net/ipv4/tcp_tw_reuse", "1");
}
