//! The node's daemon as a program of its own, for systemd. `accordion task-processor` is the same.

use std::process::ExitCode;

use clap::Parser;

/// Lends this machine to the cluster: grants leases, runs the service, relays and counts its requests.
#[derive(Debug, Parser)]
#[command(name = "task-processor", version)]
struct Command {
    #[command(flatten)]
    args: task_processor::Args,
}

fn main() -> ExitCode {
    // A guard is this program started again; it must not get any further.
    cluster::guard::enter_if_asked();
    task_processor::main(Command::parse().args)
}
