//! `accordion up`: the whole cluster on this machine, each daemon a process of its own.
//!
//! It does what systemd does elsewhere: it holds the front ends' listening sockets, starts the
//! daemons, starts again those that died, and ends all of them in order. What a daemon does is none
//! of its business.

mod crew;
mod ground;
mod keeper;
mod lines;
mod orphans;
mod plan;
pub(crate) mod tether;
mod welcome;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, ValueEnum};
use cluster::config::Cluster;
use cluster::daemon::{self, DaemonArgs, Shutdown};
use tokio::signal::unix::{SignalKind, signal};

use crew::Crew;
use lines::Lines;

/// What `up` calls itself among the daemons' lines.
const NAME: &str = "up";

/// What `accordion up` is told on its command line; all of it is passed on to the daemons.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    daemon: DaemonArgs,
}

impl Args {
    /// As if nothing had been said: for `accordion` without a command.
    pub(crate) fn from_environment() -> Self {
        #[derive(Parser)]
        struct Nothing {
            #[command(flatten)]
            args: Args,
        }
        Nothing::parse_from(["accordion"]).args
    }
}

/// Until a signal: 0. 78 for a bad cluster.toml, 1 when this machine cannot carry the cluster.
pub(crate) fn main(args: &Args) -> ExitCode {
    let cluster = match args.daemon.cluster() {
        Ok(cluster) => cluster,
        Err(status) => return status,
    };
    // One thread, the main one: the kernel ties the daemons' lives to the thread that starts them.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = runtime.context("no runtime").and_then(|runtime| runtime.block_on(run(args, &cluster)));
    ended.unwrap_or_else(|fault| {
        eprintln!("accordion up: {fault:#}");
        ExitCode::FAILURE
    })
}

async fn run(args: &Args, cluster: &Cluster) -> anyhow::Result<ExitCode> {
    let shutdown = Shutdown::on_signals()?;
    let hangup = hangup()?;
    let fronts = ground::prepare(cluster)?;
    let directories = args.daemon.directories(cluster)?;
    ground::alone(cluster, &directories)?;
    let program = env::current_exe().context("the running program has no path")?;
    let common = common(&args.daemon);
    let lines = Lines::to_terminal(plan::name_width(cluster))?;
    let voice = lines.voice(lines::OWN, NAME);
    let config = args.daemon.config_path();
    let mut crew = Crew::start(cluster, program.clone(), config, &common, fronts, &lines);
    let telling = async {
        welcome::until_up(cluster, &directories, &voice).await;
        lines.tell(welcome::text(cluster, &args.daemon, &welcome::typed(&program)));
        std::future::pending::<()>().await;
    };
    let status = tokio::select! {
        () = shutdown.asked() => {
            voice.say("going down: running requests end first; again to kill everything at once");
            ExitCode::SUCCESS
        }
        () = hangup => ExitCode::SUCCESS,
        name = crew.unusable() => {
            voice.say(&format!("going down, because {name} cannot run"));
            ExitCode::from(daemon::EXIT_CONFIG)
        }
        () = telling => ExitCode::FAILURE,
    };
    crew.end(&shutdown, &voice).await;
    voice.say("down");
    drop(voice);
    lines.finish();
    Ok(status)
}

/// Answers when the terminal was closed, so that the cluster goes down in order and is not killed;
/// never where `nohup` said that it should outlive the terminal.
fn hangup() -> io::Result<impl Future<Output = ()>> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored =
        status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    // SIGHUP is signal 1, which is the lowest bit.
    let is_ignored = ignored.is_some_and(|mask| mask & 1 == 1);
    let mut hangups = if is_ignored { None } else { Some(signal(SignalKind::hangup())?) };
    Ok(async move {
        match &mut hangups {
            Some(hangups) => _ = hangups.recv().await,
            None => std::future::pending().await,
        }
    })
}

/// What every daemon is told: the file that was checked here, and everything said to `up`.
fn common(args: &DaemonArgs) -> Vec<OsString> {
    let format =
        args.log_format.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
    let mut common = vec!["--config".into(), args.config_path().into(), "--log-format".into(), format.into()];
    for (option, path) in [("--runtime-dir", &args.runtime_dir), ("--state-dir", &args.state_dir)] {
        if let Some(path) = path {
            common.extend([option.into(), path.into()]);
        }
    }
    common
}
