//! The one command people type, and every daemon of Accordion in one binary.
//!
//! Here is the command line and where each command goes; what it does is in the file of its name,
//! and what a daemon does in the daemon's own crate.

mod affinity;
mod answer;
mod bench;
mod ca;
mod calibrate;
mod check;
mod completions;
mod demo_service;
mod doctor;
mod drain;
mod exit;
mod man;
mod picture;
mod progress_line;
mod rack;
mod reach;
mod reload;
mod spread;
mod starter;
mod status;
mod up;
mod upgrade;
mod what_if;
mod why;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

/// Keeps an HTTP service answering steadily: borrows machines as its load rises, gives them back as it falls.
///
/// Without a command it does `accordion up`: the whole cluster of ./cluster.toml on this machine.
#[derive(Debug, Parser)]
#[command(name = "accordion", version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

/// One variant for each command; the first lines are what `--help` shows.
#[derive(Debug, Subcommand)]
enum Command {
    /// Run the whole cluster on this machine until Ctrl-C (what is done without a command)
    Up(up::Args),
    /// Read a cluster.toml, tell every fault in it, and start nothing
    Check(check::Args),
    /// Look for the usual faults of a cluster, on this machine and as seen from it, and say the remedies
    Doctor(doctor::Args),
    /// Have the daemons of this machine read their cluster.toml again, and tell what came of it
    Reload(reload::Args),
    /// Show what serves, what is borrowed, and what was decided last
    Status(status::Args),
    /// Show the recent decisions, each with its reason
    Why(why::Args),
    /// Play a load to other settings or another policy: what would have been overloaded, held, decided
    WhatIf(what_if::Args),
    /// Find what one copy of a service handles well: its capacity, and where Low and High lie
    Calibrate(calibrate::Args),
    /// Take a node out for maintenance: its requests end first, or by a deadline, then nobody borrows it
    Drain(drain::DrainArgs),
    /// Let a drained node be borrowed again
    Undrain(drain::Args),
    /// Replace a running service-manager by the program that is installed now: no connection refused, no stream cut
    Upgrade(upgrade::Args),
    /// Make the certificates by which the machines of a cluster know each other
    Ca(ca::Args),
    /// Emulate the machines of a cluster on this one: addresses, links and CPU of their own
    Rack(rack::Args),
    /// Compare what a request costs here with nginx and HAProxy
    Bench(bench::Args),
    /// Daemon of a front end: relays each request to the local copy or to a node
    ServiceManager(service_manager::Args),
    /// Daemon of a front end: watches the load, borrows nodes and gives them back
    LoadManager(load_manager::Args),
    /// Daemon of a node: grants leases, runs the service and relays requests to it
    TaskProcessor(task_processor::Args),
    /// Run the service that is there to try a cluster with
    DemoService(demo_service::Args),
    /// Write what a shell needs to complete this command line: bash, zsh, fish and others
    Completions(completions::Args),
    /// Write the manual pages into a directory; for packages
    #[command(hide = true)]
    Man(man::Args),
    /// Have systemd start a service for a daemon; only accordion-starter.socket has a use for it
    #[command(hide = true)]
    Starter(starter::Args),
    /// Become a daemon that ends with `accordion up`; only `up` itself has a use for it
    #[command(hide = true)]
    Tethered(up::tether::Args),
}

/// Does what the command line says; clap itself ends a wrong one with status 2.
pub fn run() -> ExitCode {
    let command = Cli::parse().command.unwrap_or_else(|| Command::Up(up::Args::from_environment()));
    match command {
        Command::Up(args) => up::main(&args),
        Command::Check(args) => check::main(&args),
        Command::Doctor(args) => doctor::main(&args),
        Command::Reload(args) => reload::main(&args),
        Command::Status(args) => status::main(&args),
        Command::Why(args) => why::main(&args),
        Command::WhatIf(args) => what_if::main(&args),
        Command::Calibrate(args) => calibrate::main(&args),
        Command::Drain(args) => drain::drain(&args),
        Command::Undrain(args) => drain::undrain(&args),
        Command::Upgrade(args) => upgrade::main(&args),
        Command::Ca(args) => ca::main(&args),
        Command::Rack(args) => rack::main(&args),
        Command::Bench(args) => bench::main(&args),
        Command::ServiceManager(args) => service_manager::main(args),
        Command::LoadManager(args) => load_manager::main(args),
        Command::TaskProcessor(args) => task_processor::main(args),
        Command::DemoService(args) => demo_service::main(&args),
        Command::Completions(args) => completions::main(&args, Cli::command()),
        Command::Man(args) => man::main(&args, &Cli::command()),
        Command::Starter(args) => starter::main(args),
        Command::Tethered(args) => up::tether::main(&args),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_free_of_contradictions() {
        Cli::command().debug_assert();
    }

    #[test]
    fn without_a_command_it_is_up() {
        assert!(Cli::try_parse_from(["accordion"]).unwrap().command.is_none());
    }
}
