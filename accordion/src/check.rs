//! `accordion check`: reads a cluster.toml as every daemon does and tells what is wrong with it, and with the
//! certificates that it names.

mod certificates;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cluster::config::{self, Cluster, Fault};
use cluster::daemon::{DaemonArgs, EXIT_CONFIG};
use serde::Serialize;

use crate::answer;

/// What `accordion check` is told on its command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The file to read [default: ./cluster.toml, else /etc/accordion/cluster.toml]
    #[arg(value_name = "FILE", env = "ACCORDION_CONFIG")]
    file: Option<PathBuf>,
    /// As JSON, faults too
    #[arg(long)]
    json: bool,
    /// Also ask the daemons that run here what a reload would do with it; nothing is changed
    #[arg(long, conflicts_with = "json")]
    diff: bool,
    /// With --diff: where their Unix sockets are, if not at the default place
    #[arg(long, value_name = "DIR", requires = "diff")]
    runtime_dir: Option<PathBuf>,
}

/// What was found, for programs.
#[derive(Debug, Serialize)]
struct Report {
    file: String,
    good: bool,
    /// None of a file with faults.
    nodes: Option<usize>,
    services: Option<usize>,
    /// The same for files that mean the same.
    config_digest: Option<String>,
    faults: Vec<FaultView>,
    /// What is wrong with what clients are to be shown here.
    certificates: Vec<certificates::Finding>,
}

#[derive(Debug, Serialize)]
struct FaultView {
    line: usize,
    column: usize,
    text: String,
}

/// 0 for a good file, 78 for one with faults.
pub(crate) fn main(arguments: &Args) -> ExitCode {
    let (config, runtime_dir) = (arguments.file.clone(), arguments.runtime_dir.clone());
    let args = DaemonArgs { config, runtime_dir, ..DaemonArgs::default() };
    if arguments.json {
        return json(args.config_path());
    }
    match args.cluster() {
        Ok(cluster) => {
            let path = args.config_path().display().to_string();
            if !certificates_are_good(&cluster, &path) {
                return ExitCode::from(EXIT_CONFIG);
            }
            let line = format!("{path}: good: {}\n", size(&cluster));
            let told = answer::give_last(line, ExitCode::SUCCESS);
            if !arguments.diff || told != ExitCode::SUCCESS {
                return told;
            }
            match config::text(args.config_path()) {
                Ok(text) => crate::reload::rehearse(&args, &args.config_path().display().to_string(), &text),
                Err(faults) => {
                    eprintln!("{faults}");
                    ExitCode::FAILURE
                }
            }
        }
        Err(status) => status,
    }
}

/// Tells what is not.
fn certificates_are_good(cluster: &Cluster, file: &str) -> bool {
    let findings = certificates::findings(cluster);
    for finding in &findings {
        // Nobody reads it: the status still tells.
        let _ = writeln!(io::stderr(), "{}", finding.line(file));
    }
    findings.iter().all(|finding| !finding.is_fault)
}

fn json(path: &Path) -> ExitCode {
    let read = config::read(path);
    let cluster = read.as_ref().ok();
    let view = |fault: &Fault| FaultView { line: fault.line, column: fault.column, text: fault.text.clone() };
    let certificates = cluster.map(certificates::findings).unwrap_or_default();
    let report = Report {
        file: path.display().to_string(),
        good: cluster.is_some() && certificates.iter().all(|finding| !finding.is_fault),
        nodes: cluster.map(|cluster| cluster.nodes.len()),
        services: cluster.map(|cluster| cluster.services.len()),
        config_digest: cluster.map(Cluster::digest),
        faults: read.as_ref().err().into_iter().flatten().map(view).collect(),
        certificates,
    };
    let text = serde_json::to_string_pretty(&report).expect("words and numbers are JSON");
    answer::give_last(text + "\n", if report.good { ExitCode::SUCCESS } else { ExitCode::from(EXIT_CONFIG) })
}

/// Like `3 nodes, 1 service`.
pub(crate) fn size(cluster: &Cluster) -> String {
    let count = |count: usize, noun: &str| match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    };
    format!("{}, {}", count(cluster.nodes.len(), "node"), count(cluster.services.len(), "service"))
}
