//! `[service.NAME]`: one service with everything that the file says of it or leaves to a default.
//!
//! Each field has the name of its key. The numbers of the decisions are in `scaling`.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::{Capacity, Floor, Network, Scaling, ServiceTls};

/// As whom a service runs whose `user` is not written: somebody who has nothing but that.
pub const DEFAULT_USER: &str = "accordion-service";

/// The daemons' own user, as whom no service runs: it could read their keys and act in their name.
pub const DAEMON_USER: &str = "accordion";

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
    /// As whom it runs where systemd starts it. `None`: as `DEFAULT_USER`.
    pub user: Option<String>,
    /// What it may take of the machine where systemd starts it.
    pub limits: ProcessLimits,
    /// What the service speaks. Default `Http1`.
    pub upstream: UpstreamProtocol,
    /// How a request gets to a copy on a node. Default `Relayed`.
    pub path: DataPath,

    /// Requests in flight that one copy handles well (K). Required.
    pub capacity: Capacity,
    /// K of the local copy. Default `capacity`: where that is learned, the local copy's is too, as of speed 1.
    pub local_capacity: Capacity,
    /// Nodes kept for this service. Default 0.
    pub min: u32,
    /// Nodes it may hold at most. Default: all of the pool.
    pub max: u32,
    /// Against the other services, when nodes beyond everybody's `min` are shared out. Default 1.0.
    pub weight: f64,
    /// One of a higher priority gets them first. Default 0.
    pub priority: u32,
    /// Nodes kept started and ready beside those that serve, within `max`. Default 0.
    pub standby: u32,
    /// Workers (threads) of the relay. `None`: one per core.
    pub workers: Option<usize>,
    /// Requests that may wait at the front end. Default 1000.
    pub queue_max: u32,

    /// Whether the local copy serves beside children. Default `Auto`.
    pub local: Local,
    /// Which child takes a request. Default `Fill`.
    pub dispatch: DispatchRule,
    /// How long a new copy's share grows, while another one is below High; zero: not at all.
    /// Default 10 s.
    pub slow_start: Duration,
    /// From this share of 5xx among its answers on a copy is out for `eject_time`: above 0, at most 1;
    /// `None`: never. Default 0.5.
    pub eject_5xx: Option<f64>,
    /// How long a copy is out the first time; longer each time after. Default 10 s, nginx's `fail_timeout`.
    pub eject_time: Duration,

    /// How long a client may take for the head of a request. Default 10 s.
    pub head_timeout: Duration,
    /// How long a client may pause within the body of a request; 408 after it. Default 60 s, nginx's
    /// `client_body_timeout`.
    pub body_idle_timeout: Duration,
    /// How long a client's connection may rest between two requests. Default 60 s.
    pub keep_alive_timeout: Duration,
    /// How long an upgraded connection may be quiet both ways. Default 1 h, Envoy's idle timeout of TCP.
    pub tunnel_idle_timeout: Duration,
    /// How long a request may wait in the queue. Default 10 s.
    pub queue_timeout: Duration,
    /// How long a connection to a child may take. Default 1 s.
    pub connect_timeout: Duration,
    /// How long an answer may take to begin; 504 after it. Default 60 s.
    pub first_byte_timeout: Duration,
    /// How long a copy may pause within an answer that has begun, which is cut off after it. Default
    /// 5 min, Envoy's `stream_idle_timeout`.
    pub response_idle_timeout: Duration,
    /// How long a connection to a copy may rest in the pool. Default 4 s: Node and Apache close at 5 s.
    pub upstream_idle_timeout: Duration,
    /// How long a copy may take from its start to its first good probe. Default 30 s.
    pub start_timeout: Duration,
    /// From SIGTERM to SIGKILL. Default 10 s.
    pub stop_timeout: Duration,
    /// How long a drain waits for a long-lived connection before closing it politely. Default 5 min.
    pub long_lived_timeout: Duration,

    /// Clients' connections at a time; 503 beyond it. `None`: what the limit of open files allows.
    pub connections_max: Option<u32>,
    /// Bytes of a request's head; 414 or 431 beyond it. Default 16 KiB, as in Node and HAProxy.
    pub head_max: usize,
    /// Header fields of a request; 431 beyond it. Default 100, as in Apache and Envoy.
    pub headers_max: usize,
    /// Bytes of a request's body; 413 beyond it. `None`: no limit.
    pub body_max: Option<u64>,

    /// Whose `X-Forwarded-*` and `Forwarded` are believed and appended to. Default: nobody's.
    pub trusted_proxies: Vec<Network>,
    /// Whether each client connection must begin with a PROXY protocol header, version 1 or 2; from
    /// the trusted proxies only, if there are any. Default false.
    pub proxy_protocol: bool,
    /// What the front end writes into messages that it passes on. Default: all of it.
    pub forwarding: Forwarding,
    /// Whether answers carry `x-accordion-served-by`. Default true.
    pub served_by: bool,

    /// How each request is logged. Default `Off`.
    pub access_log: AccessLog,
    /// Where; `None`: standard output. Means nothing while `access_log` is `Off`.
    pub access_log_file: Option<PathBuf>,
    /// Where `/metrics` and `/healthz` answer; `None`: nowhere.
    pub admin: Option<SocketAddr>,

    /// Where clients speak TLS; `None`: nowhere.
    pub tls: Option<ServiceTls>,
    /// Nodes that it is to have at certain times. Default: none.
    pub floors: Vec<Floor>,
    /// When to add and when to drain.
    pub scaling: Scaling,
}

/// What one copy may take of its machine: all of its processes together. Default: no limits.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ProcessLimits {
    /// CPUs; 1.0 is one CPU.
    pub cpu: Option<f64>,
    /// Bytes.
    pub memory: Option<u64>,
    /// Processes and threads.
    pub tasks: Option<u32>,
}

/// What the service speaks on its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamProtocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2 without TLS, begun with its preface (RFC 9113, section 3.3), on the hop to the node too.
    H2c,
}

/// How a request gets from the front end to a copy on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataPath {
    /// By the node's task-processor, which checks the lease's token, counts the request and relays it
    /// to the copy on the loopback.
    Relayed,
    /// Straight to the copy, which listens on the node's own address; the task-processor is for control.
    Direct,
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

/// The header fields that the front end writes into messages that it passes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forwarding {
    /// `X-Forwarded-For` in requests: the client's address.
    pub x_forwarded_for: bool,
    /// `X-Forwarded-Host` in requests: the host that the client named.
    pub x_forwarded_host: bool,
    /// `X-Forwarded-Proto` in requests: the scheme that the client used.
    pub x_forwarded_proto: bool,
    /// `Forwarded` in requests: all of that in one field (RFC 7239).
    pub forwarded: bool,
    /// `Via` in requests and answers (RFC 9110, section 7.6.3).
    pub via: bool,
}

/// How each request is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessLog {
    /// Not at all.
    Off,
    /// One line each in the combined log format of Apache and nginx.
    Combined,
    /// One JSON object each, on a line of its own.
    Json,
}

impl Forwarding {
    /// Every field: the default.
    pub const ALL: Self = Self {
        x_forwarded_for: true,
        x_forwarded_host: true,
        x_forwarded_proto: true,
        forwarded: true,
        via: true,
    };
    /// None of them.
    pub const NONE: Self = Self {
        x_forwarded_for: false,
        x_forwarded_host: false,
        x_forwarded_proto: false,
        forwarded: false,
        via: false,
    };
}
