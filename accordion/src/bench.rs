//! `accordion bench`: what Accordion costs on this machine, beside what the others cost.
//!
//! Here is only which benchmark is meant; each has a file of its name, and shares with the others its `client`,
//! its `progress`, its `plot`s and the `tools` of others. `capacity_chart` is what a calibration borrows of them.

pub(crate) mod capacity_chart;
pub(crate) mod client;
mod paper;
mod plot;
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
    /// The experiments of the paper of 2004 on an emulated rack, beside nginx and HAProxy; takes root
    Paper(paper::Args),
    /// A thread for each connection, as the paper's relay; only the benchmark has a use for it
    #[command(hide = true)]
    ThreadRelay(paper::thread_relay::Args),
}

/// Runs the benchmark.
pub(crate) fn main(args: &Args) -> ExitCode {
    match &args.which {
        Which::Proxy(args) => proxy::main(args),
        Which::Paper(args) => paper::main(args),
        Which::ThreadRelay(args) => paper::thread_relay::main(args),
    }
}
