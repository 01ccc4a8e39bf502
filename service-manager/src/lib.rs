//! The front door of a service: relays each request to the local copy or to a node of the
//! child_list, queues what nobody can take yet, and tells the load-manager how much there is to do.
//!
//! `run` wires the parts: `door` decides who serves (by `pick`, over `seat`s, with one `queue`),
//! `relay` carries the bytes, `local` keeps the local copy alive, `health` brings lost copies back,
//! `load` samples, `grpc` translates and keeps a `fence` against older load-managers, `admin` tells Prometheus,
//! `pulse` tells systemd.

mod admin;
mod child_list;
mod door;
mod fence;
mod grpc;
mod health;
mod load;
mod local;
pub mod pick;
mod pulse;
mod queue;
mod reload;
mod seat;
mod settings;

use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use cluster::config::Service;
use cluster::daemon::{self, DaemonArgs, Passed, Purpose, Reload, Shutdown, Store};
use cluster::process::Spec;
use proto::service_manager::service_manager_server::ServiceManagerServer;
use relay::Relay;
use tokio::net::UnixListener;
use tokio::sync::{Mutex, mpsc};
use tokio_stream::wrappers::UnixListenerStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::admin::{Admin, Page};
use crate::door::Door;
use crate::fence::Fence;
use crate::load::Sampler;
use crate::local::LocalCopy;
use crate::pulse::Pulse;

/// Control messages are small; a larger one is not one of ours.
const CONTROL_MESSAGE_BYTES_MAX: usize = 4 << 20;

/// How long the last lines of the access log may take at the end.
const LOG_TIMEOUT: Duration = Duration::from_secs(5);

/// What the end may take beside the running requests and the local copy, each of which has `stop_timeout`.
const END_MARGIN: Duration = Duration::from_secs(15);

/// How often it is looked at whether memory can be given back.
const MEMORY_EVERY: Duration = Duration::from_secs(2);

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
    /// Prometheus and health checks, where they are wanted.
    pub admin: Option<TcpListener>,
    /// What systemd keeps of them for the daemon's next life.
    pub store: Store,
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
            let reload = Reload::on_hangups(args.daemon.config_path())?;
            let directories = args.daemon.directories(&cluster)?;
            let mut passed = Passed::take();
            let listeners = Listeners {
                http: passed.listeners(Purpose::Http, service.listen, workers(&service))?,
                control: daemon::unix_listener(&directories.service_manager_socket(&service.name))?,
                admin: service.admin.map(|address| admin_listener(&mut passed, address)).transpose()?,
                store: passed.store(),
            };
            let telling = reload::tell(reload, cluster, service.name.clone());
            let _telling = AbortOnDropHandle::new(tokio::spawn(telling));
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
    let access_log = settings::access_log(&service)
        .with_context(|| format!("cannot open the access log {:?}", service.access_log_file))?;
    let relay = Relay::start(
        listeners.http,
        workers,
        Arc::clone(&door) as Arc<dyn relay::Dispatch>,
        settings::of(&service, access_log.clone()),
    )
    .context("cannot start the relay")?;
    let relay = Arc::new(relay);
    tracing::info!(service = service.name, listen, workers, "serving");

    let local = LocalCopy::new(Arc::clone(&door), Spec::at_front_end(&service, service.front_end));
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
        setting: Arc::new(Mutex::new(Fence::default())),
        partings: TaskTracker::new(),
    };
    let control = ServiceManagerServer::new(control).max_decoding_message_size(CONTROL_MESSAGE_BYTES_MAX);

    let mut parts = tokio::task::JoinSet::new();
    let (copy, copy_end) = (Arc::clone(&local), end.clone());
    let local_copy = tokio::spawn(async move { copy.keep(copy_end).await });
    let is_draining = Arc::new(AtomicBool::new(false));
    if let Some(listener) = listeners.admin {
        let page = Page {
            service: service.name.clone(),
            queue_max: service.queue_max as usize,
            door: Arc::clone(&door),
            scrape: relay.scrape(),
            access_log: access_log.clone(),
        };
        let (metrics_draining, healthz_draining) = (Arc::clone(&is_draining), Arc::clone(&is_draining));
        let admin = Admin::new(
            move || page.text(metrics_draining.load(Ordering::Relaxed)),
            move || healthz_draining.load(Ordering::Relaxed),
        );
        tracing::info!(admin = %listener.local_addr()?, "metrics and health");
        let listener = tokio::net::TcpListener::from_std(listener)?;
        parts.spawn(admin.serve(listener, end.clone()));
    }
    parts.spawn(give_memory_back(Arc::clone(&relay)));
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

    let mut pulse = Pulse::begin(listeners.store, door, Arc::clone(&relay), local);
    tokio::select! {
        () = shutdown.asked() => {}
        never = pulse.beat() => match never {},
    }
    pulse.stopping(service.stop_timeout.saturating_mul(2).saturating_add(END_MARGIN));
    is_draining.store(true, Ordering::Relaxed);
    tracing::info!(within_s = service.stop_timeout.as_secs(), "stopping: running requests end first");
    let cut = tokio::select! {
        drained = relay.drain(service.stop_timeout) => drained.cut,
        () = shutdown.forced() => relay.drain(std::time::Duration::ZERO).await.cut,
        never = pulse.beat() => match never {},
    };
    end.cancel();
    tokio::select! {
        ended = local_copy => ended.context("the keeper of the local copy failed")?,
        never = pulse.beat() => match never {},
    }
    parts.shutdown().await;
    if let Some(log) = access_log {
        let written = tokio::task::spawn_blocking(move || log.flush(LOG_TIMEOUT)).await.unwrap_or(false);
        if !written {
            tracing::warn!("the access log could not be written out, its last lines may be lost");
        }
    }
    tracing::info!(cut, "stopped");
    Ok(())
}

/// Looks now and then whether a crowd of clients has gone, and returns the memory that it needed.
async fn give_memory_back(relay: Arc<Relay>) {
    let mut memory = daemon::Memory::new();
    let mut ticks = tokio::time::interval(MEMORY_EVERY);
    loop {
        ticks.tick().await;
        if memory.is_to_be_given_back(relay.counters().connections_open) {
            daemon::Memory::give_back();
        }
    }
}

fn workers(service: &Service) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    service.workers.unwrap_or_else(cores)
}

fn admin_listener(passed: &mut Passed, address: SocketAddr) -> anyhow::Result<TcpListener> {
    passed.listener(Purpose::Admin, address).with_context(|| format!("no admin on {address}"))
}
