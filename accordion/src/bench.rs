//! `accordion bench`: what Accordion costs on this machine, beside what the others cost.
//!
//! Here is only which benchmark is meant; each has a file of its name, and shares with the others its `client`,
//! its `progress`, its `plot`s and the `tools` of others. `capacity_chart` is what a calibration borrows of them.

pub(crate) mod capacity_chart;
pub(crate) mod client;
mod folder;
mod paper;
mod plot;
mod probe;
mod progress;
mod proxy;
mod tools;

use std::process::ExitCode;

use anyhow::Context;

use crate::exit::EXIT_UNAVAILABLE;

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

/// Why it cannot be done here, in a sentence.
fn unavailable(sentence: &str) -> ExitCode {
    eprintln!("accordion bench: {sentence}");
    ExitCode::from(EXIT_UNAVAILABLE)
}

/// Carries a benchmark out on this thread.
fn carry_out(bench: impl Future<Output = anyhow::Result<ExitCode>>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = runtime.context("no runtime").and_then(|runtime| {
        let ended = runtime.block_on(bench);
        // A client that still runs ends by itself.
        runtime.shutdown_background();
        ended
    });
    ended.unwrap_or_else(|fault| {
        eprintln!("accordion bench: {fault:#}");
        ExitCode::FAILURE
    })
}

/// Those who take part in the order of a round: each round another one is first.
fn rotated<T: Clone>(all: &[T], round: usize) -> Vec<T> {
    let mut order = all.to_vec();
    order.rotate_left(round % all.len().max(1));
    order
}
