//! The Accordions: those that hold a number of nodes whatever the load is, and the one that is left to itself.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::probe::{nodes_serve, serves};
use super::{Layout, Site, services};
use crate::bench::paper::contestant::Contestant;
use crate::bench::paper::elastic;

/// A task-processor, then a service-manager, then a load-manager; they end in the other order.
const NODE_RANK: u8 = 1;
const FRONT_RANK: u8 = 2;
const DECIDER_RANK: u8 = 3;

/// Keys that make it do what the others do and no more.
const SAME_WORK: &str = "forwarding = [\"x-forwarded-for\"]\nworkers = 1\n";

/// Nobody waits in it: the others do not count either.
const BOUNDLESS: &str = "capacity = 1000\n";

/// Requests in flight that one copy handles well when it has 10 ms to do for each: fill-first goes by it.
const CAPACITY: &str = "capacity = 8\n";

/// The service that is left to itself.
const ELASTIC: &str = "elastic";

/// One that holds nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Held {
    pub(in super::super) contestant: Contestant,
    nodes: u32,
    listen: SocketAddr,
    lines: &'static str,
}

/// Where the logs are of those that write them.
#[derive(Debug)]
pub(in super::super) struct Logged {
    /// That of the local copy's, and that of the node's.
    pub(in super::super) fronts: Vec<PathBuf>,
    pub(in super::super) nodes: Vec<PathBuf>,
}

/// The one that is left to itself.
#[derive(Debug)]
pub(in super::super) struct Left {
    pub(in super::super) target: SocketAddr,
    pub(in super::super) config: PathBuf,
    pub(in super::super) runtime_dir: PathBuf,
    pub(in super::super) state_dir: PathBuf,
}

impl Held {
    /// By least in flight, as the others are told to.
    pub(in super::super) fn least_in_flight(nodes: u32) -> Self {
        let lines = "dispatch = \"least-in-flight\"\n";
        Self { contestant: Contestant::Accordion(nodes), nodes, listen: Layout::accordion(nodes), lines }
    }

    /// The same without the nodes' relays.
    pub(in super::super) fn direct(nodes: u32) -> Self {
        let lines = "dispatch = \"least-in-flight\"\npath = \"direct\"\n";
        Self { contestant: Contestant::Direct(nodes), nodes, listen: Layout::direct(nodes), lines }
    }

    /// The paper's way.
    pub(in super::super) fn fill_first(nodes: u32) -> Self {
        let lines = "dispatch = \"fill\"\n";
        Self { contestant: Contestant::FillFirst(nodes), nodes, listen: Layout::fill_first(nodes), lines }
    }

    /// Its part of a cluster.toml.
    fn text(self, capacity: &str) -> String {
        let Self { nodes, listen, lines, .. } = self;
        format!(
            "\n[service.{}]\nlisten = \"{listen}\"\nmin = {nodes}\nmax = {nodes}\n{}{capacity}{SAME_WORK}{lines}",
            self.service(),
            command()
        )
    }

    /// What its service is called.
    pub(in super::super) fn service(self) -> String {
        self.contestant.key()
    }
}

impl Site {
    /// Starts a cluster in which each of these has its nodes, and waits until they serve.
    pub(in super::super) async fn accordions(&mut self, all: &[Held]) -> anyhow::Result<()> {
        let mut text = head(self.layout.nodes, all.len());
        for held in all {
            let capacity =
                if matches!(held.contestant, Contestant::FillFirst(_)) { CAPACITY } else { BOUNDLESS };
            text += &held.text(capacity);
        }
        self.held("cluster.toml", text, all, &[]).await
    }

    /// Starts those of that text; each node with its access log, where there is one for it.
    async fn held(&mut self, name: &str, text: String, all: &[Held], logs: &[PathBuf]) -> anyhow::Result<()> {
        let services: Vec<String> = all.iter().map(|held| held.service()).collect();
        let file = self.cluster_of(name, text, &services, logs)?;
        for held in all {
            serves(held.listen).await?;
            let mut status = vec![held.service()];
            status.extend_from_slice(&self.options(&file.to_string_lossy())[..4]);
            let nodes = nodes_serve(&self.program, &status, held.nodes).await?;
            if let [only] = nodes.as_slice() {
                self.one = self.layout.nodes().find(|node| Layout::machine(*node) == *only).unwrap_or(1);
            }
            self.targets.insert(held.contestant, held.listen);
        }
        Ok(())
    }

    /// Starts one whose service-manager logs what goes to its local copy, and one whose logs what goes to a node,
    /// and waits until they serve.
    pub(in super::super) async fn logged(&mut self) -> anyhow::Result<Logged> {
        let all = [Held::least_in_flight(0), Held::least_in_flight(1)];
        let file_of = |site: &Self, name: &str| site.directory.join(format!("{name}.access.json"));
        let mut text = head(self.layout.nodes, all.len());
        let mut logged = Logged { fronts: Vec::new(), nodes: Vec::new() };
        for held in all {
            let front = file_of(self, &held.service());
            text += &held.text(BOUNDLESS);
            let _ = writeln!(text, "access_log = \"json\"\naccess_log_file = {front:?}");
            logged.fronts.push(front);
        }
        let nodes: Vec<PathBuf> =
            self.layout.nodes().map(|node| file_of(self, &Layout::machine(node))).collect();
        self.held("phases.toml", text, &all, &nodes).await?;
        logged.nodes = nodes;
        Ok(logged)
    }

    /// Starts the one that is left to itself, for a load that climbs and falls for so long.
    pub(in super::super) async fn left_to_itself(&mut self, climb: Duration) -> anyhow::Result<Left> {
        let target = Layout::elastic();
        let scaling = elastic::scaling_toml(climb);
        let text = format!(
            "{}\n[service.{ELASTIC}]\nlisten = \"{target}\"\n{}{}{SAME_WORK}\n[service.{ELASTIC}.scaling]\n{scaling}",
            head(self.layout.nodes, 1),
            command(),
            elastic::SERVICE_TOML,
        );
        let config = self.cluster_of("elastic.toml", text, &[ELASTIC.to_owned()], &[])?;
        serves(target).await?;
        let (runtime_dir, state_dir) = self.places();
        Ok(Left { target, config, runtime_dir, state_dir })
    }

    /// Starts the cluster of a cluster.toml with these services: the daemons of each machine of the rack.
    fn cluster_of(
        &mut self,
        name: &str,
        text: String,
        services: &[String],
        logs: &[PathBuf],
    ) -> anyhow::Result<PathBuf> {
        let file = self.write(name, text)?;
        let options = self.options(&file);
        for node in self.layout.nodes() {
            let machine = Layout::machine(node);
            let mut options = options.clone();
            if let Some(log) = logs.get(node as usize - 1) {
                options.extend(["--access-log".to_owned(), log.to_string_lossy().into_owned()]);
            }
            self.daemon(&machine, NODE_RANK, &["task-processor", "--node", &machine], &options)?;
        }
        for service in services {
            self.daemon("front", FRONT_RANK, &["service-manager", "--service", service], &options)?;
            self.daemon("front", DECIDER_RANK, &["load-manager", "--service", service], &options)?;
        }
        Ok(PathBuf::from(file))
    }

    /// Where its sockets and its journal are.
    fn places(&self) -> (PathBuf, PathBuf) {
        (self.directory.join("run"), self.directory.join("state"))
    }

    fn options(&self, file: &str) -> Vec<String> {
        let (run, state) = self.places();
        let place = |path: PathBuf| path.to_string_lossy().into_owned();
        vec![
            "--config".to_owned(),
            file.to_owned(),
            "--runtime-dir".to_owned(),
            place(run),
            "--state-dir".to_owned(),
            place(state),
        ]
    }

    fn daemon(&mut self, machine: &str, rank: u8, which: &[&str], options: &[String]) -> anyhow::Result<()> {
        let mut words = vec![self.program()];
        words.extend(which.iter().map(|word| (*word).to_owned()));
        words.extend_from_slice(options);
        self.start(machine, rank, &words)
    }
}

/// A cluster.toml of the machines alone, with a service because there must be one.
pub(super) fn bare(layout: &Layout) -> String {
    let service = format!("\n[service.demo]\nlisten = \"{}\"\n{}{CAPACITY}", Layout::elastic(), command());
    head(layout.nodes, 1) + &service
}

/// The nodes, each for so many services.
fn head(nodes: u32, slots: usize) -> String {
    let mut text = "[cluster]\nname = \"bench\"\ninsecure = true\n".to_owned();
    for node in 1..=nodes {
        let (name, address) = (Layout::machine(node), Layout::address(node));
        // Writing into a String cannot fail.
        let _ = write!(text, "\n[[node]]\nname = \"{name}\"\naddress = \"{address}\"\nslots = {slots}\n");
    }
    text
}

/// The lines that all services have.
fn command() -> String {
    let words = services::words("{accordion}", "{address}", "{port}");
    format!("front_end = \"{}\"\ncommand = {words:?}\nready = \"/healthz\"\n", Layout::address(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_are_a_cluster_of_their_own() {
        let cluster = cluster::config::parse("cluster.toml", &bare(&Layout { nodes: 10 })).unwrap();
        assert_eq!(cluster.nodes.len(), 10);
    }
}
