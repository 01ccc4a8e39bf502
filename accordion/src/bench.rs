//! `accordion bench`: what Accordion costs on this machine, beside what the others cost.
//!
//! Here is only which benchmark is meant; each has a file of its name, and shares with the others its `client`,
//! its `progress` and the `tools` of others.

pub(crate) mod client;
mod paper;
mod progress;
mod proxy;
mod tools;

use std::process::ExitCode;

/// Its command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    which: Which,
}

/// One variant for each benchmark; the first lines are what `--help` shows.
#[derive(Debug, clap::Subcommand)]
enum Which {
    /// The data path against Debian's nginx and HAProxy, one worker each: CPU time, latency, memory, slow clients
    Proxy(proxy::Args),
}

/// Runs the benchmark.
pub(crate) fn main(args: &Args) -> ExitCode {
    match &args.which {
        Which::Proxy(args) => proxy::main(args),
    }
}
