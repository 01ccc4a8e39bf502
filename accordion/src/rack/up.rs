//! `accordion rack up`: the machines, and on them every daemon of a cluster, until a signal.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use cluster::config::{self, Cluster};
use cluster::daemon::{DaemonArgs, EXIT_CONFIG, LogFormat};

use super::inside::Place;
use super::left;
use super::link::{Link, Rate};
use super::plan::{self, NODES_MAX, Plan, Shares, cluster_toml};
use super::share::Share;
use super::{Name, Rack};
use crate::up::{Fronts, Signals, carry};

/// Of a core: three nodes, the front end and a load fit on two cores.
const FRONT_CPU: &str = "0.4";
const NODE_CPU: &str = "0.25";

/// Its command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    name: Name,

    /// Nodes beside the front end, where --config does not say which machines there are
    #[arg(long, value_name = "COUNT", default_value_t = 3, conflicts_with = "config",
          value_parser = clap::value_parser!(u32).range(1..=i64::from(NODES_MAX)))]
    nodes: u32,

    /// A machine for each address of this cluster.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// What a front end is worth, in cores of this machine
    #[arg(long, value_name = "CORES", default_value = FRONT_CPU, value_parser = Share::parse)]
    front_cpu: Share,

    /// What a node is worth
    #[arg(long, value_name = "CORES", default_value = NODE_CPU, value_parser = Share::parse)]
    node_cpu: Share,

    /// What the clients' machine is worth [default: all there is]
    #[arg(long, value_name = "CORES", value_parser = Share::parse)]
    client_cpu: Option<Share>,

    /// The rate of each machine's link, like 100mbit [default: as fast as it goes]
    #[arg(long, value_name = "RATE", value_parser = Rate::parse)]
    link: Option<Rate>,

    /// The time from a machine to another and back, like 1ms
    #[arg(long, value_name = "TIME", default_value = "0ms", value_parser = humantime::parse_duration)]
    round_trip: Duration,
}

/// Until a signal: 0. 78 for a bad cluster.toml, 1 when this machine cannot carry the rack.
pub(super) fn main(args: &Args) -> ExitCode {
    let (cluster, text) = match args.cluster() {
        Ok(read) => read,
        Err(faults) => {
            eprintln!("{faults}");
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    // One thread, the main one: the kernel ties the daemons' lives to the thread that starts them.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended =
        runtime.context("no runtime").and_then(|runtime| runtime.block_on(run(args, &cluster, &text)));
    ended.unwrap_or_else(|fault| {
        eprintln!("accordion rack: {fault:#}");
        ExitCode::FAILURE
    })
}

async fn run(args: &Args, cluster: &Cluster, text: &str) -> anyhow::Result<ExitCode> {
    let signals = Signals::catch()?;
    let name = &args.name.name;
    let plan = Plan::of(name, cluster, args.shares(), args.link())?;
    let rack = Rack::make(plan)?;
    let plan = rack.plan();
    let files = Files::make(name, text)?;
    rack.enter_as_client()?;
    let daemon = DaemonArgs {
        config: Some(files.config()),
        runtime_dir: Some(files.directory.join("run")),
        state_dir: Some(files.directory.join("state")),
        log_format: LogFormat::Auto,
    };
    let place_of = |address| plan.machine(address).map(|machine| Place::of(name, &machine.name));
    let welcome = |program: &str| welcome(plan, cluster, &daemon, program);
    let ended = carry(signals, &daemon, cluster, Fronts::default(), place_of, welcome).await;
    drop(rack);
    ended
}

/// What is written for the time of the rack.
struct Files {
    directory: PathBuf,
}

impl Files {
    fn make(rack: &str, text: &str) -> anyhow::Result<Self> {
        let directory = left::files(rack);
        let files = Self { directory };
        let made = fs::create_dir_all(&files.directory).and_then(|()| fs::write(files.config(), text));
        made.with_context(|| format!("cannot write {}", files.config().display()))?;
        Ok(files)
    }

    fn config(&self) -> PathBuf {
        self.directory.join("cluster.toml")
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        // A file that stays is written anew by the next rack of that name.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

impl Args {
    fn shares(&self) -> Shares {
        Shares { front: Some(self.front_cpu), node: Some(self.node_cpu), client: self.client_cpu }
    }

    fn link(&self) -> Link {
        Link { rate: self.link, round_trip: self.round_trip }
    }

    fn cluster(&self) -> Result<(Cluster, String), config::Faults> {
        let (name, text) = match &self.config {
            Some(path) => (path.display().to_string(), config::text(path)?),
            None => ("the rack's cluster.toml".to_owned(), cluster_toml(self.nodes, self.shares())),
        };
        Ok((config::parse(&name, &text)?, text))
    }
}

fn welcome(plan: &Plan, cluster: &Cluster, args: &DaemonArgs, program: &str) -> String {
    let Plan { name, machines, link } = plan;
    let mut text = format!("\nThe rack is up: {} machines", machines.len());
    if let Some(rate) = link.rate {
        let _ = write!(text, ", links of {rate}");
    }
    if !link.round_trip.is_zero() {
        let _ =
            write!(text, ", {} from one to another and back", humantime::format_duration(link.round_trip));
    }
    text.push_str(".\n\n");
    for plan::Machine { name, address, cpu } in machines {
        let share = cpu.map_or_else(|| "as much CPU as there is".to_owned(), |share| share.to_string());
        let _ = writeln!(text, "  {name:12} {address:15} {share}");
    }
    let which = if name == "rack" { String::new() } else { format!(" --name {name}") };
    let client = format!("{program} rack exec{which} client");
    let _ = writeln!(text, "\nIn another terminal:\n");
    if let (Some(config), Some(runtime)) = (&args.config, &args.runtime_dir) {
        let options = format!("--config {} --runtime-dir {}", config.display(), runtime.display());
        let _ = writeln!(text, "  {client} {program} status --watch {options}");
    }
    if let Some(service) = cluster.services.first() {
        let (ip, port) = (service.front_end, service.listen.port());
        let _ = writeln!(
            text,
            "  {client} httperf --server {ip} --port {port} --uri / --rate 50 --num-conns 3000"
        );
    }
    text.push_str("\nCtrl-C ends the cluster and takes the machines away.\n\n");
    text
}
