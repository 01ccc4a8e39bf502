//! `accordion drain NODE` and `undrain NODE`: the operator's word on a node. The node keeps it, also
//! over its own restart, and asks the front ends that hold it to drain it.

use std::process::ExitCode;
use std::time::Duration;

use proto::task_processor::{SetMaintenanceReply, SetMaintenanceRequest};

use crate::answer;
use crate::reach::{Nodes, Which, block_on, question, words};

/// The command line of `undrain`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The node's name in cluster.toml
    #[arg(value_name = "NODE")]
    node: String,
    #[command(flatten)]
    which: Which,
}

/// The command line of `drain`.
#[derive(Debug, clap::Args)]
pub(crate) struct DrainArgs {
    #[command(flatten)]
    args: Args,
    /// Cut the requests that still run when the notice is over (`reclaim_notice` in cluster.toml), in place of
    /// waiting for them
    #[arg(long)]
    now: bool,
}

/// Drains the node.
pub(crate) fn drain(args: &DrainArgs) -> ExitCode {
    say(&args.args, SetMaintenanceRequest { maintenance: true, now: args.now })
}

/// Lets it be borrowed again.
pub(crate) fn undrain(args: &Args) -> ExitCode {
    say(args, SetMaintenanceRequest { maintenance: false, now: false })
}

fn say(args: &Args, wanted: SetMaintenanceRequest) -> ExitCode {
    let reach = match args.which.reach() {
        Ok(reach) => reach,
        Err(code) => return code,
    };
    block_on(async {
        let name = &args.node;
        let Some(node) = reach.cluster.node(name) else {
            let names: Vec<_> = reach.cluster.nodes.iter().map(|node| node.name.as_str()).collect();
            return Err(format!("cluster.toml has no node {name:?}; it has: {}", names.join(", ")));
        };
        let mut client = Nodes::of(&reach.cluster)?.task_processor(node).await?;
        let whom = format!("the task-processor of {name}");
        let reply = client.set_maintenance(question(wanted)).await.map_err(|status| words(&whom, &status))?;
        answer::give(sentence(name, wanted.maintenance, reply.into_inner()) + "\n").map(drop)
    })
}

fn sentence(
    node: &str,
    drained: bool,
    SetMaintenanceReply { leases, notice_ms }: SetMaintenanceReply,
) -> String {
    let services = format!("{leases} service{}", if leases == 1 { "" } else { "s" });
    match (drained, leases, notice_ms.map(Duration::from_millis)) {
        (false, ..) => format!("{node} may be borrowed again"),
        (true, 0, _) => format!("{node} is drained; nobody borrows it until `accordion undrain {node}`"),
        (true, _, None) => format!(
            "{node} is being drained of {services}; its requests end first (see `accordion status`), and nobody \
             borrows it until `accordion undrain {node}`"
        ),
        (true, _, Some(notice)) => format!(
            "{node} is being drained of {services}; requests that still run in {:.0} s are cut, and nobody borrows \
             it until `accordion undrain {node}`",
            notice.as_secs_f64()
        ),
    }
}
