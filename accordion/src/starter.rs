//! `accordion starter`, which systemd runs as root for one request of a daemon: have a copy of a service started
//! as a unit of its own, or ended. Nobody types it.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;

use cluster::starter::{Starter, is_root};

/// What the unit of systemd says.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The cluster's configuration, which only root may be able to write
    #[arg(long, value_name = "FILE", default_value = "/etc/accordion/cluster.toml")]
    config: PathBuf,

    /// A directory of root's own, which every user may pass
    #[arg(long, value_name = "DIR", default_value = "/run/accordion-starter")]
    directory: PathBuf,
}

/// Serves the connection that is standard input. What it did or refused goes to stderr, for the journal.
pub(crate) fn main(args: Args) -> ExitCode {
    match served(args) {
        Ok(words) => {
            eprintln!("{words}");
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!("refused: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn served(args: Args) -> Result<String, String> {
    if !is_root() {
        return Err("systemd starts this, as root: systemctl start accordion-starter.socket".to_owned());
    }
    let connection = io::stdin().as_fd().try_clone_to_owned().map(UnixStream::from);
    let connection = connection.map_err(|error| format!("no connection: {error}"))?;
    Starter { config: args.config, directory: args.directory }.serve(connection)
}
