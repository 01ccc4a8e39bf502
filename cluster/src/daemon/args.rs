//! The arguments that every daemon has: which cluster.toml, where its files go, how it logs.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::{Directories, EXIT_CONFIG, log, raise_file_limit};
use crate::config::{self, Cluster, Service, Whereabouts};

/// Read where `--config` is not given, the first one that exists.
const CONFIG_HERE: &str = "cluster.toml";
const CONFIG_OF_SYSTEM: &str = "/etc/accordion/cluster.toml";

/// The arguments of every daemon, to be flattened into its own.
#[derive(Debug, Clone, Default, Args)]
pub struct DaemonArgs {
    /// The cluster's configuration [default: ./cluster.toml, else /etc/accordion/cluster.toml]
    #[arg(long, value_name = "FILE", env = "ACCORDION_CONFIG")]
    pub config: Option<PathBuf>,

    /// Where the Unix sockets are [default: $RUNTIME_DIRECTORY, else runtime_dir of cluster.toml, else
    /// /run/accordion as root and $XDG_RUNTIME_DIR/accordion as anybody else]
    #[arg(long, value_name = "DIR")]
    pub runtime_dir: Option<PathBuf>,

    /// Where a daemon keeps what must survive it [default: $STATE_DIRECTORY, else state_dir of
    /// cluster.toml, else /var/lib/accordion as root and ~/.local/state/accordion as anybody else]
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,

    /// How events are written to stderr
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Auto)]
    pub log_format: LogFormat,
}

/// How events are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// As journal where stderr is the journal, as text elsewhere.
    #[default]
    Auto,
    /// One line each, for people.
    Text,
    /// One JSON object each, for machines.
    Json,
    /// One entry of systemd's journal each, whose fields are named ACCORDION_...; as text where there is none.
    Journal,
}

impl DaemonArgs {
    /// The file that `cluster` reads.
    pub fn config_path(&self) -> &Path {
        match &self.config {
            Some(path) => path,
            None if Path::new(CONFIG_HERE).exists() => Path::new(CONFIG_HERE),
            None => Path::new(CONFIG_OF_SYSTEM),
        }
    }

    /// The cluster that the file describes.
    ///
    /// # Errors
    /// The file has a fault: every one has been written to stderr, and the status to exit with
    /// (78) comes back.
    pub fn cluster(&self) -> Result<Cluster, ExitCode> {
        config::read(self.config_path()).map_err(|faults| {
            eprintln!("{faults}");
            ExitCode::from(EXIT_CONFIG)
        })
    }

    /// The beginning of a daemon of one service: events go to stderr, the file is read, the service
    /// named `service` (or the only one) is found, and the limit of open files is raised.
    ///
    /// # Errors
    /// The file has a fault or no such service: it has been said on stderr, and the status to exit
    /// with (78) comes back.
    pub fn begin(&self, service: Option<&str>) -> Result<(Cluster, Service), ExitCode> {
        self.log();
        let cluster = self.cluster()?;
        let service = cluster.chosen_service(service).cloned().map_err(|fault| {
            eprintln!("{}: {fault}", self.config_path().display());
            ExitCode::from(EXIT_CONFIG)
        })?;
        raise_file_limit();
        Ok((cluster, service))
    }

    /// The daemon's directories, made where they are missing.
    ///
    /// # Errors
    /// One cannot be made, or nothing says where it should be.
    pub fn directories(&self, cluster: &Cluster) -> io::Result<Directories> {
        Directories::make(self, cluster)
    }

    /// The daemon's directories, whether they are there or not.
    ///
    /// # Errors
    /// Nothing says where one should be, or it belongs to somebody else.
    pub fn places(&self, cluster: &Cluster) -> io::Result<Directories> {
        Directories::find(self, cluster)
    }

    /// Where the sockets are of the daemons whose file has these faults elsewhere; none where nothing says so.
    pub fn runtime_place(&self, whereabouts: &Whereabouts) -> Option<PathBuf> {
        let Whereabouts { name, runtime_dir } = whereabouts;
        Directories::find_runtime(self, name, runtime_dir.as_deref()).ok()
    }

    /// From here on events go to stderr. `RUST_LOG` says which (default `info`); they are coloured
    /// on a terminal, unless `NO_COLOR` is set.
    pub fn log(&self) {
        log::to_stderr(self.log_format);
    }
}
