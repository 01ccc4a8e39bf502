//! `accordion check`: reads a cluster.toml as every daemon does and tells what is wrong with it.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use cluster::config::Cluster;
use cluster::daemon::DaemonArgs;

/// What `accordion check` is told on its command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The file to read [default: ./cluster.toml, else /etc/accordion/cluster.toml]
    #[arg(value_name = "FILE", env = "ACCORDION_CONFIG")]
    file: Option<PathBuf>,
}

/// 0 for a good file, 78 for one with faults.
pub(crate) fn main(args: &Args) -> ExitCode {
    let args = DaemonArgs { config: args.file.clone(), ..DaemonArgs::default() };
    match args.cluster() {
        Ok(cluster) => {
            // Nobody reads it: the status still tells.
            let _ = writeln!(io::stdout(), "{}: good: {}", args.config_path().display(), size(&cluster));
            ExitCode::SUCCESS
        }
        Err(status) => status,
    }
}

/// Like `3 nodes, 1 service`.
pub(crate) fn size(cluster: &Cluster) -> String {
    let count = |count: usize, noun: &str| match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    };
    format!("{}, {}", count(cluster.nodes.len(), "node"), count(cluster.services.len(), "service"))
}
