//! The front door of a service: relays each request to the local copy or to a node of the
//! child_list, queues what nobody can take yet, and tells the load-manager how much there is to do.
//!
//! `run` wires the parts: `door` decides who serves (by `pick`, over `seat`s, with one `queue`),
//! `relay` carries the bytes, `local` keeps the local copy alive, `health` brings lost copies back,
//! `learning` has the `learner` find out what a copy handles well, `load` samples, `grpc` translates and
//! keeps a `fence` against older load-managers, `admin` tells Prometheus, `pulse` tells systemd,
//! `succession` lets another process go on with all that.

mod admin;
mod calls;
mod child_list;
mod door;
mod fence;
mod grpc;
mod health;
mod learner;
mod learning;
mod load;
mod local;
pub mod pick;
mod pulse;
mod queue;
mod reload;
mod seat;
mod settings;
mod succession;

use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use arc_swap::{ArcSwap, ArcSwapOption};
use cluster::config::{Cluster, Service, ServiceTls};
use cluster::daemon::{self, DaemonArgs, Outcome, Passed, Program, Purpose, Reload, Reopen, Shutdown, Store};
use cluster::tls::{self, CertificateFault, ServerCertificates, Tls, TlsFault};
use proto::reload::reload_server::ReloadServer;
use proto::service_manager::service_manager_server::ServiceManagerServer;
use relay::Relay;
use relay::access_log::AccessLog;
use tokio::net::UnixListener;
use tokio::sync::{Mutex, mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_stream::wrappers::UnixListenerStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admin::{Admin, Gate, Page};
use crate::calls::Calls;
use crate::door::Door;
use crate::fence::Fence;
use crate::load::Sampler;
use crate::local::LocalCopy;
use crate::pulse::Pulse;
use crate::succession::predecessor::{Predecessor, Taken};
use crate::succession::successor::{Given, Successor, Upgrade};

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
    /// The same, for those that speak TLS.
    pub https: Vec<TcpListener>,
    /// The load-manager and the command.
    pub control: UnixListener,
    /// Prometheus and health checks, where they are wanted.
    pub admin: Option<TcpListener>,
    /// What makes the control socket's path this process's.
    pub lock: OwnedFd,
    /// What systemd keeps of them for the daemon's next life.
    pub store: Store,
    /// Those for clients are somebody else's, who goes on holding them: nobody listens elsewhere then.
    pub is_fixed: bool,
}

/// With what the daemon begins.
struct Begun {
    cluster: Cluster,
    service: Service,
    certificates: tls::Files,
    program: Program,
    predecessor: Option<Predecessor>,
}

/// What a service-manager of `service` that goes by `in_force`, and holds its sockets alone, would make of `read`.
pub fn rehearse(in_force: &Cluster, read: &Cluster, service: &str) -> Outcome {
    reload::plan(in_force, read, service, false).1
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
            cluster::process::tell_what_does_not_apply([&service]);
            let shutdown = Shutdown::on_signals()?;
            let certificates = service.tls.as_ref().map(|tls| ServerCertificates::load(&tls.certificates));
            let certificates = tls::Files {
                machines: own_certificate(&cluster, &service)?,
                clients: certificates.transpose()?,
            };
            let reload = Reload::on_hangups(args.daemon.config_path(), certificates.clone())?;
            let directories = args.daemon.directories(&cluster)?;
            let program = Program::of_this_process()?;
            let (predecessor, taken) = Predecessor::of_this_process().await?.unzip();
            let socket = directories.service_manager_socket(&service.name);
            let listeners = Listeners::take(taken, &service, &socket)?;
            let begun = Begun { cluster, service, certificates, program, predecessor };
            run(begun, listeners, reload, shutdown).await
        })
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) if fault.is::<CertificateFault>() || fault.is::<TlsFault>() => {
            tracing::error!("{fault}");
            ExitCode::from(daemon::EXIT_CONFIG)
        }
        Err(fault) => {
            tracing::error!("service-manager ends: {fault:#}");
            ExitCode::FAILURE
        }
    }
}

impl Listeners {
    /// Those of the process before where there is one, or of the life before as far as systemd kept them; the
    /// rest is bound here.
    fn take(taken: Option<Taken>, service: &Service, socket: &Path) -> anyhow::Result<Self> {
        let (mut passed, control) = match taken {
            Some(Taken { passed, control: (listener, lock) }) => {
                (passed, daemon::unix_listener_handed(socket, listener, lock)?)
            }
            None => (Passed::take(), daemon::unix_listener(socket)?),
        };
        let secured = |tls: &ServiceTls| passed.listeners(Purpose::Https, tls.listen, workers(service));
        let https = service.tls.as_ref().map(secured).transpose()?.unwrap_or_default();
        let admin = |address| {
            let listener = passed.listener(Purpose::Admin, address);
            listener.with_context(|| format!("no metrics on {address}"))
        };
        Ok(Self {
            https,
            admin: service.admin.map(admin).transpose()?,
            http: passed.listeners(Purpose::Http, service.listen, workers(service))?,
            lock: daemon::unix_lock(socket).context("the control socket has no lock")?,
            control,
            is_fixed: passed.are_a_starters(),
            store: passed.store(),
        })
    }

    /// Copies for a successor.
    fn given(&self) -> io::Result<Given> {
        Ok(Given {
            http: copies(&self.http)?,
            https: copies(&self.https)?,
            admin: self.admin.as_ref().map(TcpListener::try_clone).transpose()?,
            control: self.control.as_fd().try_clone_to_owned()?,
            lock: self.lock.try_clone()?,
            is_fixed: self.is_fixed,
        })
    }
}

/// This front end's own certificate. Requests go by it where they are encrypted; elsewhere only the load-manager
/// cannot do without, and its end is told here with the other metrics.
fn own_certificate(cluster: &Cluster, service: &Service) -> Result<Option<Tls>, TlsFault> {
    let Some(tls) = &cluster.tls else { return Ok(None) };
    let loaded = Tls::load(&cluster.name, tls, tls::Identity::FrontEnd(service.name.clone()));
    if tls.data { loaded.map(Some) } else { Ok(loaded.ok()) }
}

/// Serves on `listeners`, by what comes by `reload`, until `shutdown` is asked for and the running requests have
/// ended, or the service's `stop_timeout` is over; or until a successor, which is a process of the same program,
/// serves and what runs here has ended, upgraded connections too, or `long_lived_timeout` is over. A predecessor
/// goes on until this process is as far as it was.
async fn run(
    begun: Begun,
    listeners: Listeners,
    mut reload: Reload,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let Begun { cluster, service, certificates, program, mut predecessor } = begun;
    let reopen = Reopen::on_signals()?;
    let (door, lost) = Door::new(&service);
    let is_data_encrypted = cluster.tls.as_ref().is_some_and(|tls| tls.data);
    if let Some(tls) = certificates.machines.as_ref().filter(|_| is_data_encrypted) {
        tracing::info!(expires = tls::date(tls.expires()), "requests go to the nodes with TLS");
        door.call_by(Calls::new(tls.clone()));
    }
    let listen = listeners.http.first().context("no listener")?.local_addr()?;
    let workers = workers(&service);
    let access_log = settings::access_log(&service)
        .with_context(|| format!("cannot open the access log {:?}", service.access_log_file))?;
    let given = listeners.given()?;
    let setting = Arc::new(Mutex::new(Fence::default()));
    let local = LocalCopy::new(Arc::clone(&door), &service);
    let end = CancellationToken::new();
    let (copy, copy_end) = (Arc::clone(&local), end.clone());
    let local_copy = tokio::spawn(async move { copy.keep(copy_end).await });
    if let Some(predecessor) = &predecessor {
        let taken = tokio::select! {
            taken = take_over(predecessor, &door, &local, &setting) => taken,
            () = shutdown.asked() => Err(anyhow!("it was asked to end before it served")),
        };
        if let Err(fault) = taken {
            end.cancel();
            local_copy.await.context("the keeper of the local copy failed")?;
            return Err(fault.context("the process before goes on"));
        }
    }
    let tls_listen = listeners.https.first().map(TcpListener::local_addr).transpose()?;
    let relay = Relay::start_secured(
        listeners.http,
        settings::secured(listeners.https, certificates.clients.as_ref()),
        workers,
        Arc::clone(&door) as Arc<dyn relay::Dispatch>,
        settings::of(&service, access_log.clone()),
    )
    .context("cannot start the relay")?;
    let relay = Arc::new(relay);
    local.picked_by(Arc::clone(&relay));
    tracing::info!(service = service.name, %listen, tls = ?tls_listen, workers, "serving");
    let access_log = Arc::new(ArcSwapOption::from_pointee(access_log));
    let address = Arc::new(ArcSwap::from_pointee(listen.to_string()));
    let commands = Arc::new(ArcSwapOption::empty());
    let (tick, ticks) = watch::channel(service.scaling.tick);

    let (listeners_of_load, new_listeners) = mpsc::channel(4);
    let (successors, mut successor) = mpsc::channel(1);
    let upgrade = Arc::new(Upgrade {
        program,
        given: Some(given).into(),
        door: Arc::clone(&door),
        setting: Arc::clone(&setting),
        start_timeout: ArcSwap::from_pointee(service.start_timeout),
        successors,
        one_at_a_time: Mutex::default(),
        end: CancellationToken::new(),
    });
    let control = grpc::Control {
        service: service.name.clone(),
        listen: Arc::clone(&address),
        tls_listen,
        certificates: certificates.clients.clone(),
        door: Arc::clone(&door),
        relay: Arc::clone(&relay),
        local: Arc::clone(&local),
        commands: Arc::clone(&commands),
        listeners: listeners_of_load,
        reloader: reload.reloader(),
        born: Instant::now(),
        setting,
        partings: TaskTracker::new(),
        upgrade: Arc::clone(&upgrade),
    };
    let reloading = ReloadServer::new(grpc::Reloading(reload.reloader()))
        .max_decoding_message_size(CONTROL_MESSAGE_BYTES_MAX);
    let control = ServiceManagerServer::new(control).max_decoding_message_size(CONTROL_MESSAGE_BYTES_MAX);

    let mut parts = JoinSet::new();
    let is_draining = Arc::new(AtomicBool::new(false));
    let page = Page {
        service: service.name.clone(),
        door: Arc::clone(&door),
        scrape: relay.scrape(),
        access_log: Arc::clone(&access_log),
        reloader: reload.reloader(),
        local: Arc::clone(&local),
        commands,
        certificates: certificates.clone(),
    };
    let (metrics_draining, healthz_draining) = (Arc::clone(&is_draining), Arc::clone(&is_draining));
    let admin = Admin::new(
        move || page.text(metrics_draining.load(Ordering::Relaxed)),
        move || healthz_draining.load(Ordering::Relaxed),
    );
    let mut gate = Gate::new(admin);
    gate.open(listeners.admin)?;
    let rotated = Arc::clone(&access_log);
    parts.spawn(reopen.each(move || match &*rotated.load() {
        Some(log) => {
            tracing::info!("opening the access log anew");
            log.reopen();
        }
        None => tracing::debug!("there is no access log to open anew"),
    }));
    // Where it is the load-manager's alone, that one tells.
    if let Some(tls) = certificates.machines.filter(|_| is_data_encrypted) {
        parts.spawn(tls.watch_expiry());
    }
    if let Some(certificates) = certificates.clients {
        parts.spawn(certificates.watch_expiry());
    }
    parts.spawn(give_memory_back(Arc::clone(&relay)));
    parts.spawn(health::bring_back(Arc::clone(&door), lost));
    parts.spawn(learning::learn(Arc::clone(&door)));
    let sampler = parts.spawn(Sampler::new(Arc::clone(&door), ticks).run(new_listeners));
    let replaced = CancellationToken::new();
    let asked_elsewhere = replaced.clone().cancelled_owned();
    parts.spawn(async move {
        let incoming = UnixListenerStream::new(listeners.control);
        let server = tonic::transport::Server::builder().add_service(control).add_service(reloading);
        if let Err(fault) = server.serve_with_incoming_shutdown(incoming, asked_elsewhere).await {
            tracing::error!("the control socket ends: {fault}");
        }
    });
    if let Some(predecessor) = &mut predecessor {
        predecessor.relieve().await;
    }

    let parts_of_reload = reload::Parts {
        door: Arc::clone(&door),
        relay: Arc::clone(&relay),
        access_log: Arc::clone(&access_log),
        local: Arc::clone(&local),
        upgrade: Arc::clone(&upgrade),
        gate,
        address,
        tick,
    };
    let place = reload::Place { bound: listen, is_fixed: listeners.is_fixed };
    let mut follower = reload::Follower::new(cluster, service, place, parts_of_reload);
    let mut pulse = Pulse::begin(listeners.store, door, Arc::clone(&relay), local);
    let successor = loop {
        tokio::select! {
            () = shutdown.asked() => break None,
            successor = successor.recv() => break successor,
            asked = reload.next() => follower.follow(asked, |store| pulse.store(store)).await,
            never = pulse.beat() => match never {},
        }
    };
    // Whoever asks from here on is told so, and not kept waiting.
    drop(reload);
    let (service, mut gate) = follower.end();
    upgrade.end();
    if let Some(successor) = successor {
        // systemd believes only the main process, and by this word that is the other one.
        pulse.successor(successor.pid).await;
        successor.go(predecessor.as_ref()).await;
        gate.close();
        replaced.cancel();
        // The load-manager's stream ends with it, and is opened again where it is served now.
        sampler.abort();
        let cut = retire(&relay, &service, &successor, &shutdown).await;
        return stop(end, local_copy, gate, parts, &access_log, cut).await;
    }
    if let Some(predecessor) = &predecessor {
        predecessor.end().await;
    }
    pulse.stopping(service.stop_timeout.saturating_mul(2).saturating_add(END_MARGIN));
    is_draining.store(true, Ordering::Relaxed);
    tracing::info!(within_s = service.stop_timeout.as_secs(), "stopping: running requests end first");
    let cut = tokio::select! {
        drained = relay.drain(service.stop_timeout) => drained.cut,
        () = shutdown.forced() => relay.drain(Duration::ZERO).await.cut,
        never = pulse.beat() => match never {},
    };
    gate.close();
    let mut stopped = pin!(stop(end, local_copy, gate, parts, &access_log, cut));
    tokio::select! {
        stopped = &mut stopped => stopped,
        never = pulse.beat() => match never {},
    }
}

/// Takes the child_list of the process before, once this one could serve.
async fn take_over(
    predecessor: &Predecessor,
    door: &Door,
    local: &LocalCopy,
    setting: &Mutex<Fence>,
) -> anyhow::Result<()> {
    tokio::select! {
        () = local.ready() => {}
        () = predecessor.gone() => bail!("it gave this one up, or is gone"),
    }
    let list = predecessor.list().await?;
    let specs = list.children.into_iter().map(grpc::spec).collect::<Result<Vec<_>, _>>()?;
    setting.lock().await.pass(list.incarnation)?;
    door.suggest(list.learned_capacity);
    door.set_list(list.generation, specs)?;
    // No worker has ever picked by another one.
    door.settle(list.generation);
    Ok(())
}

/// Lets everything end that runs here beside the successor; answers what was cut.
async fn retire(relay: &Relay, service: &Service, successor: &Successor, shutdown: &Shutdown) -> u32 {
    tracing::info!(within_s = service.long_lived_timeout.as_secs(), "replaced: what runs here ends first");
    let is_to_end = async {
        tokio::select! {
            () = successor.ends() => {}
            () = shutdown.asked() => {}
        }
    };
    tokio::select! {
        drained = relay.retire(service.long_lived_timeout) => return drained.cut,
        () = is_to_end => {}
    }
    tokio::select! {
        drained = relay.drain(service.stop_timeout) => drained.cut,
        () = shutdown.forced() => relay.drain(Duration::ZERO).await.cut,
    }
}

/// Ends what is left when no request runs any more.
async fn stop(
    end: CancellationToken,
    local_copy: JoinHandle<()>,
    gate: Gate,
    mut parts: JoinSet<()>,
    access_log: &ArcSwapOption<AccessLog>,
    cut: u32,
) -> anyhow::Result<()> {
    end.cancel();
    local_copy.await.context("the keeper of the local copy failed")?;
    gate.end().await;
    parts.shutdown().await;
    if let Some(log) = access_log.load_full() {
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

fn copies(listeners: &[TcpListener]) -> io::Result<Vec<TcpListener>> {
    listeners.iter().map(TcpListener::try_clone).collect()
}

fn workers(service: &Service) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    service.workers.unwrap_or_else(cores)
}
