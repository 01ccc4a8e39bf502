//! `accordion completions SHELL`: what a shell needs to complete the command line, on stdout.

use std::process::ExitCode;

use clap_complete::Shell;

use crate::answer;

/// Its command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which shell; its packages look in /usr/share/bash-completion/completions/accordion,
    /// /usr/share/zsh/vendor-completions/_accordion or /usr/share/fish/vendor_completions.d/accordion.fish
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Writes the script for `cli`.
pub(crate) fn main(args: &Args, mut cli: clap::Command) -> ExitCode {
    // In memory first: the generator panics where nobody reads.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut cli, "accordion", &mut script);
    answer::give_last(script, ExitCode::SUCCESS)
}
