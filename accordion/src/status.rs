//! `accordion status`: what serves, what is borrowed, and what was decided last, as a table that a
//! person reads or as JSON. Where several services share the pool, also who holds which node.

mod certificates;
mod pool;
mod table;

use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use cluster::config::Cluster;
use proto::load_manager as decisions;
use proto::service_manager as front;
use serde::Serialize;

use crate::answer::{self, Reader};
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
            let digest = reach.cluster.digest();
            let text = if args.json {
                json(&views, pool.as_deref(), &digest)?
            } else {
                let shown = pool.as_deref().filter(|_| is_shared);
                whole(&views, shown, &digest) + &certificates(&views, pool.as_deref(), nodes)
            };
            let text = if args.watch && !args.json { format!("{REDRAW}{text}") } else { text };
            // A reader that has gone away is the end of the watching.
            if answer::give(text)? == Reader::Gone {
                return Ok(());
            }
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

fn whole(views: &[ServiceView], pool: Option<&[pool::NodeView]>, digest: &str) -> String {
    let mut text = table::of(views) + &pool.map(pool::of).unwrap_or_default();
    for of in other_files(views, pool.unwrap_or_default(), digest) {
        text += &format!("{of} has read another cluster.toml than this one: see `accordion doctor`\n");
    }
    text
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

/// The nodes that answer and go by another file than the one with this digest.
pub(crate) async fn nodes_of_another_file(cluster: &Cluster, digest: &str) -> Vec<String> {
    let pool = pool::ask(&cluster.nodes, &Nodes::of(cluster)).await;
    let differs = |node: &&pool::NodeView| {
        node.config_digest().is_some_and(|theirs| !theirs.is_empty() && theirs != digest)
    };
    pool.iter().filter(differs).map(|node| node.name().to_owned()).collect()
}

/// The daemons that go by another file than the one with this digest.
fn other_files(views: &[ServiceView], pool: &[pool::NodeView], digest: &str) -> Vec<String> {
    let differs = |theirs: &str| !theirs.is_empty() && theirs != digest;
    let mut others = Vec::new();
    for ServiceView { service, service_manager, load_manager, .. } in views {
        if service_manager.as_ref().is_ok_and(|status| differs(&status.config_digest)) {
            others.push(format!("the service-manager of {service}"));
        }
        if load_manager.as_ref().is_ok_and(|status| differs(&status.config_digest)) {
            others.push(format!("the load-manager of {service}"));
        }
    }
    let nodes = pool.iter().filter(|node| node.config_digest().is_some_and(differs));
    others.extend(nodes.map(|node| format!("node {}", node.name())));
    others
}

fn json(
    views: &[ServiceView],
    pool: Option<&[pool::NodeView]>,
    config_digest: &str,
) -> Result<String, String> {
    #[derive(Serialize)]
    struct Whole<'a> {
        /// Of the file that was read here; those of the daemons are in their parts.
        config_digest: &'a str,
        services: &'a [ServiceView],
        #[serde(skip_serializing_if = "Option::is_none")]
        pool: Option<&'a [pool::NodeView]>,
    }
    let text = serde_json::to_string_pretty(&Whole { config_digest, services: views, pool });
    Ok(text.map_err(|fault| fault.to_string())? + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(front: &str, decisions: &str) -> ServiceView {
        ServiceView {
            service: "shop".into(),
            front_end: "127.0.0.1".into(),
            service_manager: Ok(front::StatusReply { config_digest: front.into(), ..Default::default() }),
            load_manager: Ok(decisions::StatusReply {
                config_digest: decisions.into(),
                ..Default::default()
            }),
        }
    }

    /// The names of all fields, at any depth.
    fn names(value: &serde_json::Value, into: &mut std::collections::BTreeSet<String>) {
        if let Some(object) = value.as_object() {
            into.extend(object.keys().cloned());
            object.values().for_each(|inner| names(inner, into));
        }
        value.as_array().into_iter().flatten().for_each(|inner| names(inner, into));
    }

    #[test]
    fn every_field_of_the_json_is_documented() {
        let mut view = view("1f", "1f");
        let front = view.service_manager.as_mut().unwrap();
        (front.local, front.children) = (Some(Default::default()), vec![Default::default()]);
        let decisions = view.load_manager.as_mut().unwrap();
        decisions.nodes = vec![Default::default()];
        (decisions.claim, decisions.rollout) = (Some(Default::default()), Some(Default::default()));
        decisions.last =
            Some(decisions::Decision { figures: Some(Default::default()), ..Default::default() });
        let text = json(&[view], Some(&[pool::NodeView::sample()]), "1f").unwrap();
        let mut fields = std::collections::BTreeSet::new();
        names(&serde_json::from_str(&text).unwrap(), &mut fields);
        assert!(fields.len() > 70, "{fields:?}");
        let documented = include_str!("../../docs/json.md");
        let is_told =
            |field: &String| ["`", "\""].iter().any(|end| documented.contains(&(field.clone() + end)));
        let missing: Vec<_> = fields.into_iter().filter(|field| !is_told(field)).collect();
        assert_eq!(missing, [""; 0]);
    }

    #[test]
    fn daemons_that_go_by_another_file_are_named() {
        let others = |front, decisions| other_files(&[view(front, decisions)], &[], "1f");
        assert_eq!(others("1f", "1f"), [""; 0]);
        assert_eq!(others("1f", "2e"), ["the load-manager of shop"]);
        assert_eq!(others("2e", "1f"), ["the service-manager of shop"]);
        // One of an earlier version does not say.
        assert_eq!(others("", "1f"), [""; 0]);
    }
}
