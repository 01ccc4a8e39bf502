//! `accordion bench paper`: the experiments by which Kim and Park judged their system in 2004, on a rack that is
//! made on this machine, and beside what people would take instead today.
//!
//! Here are the command line and the course of a run. `experiment` has the paper's own tables, `plan` says what is
//! measured, `site` starts everybody on the rack, `run` measures, `goals` says what came of it.

mod conditions;
mod contestant;
mod elastic;
mod experiment;
mod goals;
mod httperf;
mod phases;
mod plan;
mod record;
mod report;
mod results;
mod run;
mod site;
pub(super) mod thread_relay;
mod timeline;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::ValueEnum;
use cluster::daemon::{self, Shutdown};
use tokio::signal::unix::{SignalKind, signal};

use super::progress::Progress;
use super::tools::{self, Tool};
use super::{carry_out, folder, unavailable};
use crate::exit::EXIT_INTERRUPTED;
use crate::rack::{Rate, Share, Shares, rack_name};
use goals::Found;
use plan::{Part, Plan};
use results::{Results, Setting};
use site::Site;

/// The programs of others that a run needs.
const TOOLS: [Tool; 5] = [tools::NGINX, tools::HAPROXY, tools::HTTPERF, tools::IP, tools::TC];

/// How long the elastic run climbs and falls.
const CLIMB: Duration = Duration::from_secs(600);
const CLIMB_QUICK: Duration = Duration::from_secs(90);

/// What it is told on its command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How often everything is measured; the mix twice as often
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=50))]
    rounds: u8,

    /// How long one measurement sends
    #[arg(long, value_name = "SECONDS", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,

    /// Only these parts, separated by commas
    #[arg(long, value_name = "PART", value_enum, value_delimiter = ',')]
    only: Vec<Part>,

    /// One round of two seconds at the ends of each axis: to see that it works, in less than 8 minutes
    #[arg(long, conflicts_with_all = ["rounds", "seconds"])]
    quick: bool,

    /// What the front end is worth, in cores of this machine
    #[arg(long, value_name = "CORES", default_value = "0.4", value_parser = Share::parse)]
    front_cpu: Share,

    /// What a node is worth; the work of a request is 10 ms of it where it is 0.25
    #[arg(long, value_name = "CORES", default_value = "0.25", value_parser = Share::parse)]
    node_cpu: Share,

    /// What the clients' machine is worth: httperf takes all there is [default: all that is left]
    #[arg(long, value_name = "CORES", value_parser = Share::parse)]
    client_cpu: Option<Share>,

    /// The rate of each machine's link
    #[arg(long, value_name = "RATE", default_value = "100mbit", value_parser = Rate::parse)]
    link: Rate,

    /// What the rack is called, where there are several at a time
    #[arg(long, value_name = "NAME", default_value = "bench-paper", value_parser = rack_name)]
    name: String,

    /// Where the figures are kept, over what is there [default: a new folder e2e/runs/<date>-<cpus>cpu-<architecture>]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// 0 when all was measured, goals met or not; 69 where this machine cannot do it, 1 when something failed.
pub(crate) fn main(args: &Args) -> ExitCode {
    if !rustix::process::geteuid().is_root() {
        return unavailable("it makes network namespaces and caps CPU, which takes root: run it with sudo");
    }
    if let Err(sentence) = tools::check(&TOOLS) {
        return unavailable(&sentence);
    }
    // One thread, the main one: the kernel ties the lives of what is started to the thread that starts it.
    carry_out(bench(args))
}

async fn bench(args: &Args) -> anyhow::Result<ExitCode> {
    let shutdown = Shutdown::on_signals()?;
    let mut hangups = signal(SignalKind::hangup())?;
    let plan = args.plan();
    // Before anything is measured: what cannot be kept need not be.
    let folder = folder::kept_apart(args.out.as_deref(), conditions::cpus())?;
    daemon::raise_file_limit();
    let mut site = Site::new(&args.name, plan.nodes_max(), args.shares(), Some(args.link))?;
    let mut found = Found::default();
    let measured = tokio::select! {
        measured = measure(&mut site, &plan, &mut found) => Some(measured),
        () = shutdown.asked() => None,
        _ = hangups.recv() => None,
    };
    let ended_by = match &measured {
        Some(Ok(())) => None,
        Some(Err(fault)) => Some(format!("{fault:#}")),
        None => Some("it was interrupted".to_owned()),
    };
    let kept = if ended_by.is_none() || found.has_any() {
        keep(args, &plan, &site, found, &folder, ended_by.as_deref())
    } else {
        folder::leave(&folder);
        Ok(())
    };
    // A second signal leaves the rest to the kernel, which ends what this process has started.
    tokio::select! {
        () = site.end() => {}
        () = shutdown.forced() => {}
    }
    kept?;
    match measured {
        Some(measured) => measured.map(|()| ExitCode::SUCCESS),
        None => Ok(ExitCode::from(EXIT_INTERRUPTED)),
    }
}

async fn measure(site: &mut Site, plan: &Plan, found: &mut Found) -> anyhow::Result<()> {
    let mut progress = Progress::new(plan.length());
    if [Part::Rate, Part::Size, Part::Work].into_iter().any(|part| plan.has(part)) {
        run::experiments(site, plan, found, &mut progress).await?;
    }
    if plan.has(Part::Phases) {
        found.phases = run::phases(site, plan, &mut progress).await?;
    }
    if plan.has(Part::Elastic) {
        run::elastic(site, plan, found, &mut progress).await?;
    }
    if plan.has(Part::Mix) {
        run::mix(site, plan, found, &mut progress).await?;
    }
    Ok(())
}

impl Args {
    fn plan(&self) -> Plan {
        let mut parts =
            if self.only.is_empty() { Part::value_variants().to_vec() } else { self.only.clone() };
        parts.sort_unstable();
        parts.dedup();
        let (rounds, seconds, climb) =
            if self.quick { (1, 2, CLIMB_QUICK) } else { (self.rounds.into(), self.seconds, CLIMB) };
        Plan { parts, rounds, seconds, climb, is_quick: self.quick }
    }

    fn shares(&self) -> Shares {
        Shares { front: Some(self.front_cpu), node: Some(self.node_cpu), client: self.client_cpu }
    }

    /// The command as it was typed, as far as it says what was measured.
    fn command(&self, plan: &Plan) -> String {
        let mut command = "accordion bench paper".to_owned();
        if self.quick {
            command += " --quick";
        } else {
            command += &format!(" --rounds {} --seconds {}", plan.rounds, plan.seconds);
        }
        if !self.only.is_empty() {
            let names = plan.parts.iter().filter_map(Part::to_possible_value);
            let names: Vec<_> = names.map(|name| name.get_name().to_owned()).collect();
            command += &format!(" --only {}", names.join(","));
        }
        let (front, node, link) = (self.front_cpu.cores(), self.node_cpu.cores(), self.link);
        command += &format!(" --front-cpu {front} --node-cpu {node} --link {link}");
        if let Some(client) = self.client_cpu {
            command += &format!(" --client-cpu {}", client.cores());
        }
        command
    }
}

/// Shows what came out and writes it down; `ended_by` is why that is not all.
fn keep(
    args: &Args,
    plan: &Plan,
    site: &Site,
    found: Found,
    folder: &Path,
    ended_by: Option<&str>,
) -> anyhow::Result<()> {
    let conditions = conditions::of(args, plan, &found, ended_by);
    let setting = Setting { command: args.command(plan), date: folder::today(), conditions };
    let verdicts = found.verdicts();
    let elastic = found.elastic.map(|(timeline, _)| timeline);
    let Found { measurements, phases, .. } = found;
    let results = Results { setting, measurements, elastic, phases, verdicts };
    let mut out = io::stdout().lock();
    // Nobody reads it: all is kept all the same.
    let _ = writeln!(out, "{}", report::text(&results));
    report::keep(folder, &results)?;
    let conf = folder.join("conf");
    fs::create_dir_all(&conf).with_context(|| format!("cannot make {}", conf.display()))?;
    for (name, text) in site.files() {
        let path = conf.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let _ = writeln!(out, "kept in {}", folder.display());
    Ok(())
}
