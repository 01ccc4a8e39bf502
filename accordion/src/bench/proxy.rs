//! `accordion bench proxy`: the data path beside Debian's nginx and HAProxy, on this machine, in one
//! run, with the same work for all.
//!
//! Here are the command line and the course of a run. `rows` says what is measured and what the goals
//! are, `site` starts everybody, `run` measures, `summary` and `report` say what came of it.

mod config;
mod cores;
mod crowd;
mod load;
mod meter;
mod record;
mod report;
mod rows;
mod run;
mod site;
mod slow_clients;
mod summary;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::ValueEnum;
use cluster::daemon::Shutdown;
use tokio::signal::unix::{SignalKind, signal};

use super::tools::{self, Tool};
use super::{carry_out, folder, unavailable};
use crate::exit::EXIT_INTERRUPTED;
use cores::Cores;
use report::Setting;
use rows::Row;
use run::{Measured, Plan};
use site::Site;
use slow_clients::{SLOW, SLOW_QUICK};

/// The programs of others that a run needs.
const TOOLS: [Tool; 7] = [
    tools::NGINX,
    tools::HAPROXY,
    tools::WRK,
    tools::AB,
    tools::HTTPERF,
    tools::SLOWHTTPTEST,
    tools::TASKSET,
];

/// Idle connections of the memory row, and of a quick run's.
const CROWD: u64 = 10_000;
const CROWD_QUICK: u64 = 1_000;

/// Beyond this the addresses of a run would not suffice.
const ROUNDS_MAX: u64 = 20;

/// What it is told on its command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How often everything is measured
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=ROUNDS_MAX))]
    rounds: u64,

    /// How long one measurement takes; those of idle and slow have a length of their own
    #[arg(long, value_name = "SECONDS", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,

    /// Only these rows, separated by commas
    #[arg(long, value_name = "ROW", value_enum, value_delimiter = ',')]
    only: Vec<Row>,

    /// Where the figures are kept [default: e2e/runs/<date>-<cpus>cpu-<architecture>]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Two rounds of one second, 1,000 idle and 100 slow clients: to see that it works, not how fast it is
    #[arg(long, conflicts_with_all = ["rounds", "seconds"])]
    quick: bool,
}

/// 0 when all was measured, goals met or not; 69 where this machine cannot do it, 1 when something failed.
pub(crate) fn main(args: &Args) -> ExitCode {
    if let Err(sentence) = tools::check(&TOOLS) {
        return unavailable(&sentence);
    }
    let cores = match Cores::choose() {
        Ok(Some(cores)) => cores,
        Ok(None) => {
            return unavailable("one CPU is too few: the load must not run on the one that is measured");
        }
        Err(error) => return unavailable(&format!("the system does not tell its CPUs: {error}")),
    };
    // One thread, and what it starts, on the CPU of the load.
    carry_out(bench(args, cores))
}

async fn bench(args: &Args, cores: Cores) -> anyhow::Result<ExitCode> {
    let shutdown = Shutdown::on_signals()?;
    let mut hangups = signal(SignalKind::hangup())?;
    cores.pin_to_load().context("cannot choose a CPU")?;
    let plan = args.plan();
    let mut site = Site::new(cores, plan.crowd)?;
    let measured = tokio::select! {
        measured = run::run(&mut site, &plan, cores) => Some(measured),
        () = shutdown.asked() => None,
        _ = hangups.recv() => None,
    };
    let kept = measured.map(|measured| keep(args, &plan, &site, cores, &measured?));
    // A second signal leaves the rest to the guards.
    tokio::select! {
        () = site.end() => {}
        () = shutdown.forced() => {}
    }
    match kept {
        Some(Ok(())) => Ok(ExitCode::SUCCESS),
        Some(Err(fault)) => Err(fault),
        None => Ok(ExitCode::from(EXIT_INTERRUPTED)),
    }
}

impl Args {
    fn plan(&self) -> Plan {
        let mut rows = if self.only.is_empty() { Row::value_variants().to_vec() } else { self.only.clone() };
        rows.sort_by_key(|row| Row::value_variants().iter().position(|one| one == row));
        rows.dedup();
        let wanted = if self.quick { CROWD_QUICK } else { CROWD };
        let crowd = crowd::make_room(wanted);
        if crowd < wanted && rows.contains(&Row::Idle) {
            eprintln!(
                "accordion bench: {crowd} idle connections, not {wanted}: the limit of open files allows no more"
            );
        }
        let (rounds, seconds) = if self.quick { (2, 1) } else { (self.rounds as usize, self.seconds) };
        let slow = if self.quick { SLOW_QUICK } else { SLOW };
        Plan { rows, rounds, seconds, crowd, slow }
    }

    /// The command as it was typed, as far as it says what was measured.
    fn command(&self, plan: &Plan) -> String {
        let mut command = "accordion bench proxy".to_owned();
        if self.quick {
            command += " --quick";
        } else {
            command += &format!(" --rounds {} --seconds {}", plan.rounds, plan.seconds);
        }
        if !self.only.is_empty() {
            let names: Vec<_> = plan.rows.iter().map(|row| row.name()).collect();
            command += &format!(" --only {}", names.join(","));
        }
        command
    }
}

/// Shows the table and writes the figures down.
fn keep(args: &Args, plan: &Plan, site: &Site, cores: Cores, measured: &Measured) -> anyhow::Result<()> {
    let folder = args.out.clone().unwrap_or_else(|| folder::of_today(cores.allowed));
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    let mut versions = vec![format!("accordion: {}, {build} build", env!("CARGO_PKG_VERSION"))];
    versions.extend(tools::versions(&TOOLS));
    let setting = Setting {
        command: args.command(plan),
        date: folder::today(),
        cpus: cores.allowed,
        proxy_cpu: cores.proxy,
        load_cpu: cores.load,
        versions,
        commands: run::commands(
            plan,
            site.running(rows::Contestant::Accordion)?.target,
            cores,
            site.directory(),
        ),
        files: site.files().to_vec(),
    };
    let mut out = io::stdout().lock();
    // Nobody reads it: the figures are kept all the same.
    let _ = writeln!(out, "{}", report::text(measured));
    write(&folder, "proxy.csv", &record::csv(&measured.measurements))?;
    write(&folder, "proxy.md", &report::markdown(measured, plan, &setting))?;
    let _ = writeln!(out, "kept in {}", folder.display());
    Ok(())
}

fn write(folder: &Path, file: &str, text: &str) -> anyhow::Result<()> {
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(folder.join(file), text))
        .with_context(|| format!("cannot write {file} in {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    fn plan(words: &[&str]) -> (String, Plan) {
        let args = Cli::parse_from([&["bench"], words].concat()).args;
        let plan = args.plan();
        (args.command(&plan), plan)
    }

    #[test]
    fn without_a_word_everything_is_measured_five_times() {
        let (command, plan) = plan(&[]);
        assert_eq!((plan.rounds, plan.seconds, plan.rows.as_slice()), (5, 4, Row::value_variants()));
        assert_eq!(command, "accordion bench proxy --rounds 5 --seconds 4");
    }

    #[test]
    fn rows_that_are_asked_for_come_once_and_in_their_order() {
        let (command, plan) = plan(&["--quick", "--only", "p50,close-1k,p50"]);
        assert_eq!((plan.rounds, plan.seconds, plan.slow), (2, 1, SLOW_QUICK));
        assert_eq!(plan.rows, [Row::Close1k, Row::P50]);
        assert_eq!(command, "accordion bench proxy --quick --only close-1k,p50");
    }

    #[test]
    fn a_quick_run_has_its_own_length() {
        assert!(Cli::try_parse_from(["bench", "--quick", "--rounds", "3"]).is_err());
        assert!(Cli::try_parse_from(["bench", "--rounds", "0"]).is_err());
    }
}
