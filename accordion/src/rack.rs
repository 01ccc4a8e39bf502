//! `accordion rack`: a rack of machines that are not there. Each is a network namespace with an address of its
//! own on a switch, a link of the rate and delay that is said, and a share of this machine's CPU; in them run the
//! daemons of a whole cluster, as on machines.
//!
//! `plan` says which machines there are, `network` makes them, `link` shapes their links, `share` caps their
//! CPU and `cpu` says which one it is, `inside` puts a process into one, `left` finds what a killed rack left behind.

mod cpu;
mod inside;
mod left;
mod link;
mod made;
mod network;
mod plan;
mod share;
mod up;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Context;

use crate::exit::EXIT_UNAVAILABLE;

pub(crate) use inside::{Place, enter};
pub(crate) use link::{Link, Rate};
pub(crate) use made::Rack;
use network::Network;
pub(crate) use plan::{CLIENT, Plan, Shares, name as rack_name};
pub(crate) use share::Share;

/// Its command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

/// One variant for each thing to do; the first lines are what `--help` shows.
#[derive(Debug, clap::Subcommand)]
enum What {
    /// Make the machines and run a whole cluster on them until Ctrl-C; takes root
    Up(up::Args),
    /// Run a command on one of the machines: client, front, c1, c2 and so on
    Exec(Exec),
    /// Take away what a rack left that was killed
    Down(Name),
}

/// Which rack.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Name {
    /// What the rack is called, where there are several at a time: letters, digits and "-"
    #[arg(long, default_value = "rack", value_parser = plan::name)]
    name: String,
}

/// A command and where.
#[derive(Debug, clap::Args)]
struct Exec {
    #[command(flatten)]
    name: Name,

    /// The machine
    machine: String,

    /// The command and its arguments
    #[arg(trailing_var_arg = true, required = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

/// 69 where this machine cannot carry a rack, 1 when something failed.
pub(crate) fn main(args: &Args) -> ExitCode {
    if !rustix::process::geteuid().is_root() {
        eprintln!(
            "accordion rack: it makes network namespaces and caps CPU, which takes root: run it with sudo"
        );
        return ExitCode::from(EXIT_UNAVAILABLE);
    }
    let ended = match &args.what {
        What::Up(args) => return up::main(args),
        What::Exec(Exec { name, machine, command }) => {
            Err(inside::exec(&Place::of(&name.name, machine), command)).context(format!("machine {machine}"))
        }
        What::Down(name) => left::clear(&name.name),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("accordion rack: {fault:#}");
            ExitCode::FAILURE
        }
    }
}
