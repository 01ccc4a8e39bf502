//! `accordion what-if`: a load played to today's settings, to changed ones and to other policies, by
//! the same code that decides in the load-manager, and what comes of it side by side.
//!
//! Here are the command line and the course of it. `recording` reads a load, `variant` is what is
//! compared, `text`, `plot` and `data` show it, and `report` is the comparison kept in `e2e/runs`.

mod data;
mod plot;
mod recording;
mod report;
mod text;
mod variant;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use cluster::config::{self, Cluster, Service, Set};
use cluster::daemon::{DaemonArgs, EXIT_CONFIG};
use load_manager::decider::Settings;
use load_manager::order;
use load_manager::simulation::{Load, Rule, Synthetic, World};

use crate::answer;
use variant::{Case, Played, Variant};

/// A wrong command line, as clap has it.
const EXIT_USAGE: u8 = 2;

/// More than any front end has in flight.
const PEAK_MAX: f64 = 1e6;

const NOT_BESIDE_TABLE: [&str; 12] = [
    "service",
    "sets",
    "from",
    "load",
    "peak",
    "policy",
    "policies",
    "start_time",
    "service_time",
    "drain_time",
    "json",
    "csv",
];

/// What it is told on its command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The service; may be left out when there is one
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Compare with this key of the service set otherwise, like scaling.high=0.8 or capacity=16; may be
    /// given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<Set>,
    /// Play a recording: CSV with the header seconds,in_flight; "-" is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["load", "peak"])]
    from: Option<PathBuf>,
    /// Play only this of the loads that are made up; may be given several times [default: all]
    #[arg(long, value_name = "LOAD", value_parser = loads())]
    load: Vec<Synthetic>,
    /// How much the made-up loads have at their peak [default: 61 % of what `max` nodes carry at the target]
    #[arg(long, value_name = "REQUESTS", value_parser = peak)]
    peak: Option<f64>,
    /// Compare with this policy, at today's settings; may be given several times
    #[arg(long, value_name = "POLICY", value_parser = rules())]
    policy: Vec<Rule>,
    /// Compare with every policy
    #[arg(long, conflicts_with = "policy")]
    policies: bool,
    /// How long a node takes from its order to its first request
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = time)]
    start_time: Duration,
    /// How long a request takes that does not wait
    #[arg(long, value_name = "TIME", default_value = "100ms", value_parser = service_time)]
    service_time: Duration,
    /// How long a node takes from its drain to its end
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = time)]
    drain_time: Duration,
    /// As JSON, with the nodes over time
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// As CSV
    #[arg(long)]
    csv: bool,
    /// Instead of all that: every load by every policy, at its defaults, with nodes that start in 2 s and
    /// in 20 s, as Markdown
    #[arg(long, conflicts_with_all = NOT_BESIDE_TABLE)]
    table: bool,
    /// Keep that table in this directory, as what-if.md and what-if.csv
    #[arg(long, value_name = "DIR", requires = "table", conflicts_with_all = NOT_BESIDE_TABLE)]
    out: Option<PathBuf>,
    /// The cluster's configuration [default: ./cluster.toml, else /etc/accordion/cluster.toml]
    #[arg(long, value_name = "FILE", env = "ACCORDION_CONFIG")]
    config: Option<PathBuf>,
}

/// 0 when it was played; 78 for a bad cluster.toml, 2 for a bad `--set`, 1 for a bad recording.
pub(crate) fn main(args: &Args) -> ExitCode {
    let shown = if args.table { report::kept(args.out.as_deref()) } else { compare(args) };
    match shown {
        Ok(text) => answer::give_last(text, ExitCode::SUCCESS),
        Err(code) => code,
    }
}

fn compare(args: &Args) -> Result<String, ExitCode> {
    let (today, changed) = args.clusters()?;
    let service = today.chosen_service(args.service.as_deref()).map_err(|fault| {
        eprintln!("accordion: {fault}");
        ExitCode::from(EXIT_CONFIG)
    })?;
    let now = args.variant("today", &today, service);
    let changed =
        changed.and_then(|changed| Some(args.variant("changed", &changed, changed.service(&service.name)?)));
    if changed.as_ref().is_some_and(|changed| changed.is_alike(&now)) {
        eprintln!("accordion: what was set is nothing that decisions go by");
    }
    let loads = args.loads(&now.settings)?;
    let variants = args.variants(now, changed);
    let cases: Vec<Case> = loads.into_iter().map(|load| Case::played(load, &variants)).collect();
    if args.csv {
        return Ok(data::csv(&cases));
    }
    let sets: Vec<String> = args.sets.iter().map(ToString::to_string).collect();
    let played = Played { service: &service.name, today: &variants[0], sets: &sets, cases: &cases };
    Ok(if args.json { data::json(&played) } else { text::of(&played) })
}

impl Args {
    /// The cluster of the file, and the one of the file with what was set.
    fn clusters(&self) -> Result<(Cluster, Option<Cluster>), ExitCode> {
        let args = DaemonArgs { config: self.config.clone(), ..DaemonArgs::default() };
        let path = args.config_path();
        let faulty = |faults: config::Faults| {
            eprintln!("{faults}");
            ExitCode::from(EXIT_CONFIG)
        };
        let text = config::text(path).map_err(faulty)?;
        let today = config::parse(&path.display().to_string(), &text).map_err(faulty)?;
        // A name that does not fit is told by whoever looks for the service.
        let service = today.chosen_service(self.service.as_deref()).ok().filter(|_| !self.sets.is_empty());
        let Some(service) = service else { return Ok((today, None)) };
        let changed = config::parse_with(&text, &service.name, &self.sets).map_err(|faults| {
            faults.iter().for_each(|fault| eprintln!("{fault}"));
            ExitCode::from(EXIT_USAGE)
        })?;
        Ok((today, Some(changed)))
    }

    fn variant(&self, what: &'static str, cluster: &Cluster, service: &Service) -> Variant {
        let order = order::of_nodes(cluster, &service.name);
        let pool = u32::try_from(cluster.nodes.len()).unwrap_or(u32::MAX);
        let settings = Settings::of(service, pool);
        let world = World {
            service_time: self.service_time,
            start_time: self.start_time,
            drain_time: self.drain_time,
            queue_max: service.queue_max,
            speeds: order.into_iter().map(|index| cluster.nodes[index].speed).collect(),
        };
        Variant { what, rule: Rule::of(settings.scaling.policy), settings, world }
    }

    /// Today's settings first, then the changed ones, then other policies with today's.
    fn variants(&self, today: Variant, changed: Option<Variant>) -> Vec<Variant> {
        let asked = if self.policies { &Rule::ALL[..] } else { &self.policy };
        let mut others: Vec<Rule> = Vec::new();
        for rule in asked {
            if *rule != today.rule && !others.contains(rule) {
                others.push(*rule);
            }
        }
        let others: Vec<_> = others.into_iter().map(|rule| today.by(rule)).collect();
        std::iter::once(today).chain(changed).chain(others).collect()
    }

    /// The recording, or the loads that are made up, each with its name and what it is.
    fn loads(&self, today: &Settings) -> Result<Vec<(String, String, Load)>, ExitCode> {
        if let Some(path) = &self.from {
            let load = recording::read(path).map_err(|sentence| {
                eprintln!("accordion: {sentence}");
                ExitCode::FAILURE
            })?;
            return Ok(vec![("recording".to_owned(), path.display().to_string(), load)]);
        }
        let peak = self.peak.unwrap_or_else(|| Synthetic::peak(today));
        let loads = if self.load.is_empty() { &Synthetic::ALL[..] } else { &self.load };
        let made = |load: &Synthetic| (load.name().to_owned(), load.sentence().to_owned(), load.load(peak));
        Ok(loads.iter().map(made).collect())
    }
}

fn loads() -> impl TypedValueParser<Value = Synthetic> {
    PossibleValuesParser::new(Synthetic::ALL.map(Synthetic::name)).map(|name| {
        let is_it = |load: &Synthetic| load.name() == name;
        Synthetic::ALL.into_iter().find(is_it).expect("it is one of their names")
    })
}

fn rules() -> impl TypedValueParser<Value = Rule> {
    PossibleValuesParser::new(Rule::ALL.map(Rule::name)).map(|name| {
        let is_it = |rule: &Rule| rule.name() == name;
        Rule::ALL.into_iter().find(is_it).expect("it is one of their names")
    })
}

fn peak(written: &str) -> Result<f64, String> {
    let peak = written.parse().ok().filter(|peak: &f64| *peak > 0.0 && *peak <= PEAK_MAX);
    peak.ok_or_else(|| format!("must be a number above 0 and at most {PEAK_MAX}"))
}

fn time(written: &str) -> Result<Duration, String> {
    time_from(Duration::ZERO, written)
}

fn service_time(written: &str) -> Result<Duration, String> {
    time_from(Duration::from_millis(1), written)
}

fn time_from(least: Duration, written: &str) -> Result<Duration, String> {
    let most = Duration::from_secs(3600);
    let time = humantime::parse_duration(written).ok().filter(|time| (least..=most).contains(time));
    let shown = humantime::format_duration;
    time.ok_or_else(|| format!("must be a duration from {} to {}, like 10s", shown(least), shown(most)))
}
