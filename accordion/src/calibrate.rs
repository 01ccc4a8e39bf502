//! `accordion calibrate`: what one copy of a service handles well, found by loading one. The paper's section 3.3 leaves
//! open where Low, Medium and High lie; here a measured curve says it.
//!
//! Here are the command line and the course of it. `subject` is what is loaded, `load` gives one step of the load and
//! `steps` says which; `curve` is what came of them, `knee` and `thresholds` are read from it, `finding` is all of it, with
//! what `doubts` there are, and `text`, `plot`, `chart` and `data` show it.

mod chart;
mod curve;
mod data;
mod doubts;
mod finding;
mod knee;
mod load;
mod plot;
mod progress;
mod steps;
mod subject;
mod text;
mod thresholds;

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use cluster::config::{Cluster, Service};
use cluster::daemon::{self, DaemonArgs, EXIT_CONFIG, Shutdown};
use hyper::http::uri::PathAndQuery;

use crate::answer;
use crate::bench::client::aside;
use crate::exit::EXIT_INTERRUPTED;
use curve::Sample;
use finding::{End, Finding};
use load::Job;
use progress::Progress;
use steps::Steps;
use subject::Subject;

/// More than a service on one machine is asked for at a time, and than this client can give with one thread.
const IN_FLIGHT_MAX: i64 = 4096;

const ROUNDS_MAX: i64 = 20;

const STEP_TIMES: std::ops::RangeInclusive<Duration> = Duration::from_millis(50)..=Duration::from_secs(60);

/// In flight before anything is measured: services compile, fill caches and open pools at first.
const WARM_UP_IN_FLIGHT: u32 = 4;

/// What it is told on its command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The service; may be left out when there is one
    #[arg(value_name = "SERVICE")]
    service: Option<String>,
    /// What is asked for, best a costly page; may be given several times, then in turn
    #[arg(long = "path", value_name = "PATH", default_value = "/", value_parser = path)]
    paths: Vec<String>,
    /// How long each number of requests in flight is kept
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = step_time)]
    step_time: Duration,
    /// How often each is measured; the medians count
    #[arg(long, value_name = "COUNT", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=ROUNDS_MAX))]
    rounds: u32,
    /// The most requests in flight that are tried
    #[arg(long, value_name = "REQUESTS", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=IN_FLIGHT_MAX))]
    max: u32,
    /// Start nothing, and load the copy that listens there, like 10.0.0.11:20000: it will be as loaded as can be
    #[arg(long, value_name = "ADDRESS")]
    at: Option<SocketAddr>,
    /// As JSON
    #[arg(long)]
    json: bool,
    /// Also keep the curve there, as a chart
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// The cluster's configuration [default: ./cluster.toml, else /etc/accordion/cluster.toml]
    #[arg(long, value_name = "FILE", env = "ACCORDION_CONFIG")]
    config: Option<PathBuf>,
}

/// 0 when all was measured; 78 for a bad cluster.toml, 1 where the copy does not get ready, fails or ends, 130 when it
/// was interrupted.
pub(crate) fn main(args: &Args) -> ExitCode {
    let config = DaemonArgs { config: args.config.clone(), ..DaemonArgs::default() };
    let cluster = match config.cluster() {
        Ok(cluster) => cluster,
        Err(status) => return status,
    };
    let service = match chosen(&cluster, args.service.as_deref()) {
        Ok(service) => service,
        Err(sentence) => {
            eprintln!("accordion: {sentence}");
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    daemon::raise_file_limit();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = runtime.context("no runtime").and_then(|runtime| {
        let ended = runtime.block_on(calibrate(args, service));
        // A step that still runs ends by itself.
        runtime.shutdown_background();
        ended
    });
    ended.unwrap_or_else(|fault| {
        eprintln!("accordion calibrate: {fault:#}");
        ExitCode::FAILURE
    })
}

/// The service named, or the only one there is.
fn chosen<'c>(cluster: &'c Cluster, name: Option<&str>) -> Result<&'c Service, String> {
    if let (None, [first, _, ..]) = (name, cluster.services.as_slice()) {
        let names: Vec<_> = cluster.services.iter().map(|service| service.name.as_str()).collect();
        let (names, first) = (names.join(", "), &first.name);
        return Err(format!(
            "there are several services ({names}); say which, like `accordion calibrate {first}`"
        ));
    }
    cluster.chosen_service(name)
}

async fn calibrate(args: &Args, service: &Service) -> anyhow::Result<ExitCode> {
    let shutdown = Shutdown::on_signals()?;
    if args.at.is_none() {
        eprintln!("{}: starting a copy", service.name);
    }
    let subject = match args.at {
        Some(address) => Subject::At(address),
        None => match Subject::start(service, &shutdown).await {
            Ok(subject) => subject,
            Err(_) if shutdown.is_asked() => return Ok(ExitCode::from(EXIT_INTERRUPTED)),
            Err(fault) => return Err(fault.into()),
        },
    };
    eprintln!("{}: loading {subject}, with up to {} requests at a time", service.name, args.max);
    let mut steps = Steps::new(args.max, args.rounds);
    let end = measure(args, service, &subject, &shutdown, &mut steps).await;
    // A second signal leaves the rest to the guard.
    tokio::select! {
        () = subject.stop() => {}
        () = shutdown.forced() => {}
    }
    let found = Finding::new(
        service,
        (subject.to_string(), args.at.is_none()),
        &args.paths,
        (args.rounds, args.step_time.as_secs_f64()),
        (&steps, end?),
        subject.remarks(service),
    );
    let text = if args.json { data::json(&found) } else { text::of(&found) };
    let told = answer::give(text);
    if let Some(path) = &args.svg {
        fs::write(path, chart::svg(&found)).with_context(|| format!("cannot write {}", path.display()))?;
    }
    told.map_err(anyhow::Error::msg)?;
    match &found.end {
        End::Interrupted => Ok(ExitCode::from(EXIT_INTERRUPTED)),
        End::CopyEnded { how, in_flight } => {
            anyhow::bail!("service {:?}: with {in_flight} in flight the copy {how}", service.name)
        }
        End::Whole if found.values.is_none() => {
            anyhow::bail!("service {:?}: {}", service.name, found.fault())
        }
        End::Whole => Ok(ExitCode::SUCCESS),
    }
}

/// Gives every step, and one before them that does not count.
async fn measure(
    args: &Args,
    service: &Service,
    subject: &Subject,
    shutdown: &Shutdown,
    steps: &mut Steps,
) -> anyhow::Result<End> {
    let job = |in_flight| Job {
        address: subject.address(),
        protocol: service.upstream,
        paths: args.paths.clone(),
        in_flight,
        length: args.step_time,
    };
    let mut progress = Progress::new(args.rounds);
    let mut is_warm = false;
    loop {
        let in_flight = match steps.next() {
            None => return Ok(End::Whole),
            Some(_) if !is_warm => WARM_UP_IN_FLIGHT.min(args.max),
            Some(in_flight) => in_flight,
        };
        progress.show(steps.round(), in_flight, is_warm);
        let sample = tokio::select! {
            sample = step(job(in_flight)) => sample?,
            () = shutdown.asked() => return Ok(End::Interrupted),
            how = subject.ended() => return Ok(End::CopyEnded { how, in_flight }),
        };
        if std::mem::replace(&mut is_warm, true) {
            steps.take(sample);
        }
    }
}

/// One step, on a thread of its own, which is told to end when nobody waits for it any more.
async fn step(job: Job) -> anyhow::Result<Sample> {
    let given = aside(move |halt| load::give(&job, halt)).await.context("no load can be given")?;
    given.context("the load was ended")
}

fn path(written: &str) -> Result<String, String> {
    let is_path = written.starts_with('/') && written.parse::<PathAndQuery>().is_ok();
    if is_path {
        Ok(written.to_owned())
    } else {
        Err("must be a path that begins with \"/\", like /search?q=x".to_owned())
    }
}

fn step_time(written: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(written).ok().filter(|time| STEP_TIMES.contains(time));
    let shown = humantime::format_duration;
    time.ok_or_else(|| {
        let (least, most) = (shown(*STEP_TIMES.start()), shown(*STEP_TIMES.end()));
        format!("must be a duration from {least} to {most}, like 2s")
    })
}
