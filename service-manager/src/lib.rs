//! The front door of a service: relays each request to the local copy or to a node of the
//! child_list, queues what nobody can take yet, and tells the load-manager how much there is to do.
//!
//! `run` wires the parts: `door` decides who serves (by `pick`, over `seat`s, with one `queue`),
//! `relay` carries the bytes, `local` keeps the local copy alive, `health` brings lost copies back,
//! `load` samples, `grpc` translates.

mod child_list;
mod door;
mod grpc;
mod health;
mod load;
mod local;
pub mod pick;
mod queue;
mod seat;

use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use cluster::config::Service;
use cluster::daemon::{self, DaemonArgs, Shutdown};
use cluster::process::Spec;
use proto::service_manager::service_manager_server::ServiceManagerServer;
use relay::Relay;
use tokio::net::UnixListener;
use tokio::sync::{Mutex, mpsc};
use tokio_stream::wrappers::UnixListenerStream;
use tokio_util::sync::CancellationToken;

use crate::door::Door;
use crate::load::Sampler;
use crate::local::LocalCopy;

/// Control messages are small; a larger one is not one of ours.
const CONTROL_MESSAGE_BYTES_MAX: usize = 4 << 20;

/// The service-manager's command line.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The service of cluster.toml whose front door this is; may be left out when there is one
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
    /// What every daemon takes
    #[command(flatten)]
    pub daemon: DaemonArgs,
}

/// What the service-manager listens on.
pub struct Listeners {
    /// Clients; one a worker where there are as many.
    pub http: Vec<TcpListener>,
    /// The load-manager and the command.
    pub control: UnixListener,
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
            let directories = args.daemon.directories(&cluster)?;
            let listeners = Listeners {
                http: daemon::listeners(service.listen, workers(&service))?,
                control: daemon::unix_listener(&directories.service_manager_socket(&service.name))?,
            };
            run(service, listeners, shutdown).await
        })
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            tracing::error!("service-manager ends: {fault:#}");
            ExitCode::FAILURE
        }
    }
}

/// Serves `service` on `listeners` until `shutdown` is asked for and the running requests have
/// ended, or the service's `stop_timeout` is over.
pub async fn run(service: Service, listeners: Listeners, shutdown: Shutdown) -> anyhow::Result<()> {
    let (door, lost) = Door::new(&service);
    let listen = listeners.http.first().context("no listener")?.local_addr()?.to_string();
    let workers = workers(&service);
    let relay = Relay::start(
        listeners.http,
        workers,
        Arc::clone(&door) as Arc<dyn relay::Dispatch>,
        settings(&service),
    )
    .context("cannot start the relay")?;
    let relay = Arc::new(relay);
    tracing::info!(service = service.name, listen, workers, "serving");

    let local = LocalCopy::new(Arc::clone(&door), Spec::new(&service, service.front_end));
    let end = CancellationToken::new();
    let (listeners_of_load, new_listeners) = mpsc::channel(4);
    let control = grpc::Control {
        service: service.name.clone(),
        listen,
        door: Arc::clone(&door),
        relay: Arc::clone(&relay),
        local: Arc::clone(&local),
        listeners: listeners_of_load,
        born: Instant::now(),
        setting: Arc::new(Mutex::new(())),
    };
    let control = ServiceManagerServer::new(control).max_decoding_message_size(CONTROL_MESSAGE_BYTES_MAX);

    let mut parts = tokio::task::JoinSet::new();
    let (copy, copy_end) = (Arc::clone(&local), end.clone());
    let local_copy = tokio::spawn(async move { copy.keep(copy_end).await });
    parts.spawn(health::bring_back(Arc::clone(&door), lost));
    parts.spawn(Sampler::new(Arc::clone(&door), service.scaling.tick).run(new_listeners));
    parts.spawn(async move {
        let incoming = UnixListenerStream::new(listeners.control);
        if let Err(fault) =
            tonic::transport::Server::builder().add_service(control).serve_with_incoming(incoming).await
        {
            tracing::error!("the control socket ends: {fault}");
        }
    });

    shutdown.asked().await;
    tracing::info!(within_s = service.stop_timeout.as_secs(), "stopping: running requests end first");
    let cut = tokio::select! {
        drained = relay.drain(service.stop_timeout) => drained.cut,
        () = shutdown.forced() => relay.drain(std::time::Duration::ZERO).await.cut,
    };
    end.cancel();
    local_copy.await.context("the keeper of the local copy failed")?;
    parts.shutdown().await;
    tracing::info!(cut, "stopped");
    Ok(())
}

fn workers(service: &Service) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    service.workers.unwrap_or_else(cores)
}

fn settings(service: &Service) -> relay::Settings {
    relay::Settings {
        front: true,
        served_by: service.served_by,
        connect_timeout: service.connect_timeout,
        first_byte_timeout: service.first_byte_timeout,
        head_timeout: service.head_timeout,
        long_lived_after: service.scaling.long_lived_after,
        long_lived_quiet: service.scaling.long_lived_quiet,
        long_lived_weight: service.scaling.long_lived_weight,
        ..relay::Settings::default()
    }
}
