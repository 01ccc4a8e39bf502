//! `accordion why`: the recent decisions, each with its reason and the figures that led to it.

mod moment;

use std::fmt::Write;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cluster::config::Cluster;
use proto::load_manager::{Decision, Figures, WhyRequest};

use crate::answer;
use crate::reach::{Which, block_on, question, words};

/// Its command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The service; may be left out when there is one
    #[arg(value_name = "SERVICE")]
    service: Option<String>,
    /// How many, newest last
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 20)]
    limit: u32,
    /// Around this time, in place of the newest: as it is printed (2026-11-21T14:03:20Z), 14:03 or 14:03:20 of the
    /// last 24 hours in UTC, or how long ago (10m)
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    at: Option<SystemTime>,
    /// With every figure behind each
    #[arg(long)]
    figures: bool,
    /// As JSON, one decision a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    which: Which,
}

/// Runs the subcommand.
pub(crate) fn main(args: &Args) -> ExitCode {
    let reach = match args.which.reach() {
        Ok(reach) => reach,
        Err(code) => return code,
    };
    block_on(async {
        let service = service(&reach.cluster, args.service.as_deref())?;
        let mut client = reach.load_manager(service).await?;
        let at = args.at.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let at_unix_ms = at.map_or(0, |at| u64::try_from(at.as_millis()).unwrap_or(u64::MAX));
        let reply = client.why(question(WhyRequest { limit: args.limit, at_unix_ms })).await;
        let reply = reply.map_err(|status| words("the load-manager", &status))?;
        let mut text = String::new();
        for decision in &reply.into_inner().decisions {
            if args.json {
                text += &serde_json::to_string(decision).map_err(|fault| fault.to_string())?;
            } else {
                text += &line(decision);
                if args.figures {
                    text += &figures(decision);
                }
            }
            text.push('\n');
        }
        answer::give(text).map(drop)
    })
}

/// Whose decisions: of the service named, or of the only one there is.
fn service<'c>(cluster: &'c Cluster, name: Option<&str>) -> Result<&'c str, String> {
    if let (None, [first, _, ..]) = (name, cluster.services.as_slice()) {
        let names: Vec<_> = cluster.services.iter().map(|service| service.name.as_str()).collect();
        let (names, first) = (names.join(", "), &first.name);
        return Err(format!("there are several services ({names}); say which, like `accordion why {first}`"));
    }
    cluster.chosen_service(name).map(|service| service.name.as_str())
}

/// One decision as one line: when, what, and why.
pub(crate) fn line(decision: &Decision) -> String {
    let mut what = decision.action.clone();
    if decision.action != "hold" && decision.count > 0 {
        let _ = write!(what, " {}", decision.count);
    }
    if !decision.nodes.is_empty() {
        let _ = write!(what, " ({})", decision.nodes.join(", "));
    }
    let mut line = format!("{}  {what}: {}", times(decision), decision.sentence);
    if decision.repeats > 1 {
        let (min, max) = (decision.demand_min, decision.demand_max);
        let _ = write!(line, "  [{} times, demand {min:.1} to {max:.1}]", decision.repeats);
    }
    line
}

/// When it was; of several holds, from when to when.
fn times(decision: &Decision) -> String {
    let at = |ms| humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_millis(ms)).to_string();
    let (from, until) = (at(decision.unix_ms), at(decision.until_unix_ms.max(decision.unix_ms)));
    match (from.split_once('T'), until.split_once('T')) {
        _ if from == until => from,
        (Some((day, _)), Some((other, time))) if day == other => format!("{from} to {time}"),
        _ => format!("{from} to {until}"),
    }
}

fn figures(decision: &Decision) -> String {
    let figures = decision.figures.unwrap_or_default();
    format!(
        "\n    level {}  demand fast {:.1} slow {:.1}  in flight fast {:.1} slow {:.1}  arrivals {:.1}/s  service time \
         {:.1} ms  queued {}  capacity {:.1}{}  ready {} ({} out)  ordered {}  draining {}  want {} (largest {})",
        decision.level,
        figures.demand_fast,
        figures.demand_slow,
        figures.in_flight_fast,
        figures.in_flight_slow,
        figures.arrivals_per_s,
        figures.service_time_ms,
        figures.queued,
        figures.capacity,
        learned(&figures),
        figures.ready,
        figures.out,
        figures.ordered,
        figures.draining,
        figures.want,
        figures.want_max,
    )
}

/// What the capacity is made of, where nobody has written that.
fn learned(figures: &Figures) -> String {
    match figures.copy_capacity {
        0.0 => String::new(),
        capacity => format!(" ({capacity:.1} a copy, by \"auto\")"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_services_one_has_to_be_named() {
        let table = |name: &str, port: u16| {
            format!(
                "[service.{name}]\nfront_end = \"127.0.0.1\"\nlisten = \"127.0.0.1:{port}\"\n\
                 command = [\"x\", \"{{port}}\"]\ncapacity = 8\n"
            )
        };
        let file = |services: &str| {
            cluster::config::parse("x", &format!("[cluster]\nname = \"t\"\n{services}")).unwrap()
        };
        assert_eq!(service(&file(&table("shop", 80)), None), Ok("shop"));
        let two = file(&(table("blog", 80) + &table("shop", 81)));
        assert_eq!(service(&two, Some("shop")), Ok("shop"));
        let words = "there are several services (blog, shop); say which, like `accordion why blog`";
        assert_eq!(service(&two, None).unwrap_err(), words);
    }

    #[test]
    fn a_row_of_holds_is_one_line_with_its_count_and_range() {
        let decision = Decision {
            unix_ms: 1_000,
            action: "hold".into(),
            sentence: "Medium".into(),
            repeats: 30,
            demand_min: 3.0,
            demand_max: 5.25,
            ..Decision::default()
        };
        assert_eq!(line(&decision), "1970-01-01T00:00:01Z  hold: Medium  [30 times, demand 3.0 to 5.2]");
    }

    #[test]
    fn a_row_of_holds_has_its_first_and_its_last_time() {
        let hour = 60 * 60 * 1000;
        let hold = |from, until| {
            line(&Decision {
                unix_ms: from,
                until_unix_ms: until,
                action: "hold".into(),
                ..Decision::default()
            })
        };
        assert!(hold(10 * hour, 11 * hour).starts_with("1970-01-01T10:00:00Z to 11:00:00Z  hold"));
        assert!(hold(23 * hour, 25 * hour).starts_with("1970-01-01T23:00:00Z to 1970-01-02T01:00:00Z  hold"));
        // Within a second, or from a file that does not say.
        assert!(hold(hour, hour + 900).starts_with("1970-01-01T01:00:00Z  hold"));
        assert!(hold(hour, 0).starts_with("1970-01-01T01:00:00Z  hold"));
    }

    #[test]
    fn a_change_names_its_nodes() {
        let decision = Decision {
            action: "drain".into(),
            count: 1,
            nodes: vec!["c3".into()],
            sentence: "Low".into(),
            repeats: 1,
            ..Decision::default()
        };
        assert_eq!(line(&decision), "1970-01-01T00:00:00Z  drain 1 (c3): Low");
    }
}
