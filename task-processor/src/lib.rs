//! Accordion's node: grants leases, runs the service, relays and counts its requests.
//!
//! `lease` decides, `node` owns and carries out, `gate` lets requests in, `grpc` translates, `reload` follows
//! a cluster.toml that changed.

mod args;
mod gate;
mod grpc;
pub mod lease;
mod load;
mod node;
mod reload;
mod saved;
mod secret;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cluster::config::{Cluster, DataPath, Service};
use cluster::daemon::{Outcome, Reload, Reloader, Shutdown};
use cluster::tls::{Tls, TlsFault};
use proto::reload::reload_server::ReloadServer;
use relay::access_log::AccessLog;
use relay::{HandshakeFault, Relay, Secured, Settings, TlsServer};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use tracing::{info, warn};

pub use args::{Args, main};
pub use saved::StateFault;

use gate::Gate;
use grpc::Control;
use grpc::refusals::Refusals;
use lease::Limits;
use node::{Node, Surroundings, Terms};
use reload::Follower;

/// A question may carry a whole cluster.toml.
const FILE_MESSAGE_BYTES_MAX: usize = 4 << 20;

/// How long the last answers may take to get out once every lease is gone.
const FAREWELL: Duration = Duration::from_secs(2);

/// What a node needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// The cluster; nothing else says what this node may run.
    pub cluster: Cluster,
    /// Which of its nodes this is.
    pub node: cluster::config::Node,
    /// Where the node keeps its epoch.
    pub state_file: PathBuf,
    /// What it shows on its control port, and whom it takes there; `None`: anybody.
    pub tls: Option<Tls>,
    /// Where each relayed request leaves a line.
    pub access_log: Option<AccessLog>,
}

/// What a node listens on.
#[derive(Debug)]
pub struct Listeners {
    /// For gRPC.
    pub control: TcpListener,
    /// For relayed requests; at least one. The first one's address is what front ends are told.
    pub data: Vec<TcpListener>,
}

/// Why a node cannot run; each is one sentence for a person.
#[derive(Debug, thiserror::Error)]
pub enum NodeFault {
    /// The state file cannot be read or understood.
    #[error(transparent)]
    State(#[from] StateFault),
    /// The system refused something.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The task that owns the leases failed; without it the daemon must be started anew.
    #[error("the owner of the leases failed: {0}")]
    Owner(tokio::task::JoinError),
    /// A task that ran a service failed, so that nobody knows of its processes any more.
    #[error(
        "the task that ran a service failed: {0}; the daemon ends, and every service here with it, so that no \
         slot stays taken: start it again"
    )]
    Runner(tokio::task::JoinError),
    /// A certificate is missing or unfit.
    #[error(transparent)]
    Tls(#[from] TlsFault),
    /// Anybody could reach its control port.
    #[error(
        "control calls on {0} would be for anybody who reaches it: write [tls] into cluster.toml and make certificates \
         (accordion ca), or insecure = true under [cluster]"
    )]
    Open(SocketAddr),
    /// The gRPC listener failed.
    #[error("the control listener failed: {0}")]
    Control(#[from] tonic::transport::Error),
}

/// Runs the node until a shutdown was asked for and every lease is gone, or until it is forced. What comes by
/// `reload` is followed as far as it can be.
///
/// # Errors
/// When it cannot start, or its control listener fails.
pub async fn run(
    config: Config,
    listeners: Listeners,
    reload: Reload,
    shutdown: Shutdown,
) -> Result<(), NodeFault> {
    let data_address = first_address(&listeners.data)?;
    let control = tokio::net::TcpListener::from_std(listeners.control)?;
    info!(
        node = config.node.name,
        control = %control.local_addr()?,
        data = %data_address,
        slots = config.node.slots,
        "node listens"
    );
    let _expiry = guard(&config, control.local_addr()?)?;

    let refusals = Arc::<Refusals>::default();
    let gate = Arc::new(Gate::new(Arc::clone(&refusals)));
    let stop_load = CancellationToken::new();
    let _stop_load = stop_load.clone().drop_guard();
    let (roots, watched_roots) = watch::channel(Vec::new());
    let (figures, load) = load::watch(watched_roots, stop_load);
    let _load = AbortOnDropHandle::new(load);

    let access_log = config.access_log.clone();
    let settings = settings(&config.cluster.services, access_log.clone());
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let surroundings = Surroundings { gate: Arc::clone(&gate), roots, figures };
    let follower = Follower::new(config.cluster.clone(), config.node.clone());
    let tls = config.tls.clone();
    let data_tls = data_tls(&config, &refusals);
    let (node, owner) = Node::start(terms(config), surroundings)?;
    let owner = AbortOnDropHandle::new(owner);
    let (plain, secured) = match data_tls {
        Some(tls) => (Vec::new(), Some(Secured { listeners: listeners.data, tls })),
        None => (listeners.data, None),
    };
    let relay = Arc::new(Relay::start_secured(plain, secured, workers, gate, settings)?);
    let following = follower.run(reload, node.clone(), Arc::clone(&relay), access_log);
    let _following = AbortOnDropHandle::new(tokio::spawn(following));

    let (tracker, stop_control) = (TaskTracker::new(), CancellationToken::new());
    let service = Control::new(node.clone(), data_address, tls, refusals, tracker.clone());
    let serving = service.serve(control, stop_control.clone().cancelled_owned());
    let mut serving = AbortOnDropHandle::new(tokio::spawn(serving));
    node.wired().await;

    let is_forced = tokio::select! {
        served = &mut serving => return Ok(served.map_err(io::Error::other)??),
        is_forced = end(&node, owner, &shutdown) => is_forced?,
    };
    stop_control.cancel();
    tracker.close();
    if !is_forced {
        let farewell = async { tokio::join!(relay.drain(FAREWELL), tracker.wait(), &mut serving) };
        if tokio::time::timeout(2 * FAREWELL, farewell).await.is_err() {
            warn!("connections were still open at the end and are cut");
        }
    }
    info!("node ended");
    Ok(())
}

/// Whom the node takes where requests come; `None`: anybody who has a token.
fn data_tls(config: &Config, refusals: &Arc<Refusals>) -> Option<TlsServer> {
    let is_wanted = config.cluster.tls.as_ref().is_some_and(|tls| tls.data);
    let tls = config.tls.clone().filter(|_| is_wanted)?;
    info!("requests need a certificate of the front end of their service");
    let (shown, refusals) = (tls.clone(), Arc::clone(refusals));
    let server = TlsServer::new(move || shown.data_server()).naming(move |shown| tls.service_of(shown));
    Some(server.telling(move |failed| match failed.cause {
        Some(cause) => {
            let (words, claims) = Tls::why_refused(cause);
            refusals.data_connection(failed.client, &claims, &words);
        }
        // A probe of the port.
        None if failed.fault == HandshakeFault::Gone => {}
        None => refusals.data_connection(failed.client, "", failed.words),
    }))
}

/// What the task-processor of `node` that goes by `in_force` would make of `read`.
pub fn rehearse(in_force: &Cluster, read: &Cluster, node: &cluster::config::Node) -> Outcome {
    Follower::new(in_force.clone(), node.clone()).outcome(read)
}

/// Answers what is asked of this daemon on its own machine, as long as it is let run.
async fn answer_here(listener: tokio::net::UnixListener, reloader: Reloader) {
    let reloading =
        ReloadServer::new(grpc::Reloading(reloader)).max_decoding_message_size(FILE_MESSAGE_BYTES_MAX);
    let incoming = tokio_stream::wrappers::UnixListenerStream::new(listener);
    let served =
        tonic::transport::Server::builder().add_service(reloading).serve_with_incoming(incoming).await;
    if let Err(fault) = served {
        tracing::error!("the socket for this machine ends: {fault}");
    }
}

/// Announces the end when it is asked for and waits for the last lease; whether it was forced instead.
async fn end(
    node: &Node,
    mut owner: AbortOnDropHandle<Result<(), NodeFault>>,
    shutdown: &Shutdown,
) -> Result<bool, NodeFault> {
    tokio::select! {
        biased;
        () = shutdown.forced() => return Ok(true),
        () = shutdown.asked() => {}
        // Before it is told to, it ends only by failing.
        ended = &mut owner => return ended.map_err(NodeFault::Owner)?.map(|()| false),
    }
    info!("node ends: waiting for its leases to be drained");
    node.end().await;
    tokio::select! {
        biased;
        () = shutdown.forced() => Ok(true),
        ended = owner => ended.map_err(NodeFault::Owner)?.map(|()| false),
    }
}

/// Says who may call here, and refuses that it be anybody without a word in the file. With certificates, what
/// watches over the end of the node's own.
fn guard(config: &Config, control: SocketAddr) -> Result<Option<AbortOnDropHandle<()>>, NodeFault> {
    let Some(tls) = &config.tls else {
        match (control.ip().is_loopback(), config.cluster.insecure) {
            (true, _) => info!("no [tls]: control calls are not encrypted and stay on the loopback"),
            (false, true) => warn!(
                %control,
                "insecure: control calls are not encrypted, and whoever reaches this address may start services"
            ),
            (false, false) => return Err(NodeFault::Open(control)),
        }
        return Ok(None);
    };
    info!(
        expires = cluster::tls::date(tls.expires()),
        "control calls need a certificate of the cluster's CA"
    );
    Ok(Some(AbortOnDropHandle::new(tokio::spawn(tls.clone().watch_expiry()))))
}

fn first_address(listeners: &[TcpListener]) -> io::Result<SocketAddr> {
    match listeners.first() {
        Some(listener) => listener.local_addr(),
        None => {
            Err(io::Error::new(io::ErrorKind::InvalidInput, "no listener for relayed requests was given"))
        }
    }
}

fn terms(config: Config) -> Terms {
    Terms {
        limits: Limits::of(&config.cluster, config.node.slots),
        machine: config.node.address,
        name: config.node.name,
        slots: config.node.slots,
        services: config.cluster.services,
        state_file: config.state_file,
    }
}

/// A node runs several services behind one relay, so each time is that of the most patient service;
/// the front end keeps its own service's times. Those whose requests come straight have no part in it.
fn settings(services: &[Service], access_log: Option<AccessLog>) -> Settings {
    let relayed = || services.iter().filter(|service| service.path == DataPath::Relayed);
    let longest = |time: fn(&Service) -> Duration| relayed().map(time).max();
    let default = Settings::default();
    let longest = |time, default| longest(time).unwrap_or(default);
    Settings {
        front: false,
        served_by: false,
        connect_timeout: longest(|service| service.connect_timeout, default.connect_timeout),
        first_byte_timeout: longest(|service| service.first_byte_timeout, default.first_byte_timeout),
        head_timeout: longest(|service| service.head_timeout, default.head_timeout),
        body_idle_timeout: longest(|service| service.body_idle_timeout, default.body_idle_timeout),
        response_idle_timeout: longest(
            |service| service.response_idle_timeout,
            default.response_idle_timeout,
        ),
        tunnel_idle_timeout: longest(|service| service.tunnel_idle_timeout, default.tunnel_idle_timeout),
        // The front end ends a connection that rests, well before the node does: a request must not meet the
        // node's close on its way.
        keep_alive_timeout: longest(|service| service.upstream_idle_timeout, default.upstream_idle_timeout)
            .saturating_mul(2)
            .max(default.keep_alive_timeout),
        // The least patient service decides how long a connection may rest before it is used again.
        upstream_idle_timeout: relayed()
            .map(|service| service.upstream_idle_timeout)
            .min()
            .unwrap_or(default.upstream_idle_timeout),
        // A front end adds its own fields to what it lets pass.
        head_bytes_max: usize::MAX,
        fields_max: relay::h1::FIELDS_MAX,
        access_log,
        ..default
    }
}
