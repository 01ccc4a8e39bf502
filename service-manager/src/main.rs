//! The service-manager: a front end's door. See `service_manager::run`.

use std::process::ExitCode;

use clap::Parser;

/// The front door of one of Accordion's services.
#[derive(Parser)]
#[command(name = "service-manager", version)]
struct Command {
    #[command(flatten)]
    args: service_manager::Args,
}

fn main() -> ExitCode {
    cluster::guard::enter_if_asked();
    service_manager::main(Command::parse().args)
}
