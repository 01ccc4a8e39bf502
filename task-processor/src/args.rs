//! The daemon's arguments, and its start from them: every fault is one sentence on stderr and an
//! exit status before anything is bound.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cluster::config::{Cluster, Node};
use cluster::daemon::{self, DaemonArgs, EXIT_CONFIG, Reload, Reopen, Shutdown};
use cluster::tls::{Identity, Tls};
use relay::access_log::{AccessLog, Format};
use tokio_util::task::AbortOnDropHandle;

use crate::{Config, Listeners, NodeFault, run};

/// Threads for everything but the requests, which have their own: a call that takes long must not
/// hold up a renewal.
const CONTROL_THREADS: usize = 2;

/// The arguments of a node.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What every daemon takes.
    #[command(flatten)]
    pub daemon: DaemonArgs,
    /// Which node of cluster.toml this machine is [default: the one named like the machine]
    #[arg(long, value_name = "NAME")]
    pub node: Option<String>,
    /// Log each request that is relayed here to this file, in the JSON of `access_log`; SIGUSR1 opens it anew
    #[arg(long, value_name = "FILE", env = "ACCORDION_NODE_ACCESS_LOG")]
    pub access_log: Option<PathBuf>,
}

/// Runs the node that the arguments name and answers with the status to exit with: 78 for a fault
/// in cluster.toml, the arguments or the saved state, which a restart would not mend.
pub fn main(args: Args) -> ExitCode {
    args.daemon.log();
    daemon::raise_file_limit();
    let cluster = match args.daemon.cluster() {
        Ok(cluster) => cluster,
        Err(status) => return status,
    };
    let machine = sysinfo::System::host_name().ok();
    let node = match choose(&cluster, args.node.as_deref(), machine.as_deref()) {
        Ok(node) => node.clone(),
        Err(fault) => {
            eprintln!("{fault}");
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    match begin(&args, cluster, node) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            tracing::error!("{fault}");
            match fault {
                NodeFault::State(_) | NodeFault::Tls(_) | NodeFault::Open(_) => ExitCode::from(EXIT_CONFIG),
                NodeFault::Io(_) | NodeFault::Owner(_) | NodeFault::Runner(_) | NodeFault::Control(_) => {
                    ExitCode::FAILURE
                }
            }
        }
    }
}

fn begin(args: &Args, cluster: Cluster, node: Node) -> Result<(), NodeFault> {
    let Args { daemon: args, access_log, .. } = args;
    let access_log = access_log.as_deref().map(open).transpose()?;
    cluster::process::tell_what_does_not_apply(&cluster.services);
    let identity = Identity::Node(node.name.clone());
    let tls = cluster.tls.as_ref().map(|tls| Tls::load(&cluster.name, tls, identity)).transpose()?;
    let directories = args.directories(&cluster)?;
    let state_file = directories.state_file(&format!("task-processor-{}.state", node.name));
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let listeners = Listeners {
        control: daemon::listener(node.control())?,
        data: daemon::listeners(node.data(), workers)?,
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(CONTROL_THREADS).enable_all().build()?;
    runtime.block_on(async {
        let shutdown = Shutdown::on_signals()?;
        // Without a log the signal of log rotation must not end it all the same.
        let (reopen, log) = (Reopen::on_signals()?, access_log.clone());
        let reopen = async move { reopen.each(|| log.iter().for_each(AccessLog::reopen)).await };
        let _reopening = AbortOnDropHandle::new(tokio::spawn(reopen));
        let reload = Reload::on_hangups(args.config_path(), tls.clone().into())?;
        let here = daemon::unix_listener(&directories.task_processor_socket(&node.name))?;
        let _answering = AbortOnDropHandle::new(tokio::spawn(crate::answer_here(here, reload.reloader())));
        run(Config { cluster, node, state_file, tls, access_log }, listeners, reload, shutdown).await
    })
}

fn open(path: &Path) -> io::Result<AccessLog> {
    AccessLog::to_file(Format::Json, path).map_err(|error| {
        io::Error::new(error.kind(), format!("cannot open the access log {}: {error}", path.display()))
    })
}

/// The node that was named, or the one named like the machine.
fn choose<'a>(cluster: &'a Cluster, named: Option<&str>, machine: Option<&str>) -> Result<&'a Node, String> {
    if let Some(node) = named.or(machine).and_then(|name| cluster.node(name)) {
        return Ok(node);
    }
    let known: Vec<&str> = cluster.nodes.iter().map(|node| node.name.as_str()).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Err(match (named, machine) {
        (Some(name), _) => format!("--node {name}: cluster.toml has no such node; it has: {known}"),
        (None, Some(machine)) => {
            format!(
                "no node of cluster.toml is named like this machine, {machine}: say --node NAME; it has: {known}"
            )
        }
        (None, None) => {
            format!("the machine has no name to look up in cluster.toml: say --node NAME; it has: {known}")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster() -> Cluster {
        let node = |name: &str| Node {
            name: name.to_owned(),
            address: [127, 0, 0, 1].into(),
            control_port: 0,
            data_port: 0,
            slots: 1,
            speed: 1.0,
        };
        Cluster {
            name: "demo".to_owned(),
            insecure: false,
            runtime_dir: None,
            state_dir: None,
            lease: cluster::config::Lease::default(),
            sharing: cluster::config::Sharing::default(),
            tls: None,
            nodes: vec![node("c1"), node("c2")],
            services: Vec::new(),
        }
    }

    #[test]
    fn a_named_node_goes_before_the_machines_name() {
        let cluster = cluster();
        assert_eq!(choose(&cluster, Some("c2"), Some("c1")).unwrap().name, "c2");
        assert_eq!(choose(&cluster, None, Some("c1")).unwrap().name, "c1");
    }

    #[test]
    fn an_unknown_node_is_named_with_those_there_are() {
        for (named, machine) in [(Some("c9"), Some("c1")), (None, Some("c9")), (None, None)] {
            let fault = choose(&cluster(), named, machine).unwrap_err();
            assert!(fault.contains("c1, c2"), "{fault}");
        }
    }
}
