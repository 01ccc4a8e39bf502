//! The decisions of a front end: watches the load, adds nodes and drains them.
//!
//! `run` wires the parts: `front` hears the service-manager, a `link` per node hears the nodes,
//! `manager` tells the `holder` and has `calls` carry out what it wants done; `journal` keeps why.
//! What is held and what is decided is pure: `holder` is the whole of it, `decider` says how many
//! nodes, `node` is the holder's side of one lease, `entrance` where its requests go, `order` whom to
//! ask first. `simulation` drives the decider without any of them. `wire` translates.

mod calls;
pub mod decider;
pub mod entrance;
mod event;
mod front;
mod grpc;
pub mod holder;
mod incarnation;
mod journal;
mod link;
mod manager;
pub mod node;
pub mod order;
mod reload;
pub mod sent;
pub mod simulation;
mod wire;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use cluster::config::{Cluster, Service};
use cluster::daemon::{self, DaemonArgs, Outcome, Reload, Reopen, Shutdown};
use cluster::tls::{self, Tls, TlsFault};
use proto::load_manager::load_manager_server::LoadManagerServer;
use proto::reload::reload_server::ReloadServer;
use proto::service_manager::SetChildListRequest;
use tokio::net::UnixListener;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::UnixListenerStream;

use crate::calls::Identity;
use crate::journal::Journal;
use crate::manager::{Links, Manager, Setup};

/// Events that may wait for the manager; each sender waits when it is full.
const EVENTS_MAX: usize = 1024;

/// Questions are tiny.
const CONTROL_MESSAGE_BYTES_MAX: usize = 64 << 10;

/// The load-manager's command line.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The service of cluster.toml to decide for; may be left out when there is one
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
    /// What every daemon takes
    #[command(flatten)]
    pub daemon: DaemonArgs,
}

/// Where the load-manager is reached, and where it reaches and keeps things.
pub struct Places {
    /// People and the command.
    pub control: UnixListener,
    /// The service-manager's socket.
    pub service_manager: PathBuf,
    /// The file of decisions.
    pub journal: PathBuf,
    /// The file with the number of its last life.
    pub incarnation: PathBuf,
}

/// What a load-manager of `service` that goes by `in_force` would make of `read`.
pub fn rehearse(in_force: &Cluster, read: &Cluster, service: &str) -> Outcome {
    reload::plan(in_force, read, service).1
}

/// Runs the daemon from its command line to its end.
pub fn main(args: Args) -> ExitCode {
    let (cluster, service) = match args.daemon.begin(args.service.as_deref()) {
        Ok(begun) => begun,
        Err(code) => return code,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = runtime.context("no runtime").and_then(|runtime| {
        runtime.block_on(async {
            let shutdown = Shutdown::on_signals()?;
            // It has no file to open anew; the signal of log rotation must not end it all the same.
            let _reopen = Reopen::on_signals()?;
            let identity = tls::Identity::FrontEnd(service.name.clone());
            let tls = cluster.tls.as_ref().map(|tls| Tls::load(&cluster.name, tls, identity)).transpose()?;
            let reload = Reload::on_hangups(args.daemon.config_path(), tls.clone().into())?;
            let directories = args.daemon.directories(&cluster)?;
            let places = Places {
                control: daemon::unix_listener(&directories.load_manager_socket(&service.name))?,
                service_manager: directories.service_manager_socket(&service.name),
                journal: directories.state_file(&format!("decisions-{}.jsonl", service.name)),
                incarnation: directories.state_file(&format!("load-manager-{}.incarnation", service.name)),
            };
            run(cluster, service, places, tls, reload, shutdown).await
        })
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) if fault.is::<manager::Fenced>() => {
            tracing::error!("{fault}");
            ExitCode::from(daemon::EXIT_FENCED)
        }
        Err(fault) if fault.is::<TlsFault>() => {
            tracing::error!("{fault}");
            ExitCode::from(daemon::EXIT_CONFIG)
        }
        Err(fault) => {
            tracing::error!("load-manager ends: {fault:#}");
            ExitCode::FAILURE
        }
    }
}

/// Decides for `service` until `shutdown` is asked for, by the nodes of the `cluster` and of what comes by
/// `reload`, which it reaches with `tls` where there are certificates. Everything is left as it is then: the
/// last child_list serves on, and the next start goes on from it.
pub async fn run(
    cluster: Cluster,
    service: Service,
    places: Places,
    tls: Option<Tls>,
    reload: Reload,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let identity = Identity {
        service: service.name.clone(),
        front_end: service.front_end.to_string(),
        incarnation: incarnation::next(&places.incarnation),
    };
    tracing::info!(service = service.name, nodes = cluster.nodes.len(), "deciding");
    let (told, events) = mpsc::channel(EVENTS_MAX);
    let (wanted, list) = watch::channel(SetChildListRequest::default());
    let mut parts = tokio::task::JoinSet::new();
    if let Some(tls) = tls.clone() {
        tracing::info!(expires = tls::date(tls.expires()), "the nodes are called with TLS");
        parts.spawn(tls.watch_expiry());
    }
    let mut links = Links::new(identity.clone(), cluster.lease.renew, told.clone(), tls);
    for (index, node) in cluster.nodes.iter().enumerate() {
        links.open(index, node.name.clone(), node.control());
    }
    let front = front::Front {
        socket: places.service_manager,
        incarnation: identity.incarnation,
        wanted: list,
        events: told.clone(),
    };
    parts.spawn(front.keep());
    let questions = LoadManagerServer::new(grpc::Questions { events: told.clone() })
        .max_decoding_message_size(CONTROL_MESSAGE_BYTES_MAX);
    let reloading = ReloadServer::new(grpc::Reloading(reload.reloader()))
        .max_decoding_message_size(CONTROL_MESSAGE_BYTES_MAX);
    parts.spawn(async move {
        let incoming = UnixListenerStream::new(places.control);
        let server = tonic::transport::Server::builder().add_service(questions).add_service(reloading);
        if let Err(fault) = server.serve_with_incoming(incoming).await {
            tracing::error!("the control socket ends: {fault}");
        }
    });
    let journal = Journal::open(&places.journal);
    let manager =
        Manager::new(Setup { service, cluster, identity, journal, wanted, links, reload, events, told });
    let ended = manager.run(async { shutdown.asked().await }).await;
    parts.shutdown().await;
    tracing::info!("stopped; the child_list stays as it is");
    Ok(ended?)
}
