//! `accordion status`: what serves, what is borrowed, and what was decided last, as a table that a
//! person reads or as JSON. Where several services share the pool, also who holds which node.

mod certificates;
mod pool;
mod table;

use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use proto::load_manager as decisions;
use proto::service_manager as front;
use serde::Serialize;

use crate::reach::{Nodes, Reach, Which, block_on, question, words};

/// How often `--watch` looks again.
const WATCH_EVERY: Duration = Duration::from_secs(1);

/// Home, and clear from there to the end: less flicker than clearing first.
const REDRAW: &str = "\x1b[H\x1b[J";

/// Its command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only this service
    #[arg(value_name = "SERVICE")]
    service: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
    /// Again each second, until Ctrl-C
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    which: Which,
}

/// One front end as it is now.
#[derive(Debug, Serialize)]
pub(crate) struct ServiceView {
    service: String,
    /// The machine that its clients reach.
    front_end: String,
    /// What its service-manager says, or why it says nothing.
    service_manager: Result<front::StatusReply, String>,
    /// What its load-manager says, or why it says nothing.
    load_manager: Result<decisions::StatusReply, String>,
}

/// Runs the subcommand.
pub(crate) fn main(args: &Args) -> ExitCode {
    let reach = match args.which.reach() {
        Ok(reach) => reach,
        Err(code) => return code,
    };
    block_on(async {
        loop {
            let views = views(&reach, args.service.as_deref()).await?;
            // The one service of a file shows its nodes itself; of several each shows only its own view.
            let is_shared = args.service.is_none() && reach.cluster.services.len() > 1;
            // With certificates every node is asked all the same: only it knows when its own ends.
            let nodes = Nodes::of(&reach.cluster);
            let is_asked = is_shared || reach.cluster.tls.is_some();
            let pool = if is_asked { Some(pool::ask(&reach.cluster.nodes, &nodes).await) } else { None };
            let text = if args.json {
                json(&views, pool.as_deref())?
            } else {
                let shown = pool.as_deref().filter(|_| is_shared);
                whole(&views, shown) + &certificates(&views, pool.as_deref(), nodes)
            };
            let text = if args.watch && !args.json { format!("{REDRAW}{text}") } else { text };
            let mut out = std::io::stdout().lock();
            // A reader that has gone away (`| head`) is the end of the watching.
            if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
                return Ok(());
            }
            drop(out);
            if !args.watch {
                return all_answer(&views);
            }
            tokio::time::sleep(WATCH_EVERY).await;
        }
    })
}

async fn views(reach: &Reach, only: Option<&str>) -> Result<Vec<ServiceView>, String> {
    let mut views = Vec::new();
    if only.is_some() {
        reach.cluster.chosen_service(only)?;
    }
    for service in
        reach.cluster.services.iter().filter(|service| only.is_none_or(|only| service.name == only))
    {
        views.push(ServiceView {
            service: service.name.clone(),
            front_end: service.front_end.to_string(),
            service_manager: front_status(reach, &service.name).await,
            load_manager: decisions_status(reach, &service.name).await,
        });
    }
    Ok(views)
}

async fn front_status(reach: &Reach, service: &str) -> Result<front::StatusReply, String> {
    let mut client = reach.service_manager(service).await?;
    let reply = client.status(question(front::StatusRequest {})).await;
    reply.map(tonic::Response::into_inner).map_err(|status| words("the service-manager", &status))
}

async fn decisions_status(reach: &Reach, service: &str) -> Result<decisions::StatusReply, String> {
    let mut client = reach.load_manager(service).await?;
    let reply = client.status(question(decisions::StatusRequest {})).await;
    reply.map(tonic::Response::into_inner).map_err(|status| words("the load-manager", &status))
}

/// Exit status 1 when nobody answers at all.
fn all_answer(views: &[ServiceView]) -> Result<(), String> {
    let silent = |view: &ServiceView| view.service_manager.is_err() && view.load_manager.is_err();
    if views.iter().all(silent) {
        Err("nothing of this cluster runs on this machine".to_owned())
    } else {
        Ok(())
    }
}

fn whole(views: &[ServiceView], pool: Option<&[pool::NodeView]>) -> String {
    table::of(views) + &pool.map(pool::of).unwrap_or_default()
}

fn certificates(
    views: &[ServiceView],
    pool: Option<&[pool::NodeView]>,
    nodes: Result<Nodes, String>,
) -> String {
    match nodes {
        Ok(nodes) => certificates::of(views, pool.unwrap_or_default(), &nodes, SystemTime::now()),
        Err(why) => why + "\n",
    }
}

fn json(views: &[ServiceView], pool: Option<&[pool::NodeView]>) -> Result<String, String> {
    #[derive(Serialize)]
    struct Whole<'a> {
        services: &'a [ServiceView],
        #[serde(skip_serializing_if = "Option::is_none")]
        pool: Option<&'a [pool::NodeView]>,
    }
    let text = serde_json::to_string_pretty(&Whole { services: views, pool });
    Ok(text.map_err(|fault| fault.to_string())? + "\n")
}
