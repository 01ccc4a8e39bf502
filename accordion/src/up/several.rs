//! `accordion up --services N`: the cluster.toml that is made of the one given, and where it is kept. From
//! there on it is a file like any other, for the daemons and for the commands.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use cluster::config::{self, Cluster, Faults};
use cluster::daemon::{DaemonArgs, Directories, EXIT_CONFIG};

/// Its name in the runtime directory.
const FILE_NAME: &str = "cluster.toml";

/// The cluster with `count` services, and its text; on a fault, says it and answers the exit status.
pub(super) fn read(args: &DaemonArgs, count: u8) -> Result<(Cluster, String), ExitCode> {
    let path = args.config_path();
    let faulty = |faults: Faults| {
        eprintln!("{faults}");
        ExitCode::from(EXIT_CONFIG)
    };
    let one = config::text(path).map_err(faulty)?;
    let cluster = config::parse(&path.display().to_string(), &one).map_err(faulty)?;
    let refused = |why: &str| {
        eprintln!("accordion up --services {count}: {}: {why}", path.display());
        ExitCode::from(EXIT_CONFIG)
    };
    let several = config::several(&cluster, &one, count).map_err(|fault| refused(&fault.to_string()))?;
    // What is good for one may be too much for several, like `min`. No line of it is one that a person wrote.
    let cluster = config::parse("", &several).map_err(|faults| {
        let faults: Vec<_> = faults.iter().map(|fault| fault.text.as_str()).collect();
        refused(&faults.join("; "))
    })?;
    // The path quoted, so that no name of a file ends the comment.
    let head =
        format!("# Made by `accordion up --services {count}` of {path:?}, and made anew each time.\n\n");
    Ok((cluster, head + &several))
}

/// Where the text is from now on.
pub(super) fn write(text: &str, directories: &Directories) -> anyhow::Result<PathBuf> {
    let path = directories.runtime.join(FILE_NAME);
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}
