//! `cluster.toml` as the daemons use it: every value checked, every default filled in.
//!
//! What a person wrote is taken apart in `written`, judged in `checked` and becomes the types here;
//! nothing else in Accordion reads the file. Shares and speeds are plain numbers, times are
//! `Duration`s.

mod checked;
mod fault;
mod file;
mod kind;
mod lines;
mod report;
mod syntax;
mod written;

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

pub use fault::{Fault, Faults};
pub use file::{FILE_BYTES_MAX, parse, read};

/// The most services that a node may be configured to run at once.
pub const SLOTS_MAX: u32 = 1000;

/// One cluster: the pool and the services that borrow from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Cluster {
    /// The name that directories and log lines carry.
    pub name: String,
    /// Whether control connections may leave the loopback although nothing encrypts them yet.
    pub insecure: bool,
    /// Where the Unix sockets are; `None`: what the system offers (see `daemon::Directories`).
    pub runtime_dir: Option<PathBuf>,
    /// Where a daemon keeps what must survive it; `None`: what the system offers.
    pub state_dir: Option<PathBuf>,
    /// How long the nodes' promises last.
    pub lease: Lease,
    /// The pool, in the order of the file.
    pub nodes: Vec<Node>,
    /// The services, in the order of the file.
    pub services: Vec<Service>,
}

/// The times of a lease (design section 6).
#[derive(Debug, Clone, PartialEq)]
pub struct Lease {
    /// How long a grant lasts without a renewal. Default 10 s.
    pub ttl: Duration,
    /// How often the holder renews. Default 3 s.
    pub renew: Duration,
    /// After this long without an answer a child gets no new request while another is ready. Default 6 s.
    pub jeopardy: Duration,
    /// How long an expired lease keeps serving for its restarted holder. Default 60 s.
    pub orphan_grace: Duration,
    /// How long a reservation may wait for its start. Default 30 s.
    pub reservation_timeout: Duration,
    /// How long an announced end waits for the holder to drain. Default 30 s.
    pub reclaim_notice: Duration,
}

/// One machine of the pool.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Its name, unique in the file.
    pub name: String,
    /// Where its task-processor listens.
    pub address: IpAddr,
    /// gRPC. Default 7400.
    pub control_port: u16,
    /// Relayed requests. Default 7401.
    pub data_port: u16,
    /// Services it may run at once. Default 1.
    pub slots: u32,
    /// Against the machine that `capacity` was measured on. Default 1.0.
    pub speed: f64,
}

/// One service: what runs, where clients reach it, and what it may borrow.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// Its name, unique in the file.
    pub name: String,
    /// The front end's address.
    pub front_end: IpAddr,
    /// Where clients reach it.
    pub listen: SocketAddr,
    /// The program and its arguments, with `{port}`, `{address}` and `{accordion}` still in it.
    pub command: Vec<String>,
    /// The path whose GET answers 2xx when the service may be sent requests; `None`: a TCP connect.
    pub ready: Option<String>,
    /// Where `{port}` comes from. Default 20000-29999.
    pub ports: RangeInclusive<u16>,
    /// Requests in flight that one copy handles well (K). Required.
    pub capacity: u32,
    /// K of the local copy. Default `capacity`.
    pub local_capacity: u32,
    /// Nodes kept for this service. Default 0.
    pub min: u32,
    /// Nodes it may hold at most. Default: all of the pool.
    pub max: u32,
    /// Whether the local copy serves beside children. Default `Auto`.
    pub local: Local,
    /// Which child takes a request. Default `Fill`.
    pub dispatch: DispatchRule,
    /// Workers (threads) of the relay. `None`: one per core.
    pub workers: Option<usize>,
    /// Whether answers carry `x-accordion-served-by`. Default true.
    pub served_by: bool,
    /// Requests that may wait at the front end. Default 1000.
    pub queue_max: u32,
    /// How long a request may wait there. Default 10 s.
    pub queue_timeout: Duration,
    /// How long a connection to a child may take. Default 1 s.
    pub connect_timeout: Duration,
    /// How long a client may take for the head of a request. Default 10 s.
    pub head_timeout: Duration,
    /// How long an answer may take to begin; 504 after it. Default 60 s.
    pub first_byte_timeout: Duration,
    /// How long a copy may take from its start to its first good probe. Default 30 s.
    pub start_timeout: Duration,
    /// From SIGTERM to SIGKILL. Default 10 s.
    pub stop_timeout: Duration,
    /// How long a drain waits for a long-lived connection before closing it politely. Default 5 min.
    pub long_lived_timeout: Duration,
    /// When to add and when to drain.
    pub scaling: Scaling,
}

/// Whether the local copy serves beside children.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Local {
    /// It serves alone, and beside children only when none of them can.
    Auto,
    /// It is the first child.
    Always,
}

/// Which child takes a request (design section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DispatchRule {
    /// The paper's figure 10: fill the first Low child up to Medium, then the next.
    Fill,
    /// In turn.
    RoundRobin,
    /// The one with the fewest requests in flight.
    LeastInFlight,
    /// The better of two drawn at random.
    P2c,
}

/// Which rule decides (design section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// The paper's rule to the letter.
    Classic,
    /// Two windows, pending nodes counted as ordered, projection before a drain.
    Adaptive,
}

/// The numbers of design section 5, each a key under `[service.NAME.scaling]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Scaling {
    /// Default `Adaptive`.
    pub policy: Policy,
    /// Share of K that a copy should work at. Default 0.60.
    pub target: f64,
    /// Above this share of K a child is High. Default 0.75.
    pub high: f64,
    /// Below this share of K a child is Low; below `high` / 2. Default 0.35.
    pub low: f64,
    /// How often it decides. Default 1 s.
    pub tick: Duration,
    /// The window that sees a surge. Default 3 s.
    pub fast_window: Duration,
    /// The window that sees a trend. Default 30 s.
    pub slow_window: Duration,
    /// Ticks in a row that must be High before a node is ordered. Default 2.
    pub high_ticks: u32,
    /// At this many times `high` a node is ordered at once. Default 1.5.
    pub surge: f64,
    /// In how long the queue should be worked off. Default 10 s.
    pub queue_drain_time: Duration,
    /// Nodes that may be ordered per `add_period`, or `add_factor` times as many if that is more. Default 4.
    pub add_max: u32,
    /// See `add_max`. Default 2.0.
    pub add_factor: f64,
    /// See `add_max`. Default 2 s.
    pub add_period: Duration,
    /// The largest want of this long counts on the way down. Default 120 s.
    pub down_window: Duration,
    /// The projected load of what remains stays below this share of `high`. Default 0.85.
    pub down_projection: f64,
    /// No drain until this long after the last order. Default 60 s.
    pub down_after_up: Duration,
    /// A node younger than this is not drained. Default 60 s.
    pub node_age_min: Duration,
    /// Drains come this far apart. Default 10 s.
    pub drain_period: Duration,
    /// Share of the ready nodes drained at once, at least one. Default 0.10.
    pub drain_share: f64,
    /// The service-manager's counts older than this: no decision. Default 3 s.
    pub data_timeout: Duration,
    /// A node's own figures older than this: no capacity on the way up, full on the way down. Default 6 s.
    pub node_data_timeout: Duration,
    /// A request open for longer than this may be long-lived. Default 10 s.
    pub long_lived_after: Duration,
    /// It is, while no byte of it moved for this long. Default 1 s.
    pub long_lived_quiet: Duration,
    /// What a long-lived request weighs. Default 0.1.
    pub long_lived_weight: f64,
    /// Share of its CPUs that a service should use; `None`: CPU is not looked at.
    pub cpu_target: Option<f64>,
}

impl Default for Lease {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(10),
            renew: Duration::from_secs(3),
            jeopardy: Duration::from_secs(6),
            orphan_grace: Duration::from_secs(60),
            reservation_timeout: Duration::from_secs(30),
            reclaim_notice: Duration::from_secs(30),
        }
    }
}

impl Default for Scaling {
    fn default() -> Self {
        Self {
            policy: Policy::Adaptive,
            target: 0.60,
            high: 0.75,
            low: 0.35,
            tick: Duration::from_secs(1),
            fast_window: Duration::from_secs(3),
            slow_window: Duration::from_secs(30),
            high_ticks: 2,
            surge: 1.5,
            queue_drain_time: Duration::from_secs(10),
            add_max: 4,
            add_factor: 2.0,
            add_period: Duration::from_secs(2),
            down_window: Duration::from_secs(120),
            down_projection: 0.85,
            down_after_up: Duration::from_secs(60),
            node_age_min: Duration::from_secs(60),
            drain_period: Duration::from_secs(10),
            drain_share: 0.10,
            data_timeout: Duration::from_secs(3),
            node_data_timeout: Duration::from_secs(6),
            long_lived_after: Duration::from_secs(10),
            long_lived_quiet: Duration::from_secs(1),
            long_lived_weight: 0.1,
            cpu_target: None,
        }
    }
}

impl Cluster {
    /// The node of that name.
    pub fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name == name)
    }

    /// The service of that name, or the only one where no name is given; otherwise one sentence
    /// that names those there are.
    pub fn chosen_service(&self, name: Option<&str>) -> Result<&Service, String> {
        let names =
            || self.services.iter().map(|service| service.name.as_str()).collect::<Vec<_>>().join(", ");
        match (name, self.services.as_slice()) {
            (None, [only]) => Ok(only),
            (None, _) => Err(format!("there are several services ({}); say which with --service", names())),
            (Some(name), _) => self
                .service(name)
                .ok_or_else(|| format!("cluster.toml has no service {name:?}; it has: {}", names())),
        }
    }

    /// The service of that name.
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name == name)
    }
}

impl Node {
    /// Where its control calls go.
    pub fn control(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.control_port)
    }

    /// Where its relayed requests go.
    pub fn data(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.data_port)
    }
}
