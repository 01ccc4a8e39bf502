//! `accordion doctor`: looks for the usual faults, on this machine and as far as can be seen from it, and
//! says the remedy of each in one line.
//!
//! `here` looks at the machine, `certificates` at its certificates, `front` at a service's front end, `node` at a
//! node. A part that looks at something else is one more function with findings beside these.

mod certificates;
mod clock;
mod finding;
mod front;
mod here;
mod node;
mod probe;

use std::path::Path;
use std::process::ExitCode;

use cluster::config::{self, Cluster};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::answer;
use crate::check;
use crate::reach::{Nodes, Reach, Which};
use finding::{Finding, Verdict};

/// Nodes that are looked at side by side: one that is silent takes the whole time for its probe.
const ASKED_MAX: usize = 256;

/// Its command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    which: Which,
}

/// All of it, for programs.
#[derive(Debug, Serialize)]
struct Report<'a> {
    /// How many there are of each verdict.
    ok: usize,
    warn: usize,
    fail: usize,
    findings: &'a [Finding],
}

/// 0 when nothing failed, warnings or not; 1 otherwise.
pub(crate) fn main(args: &Args) -> ExitCode {
    let daemon_args = args.which.daemon_args();
    let findings = match config::read(daemon_args.config_path()) {
        Ok(cluster) => match daemon_args.places(&cluster) {
            Ok(directories) => examine(daemon_args.config_path(), Reach::of(cluster, directories)),
            Err(fault) => {
                vec![Finding::fail("runtime directory", fault.to_string(), "say where with --runtime-dir")]
            }
        },
        Err(faults) => {
            let finding = |fault: &config::Fault| {
                Finding::fail("cluster.toml", fault.to_string(), "mend it, and see `accordion check`")
            };
            faults.iter().map(finding).collect()
        }
    };
    let has_failed = findings.iter().any(|finding| finding.verdict == Verdict::Fail);
    answer::give_last(text(&findings, args.json), ExitCode::from(u8::from(has_failed)))
}

fn text(findings: &[Finding], is_json: bool) -> String {
    let count = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    let (ok, warn, fail) = (count(Verdict::Ok), count(Verdict::Warn), count(Verdict::Fail));
    if is_json {
        let report = Report { ok, warn, fail, findings };
        return serde_json::to_string_pretty(&report).expect("words and numbers are JSON") + "\n";
    }
    let lines: String = findings.iter().map(|finding| format!("{finding}\n")).collect();
    format!("{lines}{ok} ok, {warn} to look at, {fail} failed\n")
}

fn examine(file: &Path, reach: Reach) -> Vec<Finding> {
    let cluster = &reach.cluster;
    let size = check::size(cluster);
    let file = format!("{} is good: {size}, digest {}", file.display(), cluster.digest());
    let mut findings =
        vec![Finding::ok("cluster.toml", file), here::runtime_directory(&reach.directories().runtime)];
    findings.extend(here::services(cluster));
    findings.extend(certificates::of_this_machine(cluster));
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => findings.extend(runtime.block_on(probed(&reach))),
        Err(fault) => {
            findings.push(Finding::fail("this program", format!("no runtime: {fault}"), "see ulimit -u"));
        }
    }
    findings
}

/// Everything that has to be asked, side by side, in the order of the file.
async fn probed(reach: &Reach) -> Vec<Finding> {
    let Cluster { services, nodes, .. } = &reach.cluster;
    let digest = reach.cluster.digest();
    let ways = Nodes::of(&reach.cluster);
    let (mut found, mut asked) = (Vec::new(), JoinSet::new());
    for (index, service) in services.iter().cloned().enumerate() {
        let (reach, digest) = (reach.clone(), digest.clone());
        asked.spawn(async move { (index, front::look(reach, service, digest).await) });
    }
    for (index, node) in nodes.iter().cloned().enumerate() {
        if asked.len() >= ASKED_MAX {
            found.extend(asked.join_next().await.and_then(Result::ok));
        }
        let (index, digest, ways) = (services.len() + index, digest.clone(), ways.clone());
        asked.spawn(async move { (index, node::look(node, ways, digest).await) });
    }
    while let Some(answered) = asked.join_next().await {
        found.extend(answered.ok());
    }
    found.sort_by_key(|(index, _)| *index);
    found.into_iter().flat_map(|(_, findings)| findings).collect()
}
