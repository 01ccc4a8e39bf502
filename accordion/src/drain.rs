//! `accordion drain NODE` and `undrain NODE`: the operator's word on a node. The node keeps it, also
//! over its own restart, and asks the front ends that hold it to drain it.

use std::process::ExitCode;

use proto::task_processor::SetMaintenanceRequest;

use crate::reach::{Reach, Which, block_on, question, words};

/// Its command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The node's name in cluster.toml
    #[arg(value_name = "NODE")]
    node: String,
    #[command(flatten)]
    which: Which,
}

/// Drains the node (`drained`), or lets it be borrowed again.
pub(crate) fn main(args: &Args, drained: bool) -> ExitCode {
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
        let mut client = Reach::task_processor(node).await?;
        let request = question(SetMaintenanceRequest { maintenance: drained });
        let whom = format!("the task-processor of {name}");
        let reply = client.set_maintenance(request).await.map_err(|status| words(&whom, &status))?;
        #[allow(clippy::print_stdout)] // the answer to the person who typed the command
        {
            println!("{}", sentence(name, drained, reply.into_inner().leases));
        }
        Ok(())
    })
}

fn sentence(node: &str, drained: bool, leases: u32) -> String {
    match (drained, leases) {
        (true, 0) => format!("{node} is drained; nobody borrows it until `accordion undrain {node}`"),
        (true, leases) => format!(
            "{node} is being drained of {leases} service{}; its requests end first (see `accordion status`), and nobody \
             borrows it until `accordion undrain {node}`",
            if leases == 1 { "" } else { "s" }
        ),
        (false, _) => format!("{node} may be borrowed again"),
    }
}
