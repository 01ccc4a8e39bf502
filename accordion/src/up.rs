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
mod several;
pub(crate) mod tether;
mod welcome;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, ValueEnum};
use cluster::config::{Cluster, SEVERAL_MAX};
use cluster::daemon::{self, DaemonArgs, Reopen, Shutdown};
use tokio::signal::unix::{SignalKind, signal};

use crew::Crew;
pub(crate) use ground::Fronts;
use lines::Lines;

use crate::rack::Place;

/// What `up` calls itself among the daemons' lines.
const NAME: &str = "up";

/// What `accordion up` is told on its command line; what daemons understand is passed on to them.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    daemon: DaemonArgs,

    /// So many services (2 to 9) in the place of the file's one, to see them share the pool: NAME-a, NAME-b and so
    /// on, with front ends counted up from its loopback address. The daemons read a cluster.toml of them, which is
    /// written into the runtime directory
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(2..=i64::from(SEVERAL_MAX)))]
    services: Option<u8>,
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
    let read = match args.services {
        Some(count) => several::read(&args.daemon, count).map(|(cluster, text)| (cluster, Some(text))),
        None => args.daemon.cluster().map(|cluster| (cluster, None)),
    };
    let (cluster, made) = match read {
        Ok(read) => read,
        Err(status) => return status,
    };
    // One thread, the main one: the kernel ties the daemons' lives to the thread that starts them.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended =
        runtime.context("no runtime").and_then(|runtime| runtime.block_on(run(&args.daemon, &cluster, made)));
    ended.unwrap_or_else(|fault| {
        eprintln!("accordion up: {fault:#}");
        ExitCode::FAILURE
    })
}

/// `made` is the text of `cluster` where no file has it yet.
async fn run(args: &DaemonArgs, cluster: &Cluster, made: Option<String>) -> anyhow::Result<ExitCode> {
    let signals = Signals::catch()?;
    let fronts = ground::prepare(cluster)?;
    let directories = args.directories(cluster)?;
    ground::alone(cluster, &directories)?;
    let mut args = args.clone();
    if let Some(text) = made {
        // Not earlier: the daemons of another run could be reading it.
        args.config = Some(several::write(&text, &directories)?);
    }
    let welcome = |program: &str| welcome::text(cluster, &args, program);
    carry(signals, &args, cluster, fronts, |_| None, welcome).await
}

/// The signals that end a cluster, caught from when this is made.
pub(crate) struct Signals {
    shutdown: Shutdown,
    hangup: Pin<Box<dyn Future<Output = ()>>>,
    /// It has no file to open anew; the signal of log rotation must not end it all the same.
    _reopen: Reopen,
}

impl Signals {
    pub(crate) fn catch() -> io::Result<Self> {
        let shutdown = Shutdown::on_signals()?;
        let reopen = Reopen::on_signals()?;
        Ok(Self { shutdown, hangup: Box::pin(hangup()?), _reopen: reopen })
    }
}

/// Runs every daemon of `cluster` until a signal: that of an address on its machine of a rack where `place_of`
/// knows one. `welcome` is what a person is told once all are up, of a program that is typed like this.
///
/// Must run on the main thread: the kernel ties the daemons' lives to the thread that starts them.
pub(crate) async fn carry(
    signals: Signals,
    args: &DaemonArgs,
    cluster: &Cluster,
    fronts: Fronts,
    place_of: impl Fn(IpAddr) -> Option<Place>,
    welcome: impl FnOnce(&str) -> String,
) -> anyhow::Result<ExitCode> {
    let Signals { shutdown, hangup, _reopen } = signals;
    let directories = args.directories(cluster)?;
    let program = env::current_exe().context("the running program has no path")?;
    let common = common(args);
    let lines = Lines::to_terminal(plan::name_width(cluster))?;
    let voice = lines.voice(lines::OWN, NAME);
    let config = args.config_path();
    let mut crew = Crew::start(cluster, program.clone(), config, &common, fronts, place_of, &lines);
    let telling = async {
        welcome::until_up(cluster, &directories, &voice).await;
        lines.tell(welcome(&welcome::typed(&program)));
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
