//! `cluster.toml` as the daemons use it: every value checked, every default filled in.
//!
//! What a person wrote is taken apart in `written`, judged in `checked` and becomes the types here;
//! nothing else in Accordion reads the file. Shares and speeds are plain numbers, times are
//! `Duration`s.

mod capacity;
mod change;
mod checked;
mod digest;
mod fault;
mod file;
mod floor;
mod kind;
mod lines;
mod network;
mod report;
mod sample;
mod scaling;
mod service;
mod set;
mod several;
mod sharing;
mod syntax;
mod tls;
mod typo;
mod written;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

pub use capacity::Capacity;
pub use change::{Change, KeyChange, Owner, changes};
pub use digest::{CommandDigest, NoDigest};
pub use fault::{Fault, Faults};
pub use file::{FILE_BYTES_MAX, Whereabouts, newest, newest_digest, parse, read, take, text, whereabouts};
pub use floor::{Floor, TimeOfDay, Weekday};
pub(crate) use kind::is_name;
pub use network::Network;
pub use sample::sample;
pub use scaling::{Policy, Scaling};
pub use service::{
    AccessLog, DAEMON_USER, DEFAULT_USER, DataPath, DispatchRule, Forwarding, Local, ProcessLimits, Service,
    UpstreamProtocol,
};
pub use set::{Set, SetFault, parse_with};
pub use several::{SEVERAL_MAX, SeveralFault, several};
pub use sharing::Sharing;
pub use tls::{CertificateFiles, ServiceTls, Tls};

/// The most services that a node may be configured to run at once.
pub const SLOTS_MAX: u32 = 1000;

/// The most nodes that a service may be configured to hold.
pub const NODES_MAX: u32 = 100_000;

/// The least that a service may weigh: ten thousand to one is apart enough.
pub const WEIGHT_MIN: f64 = 0.01;
/// The most that it may weigh.
pub const WEIGHT_MAX: f64 = 100.0;

/// The highest priority of a service.
pub const PRIORITY_MAX: u32 = 100;

/// One cluster: the pool and the services that borrow from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Cluster {
    /// The name that directories and log lines carry.
    pub name: String,
    /// Whether control connections may leave the loopback although nothing encrypts them; of no account
    /// beside `tls`.
    pub insecure: bool,
    /// Where the Unix sockets are; `None`: what the system offers (see `daemon::Directories`).
    pub runtime_dir: Option<PathBuf>,
    /// Where a daemon keeps what must survive it; `None`: what the system offers.
    pub state_dir: Option<PathBuf>,
    /// How long the nodes' promises last.
    pub lease: Lease,
    /// How fast services that share the pool give nodes back.
    pub sharing: Sharing,
    /// Where the certificates are; `None`: control connections are not encrypted.
    pub tls: Option<Tls>,
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

impl Cluster {
    /// Services that all nodes of the pool together may run at once.
    pub fn slots(&self) -> u32 {
        self.nodes.iter().map(|node| node.slots).fold(0, u32::saturating_add)
    }

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
