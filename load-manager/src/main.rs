//! The load-manager: a front end's decisions. See `load_manager::run`.

use std::process::ExitCode;

use clap::Parser;

/// Watches the load of one of Accordion's services, adds nodes and drains them.
#[derive(Parser)]
#[command(name = "load-manager", version)]
struct Command {
    #[command(flatten)]
    args: load_manager::Args,
}

fn main() -> ExitCode {
    cluster::guard::enter_if_asked();
    load_manager::main(Command::parse().args)
}
