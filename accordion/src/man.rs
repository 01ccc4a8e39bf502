//! `accordion man DIR`: the manual pages, for whoever makes a package. The commands' are made of what
//! `--help` says, cluster.toml(5) of what the reference file says.

mod reference;
mod sections;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use sections::{Part, Section};

/// Its command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where the pages go, made where it is missing
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

/// The commands that are pages of section 8, by their own names.
const DAEMONS: [&str; 3] = ["service-manager", "load-manager", "task-processor"];

const MANUAL: &str = "Accordion";

/// Writes the pages of `cli` and of cluster.toml.
pub(crate) fn main(args: &Args, cli: &Command) -> ExitCode {
    match write(&args.directory, cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("accordion man: {}: {error}", args.directory.display());
            ExitCode::FAILURE
        }
    }
}

fn write(directory: &Path, cli: &Command) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    for (name, page) in pages(cli)? {
        fs::write(directory.join(name), page)?;
    }
    Ok(())
}

/// Every page by the name of its file.
fn pages(cli: &Command) -> io::Result<Vec<(String, Vec<u8>)>> {
    let is_daemon = |command: &Command| DAEMONS.contains(&command.get_name());
    let mut pages = vec![("cluster.toml.5".to_owned(), reference::page())];
    for daemon in cli.get_subcommands().filter(|command| is_daemon(command)) {
        let name = daemon.get_name().to_owned();
        let daemon = daemon.clone().bin_name(&name).display_name(&name).version(env!("CARGO_PKG_VERSION"));
        pages.push((format!("{name}.8"), page(daemon, "8", &sections::DAEMON)?));
    }
    let mut cli = cli.clone().disable_help_subcommand(true);
    for daemon in DAEMONS {
        cli = cli.mut_subcommand(daemon, |daemon| daemon.hide(true));
    }
    cli.build();
    for command in cli.get_subcommands().filter(|command| !command.is_hide_set()) {
        command_pages(command, &mut pages)?;
    }
    pages.push(("accordion.1".to_owned(), page(cli, "1", &sections::COMMAND)?));
    Ok(pages)
}

/// That of a command and of those below it.
fn command_pages(command: &Command, pages: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
    for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        command_pages(command, pages)?;
    }
    let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
    pages.push((format!("{name}.1"), page(command.clone(), "1", &sections::SUBCOMMAND)?));
    Ok(())
}

fn page(command: Command, section: &str, more: &[Section]) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command).section(section).manual(MANUAL).render(&mut page)?;
    let mut roff = Roff::new();
    for Section { title, parts } in more {
        roff.control("SH", [*title]);
        for part in *parts {
            match part {
                Part::Text(text) => {
                    roff.control("PP", []).text([roman(*text)]);
                }
                Part::Item(tag, text) => {
                    roff.control("TP", []).text([bold(*tag)]).text([roman(*text)]);
                }
            }
        }
    }
    roff.to_writer(&mut page)?;
    Ok(page)
}
