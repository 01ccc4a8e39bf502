//! `accordion upgrade [SERVICE]`: a front end goes on with the program that is installed now, without a connection
//! refused or a stream cut. The service-manager does it; here it is asked and waited for.

use std::process::ExitCode;

use proto::service_manager::{UpgradeReply, UpgradeRequest};

use crate::answer;
use crate::reach::{Which, block_on, words};

/// Its command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The service of cluster.toml; may be left out when there is one
    #[arg(value_name = "SERVICE")]
    service: Option<String>,
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
        let service = reach.cluster.chosen_service(args.service.as_deref());
        let name = &service.map_err(|fault| fault.to_string())?.name;
        let mut client = reach.service_manager(name).await?;
        // It answers in its own time, which depends on the service's `start_timeout`.
        let reply = client.upgrade(UpgradeRequest {}).await;
        let reply = reply.map_err(|status| words(&format!("the service-manager of {name}"), &status))?;
        let UpgradeReply { pid, predecessor } = reply.into_inner();
        let sentence = format!(
            "{name}: process {pid} serves now, and process {predecessor} ends when nothing runs there any more\n"
        );
        answer::give(sentence).map(drop)
    })
}
