//! One node with certificates, those of everybody else, and what it logs.
#![allow(unreachable_pub)]

use std::fs;
use std::future::Future;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Mutex, Once};
use std::time::Duration;

use cluster::config::{self, Cluster};
use cluster::daemon::{self, Reload, Shutdown};
use cluster::tls::{Authority, DialFault, Dialled, Identity, Places, Tls, Validity};
use hyper_util::rt::TokioIo;
use proto::task_processor as pb;
use proto::task_processor::task_processor_client::TaskProcessorClient;
use task_processor::{Config, Listeners, NodeFault};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

/// More than anything here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);

pub type Client = TaskProcessorClient<Channel>;

const CLUSTER: &str = r#"
[cluster]
name = "test"
[cluster.lease]
ttl = "60s"
[tls]
data = true
[[node]]
name = "n1"
address = "127.0.0.1"
slots = 2
[service.shop]
front_end = "127.0.0.1"
listen = "127.0.0.1:8080"
command = ["/bin/false", "{port}"]
capacity = 8
[service.blog]
front_end = "127.0.0.2"
listen = "127.0.0.2:8080"
command = ["/bin/false", "{port}"]
capacity = 8
"#;

/// A running node.
pub struct Secured {
    pub address: SocketAddr,
    /// Where requests come.
    pub data: SocketAddr,
    pub authority: Authority,
    directory: TempDir,
    tls: Tls,
    _shutdown: Shutdown,
    _files: cluster::daemon::Reloader,
    ended: JoinHandle<Result<(), NodeFault>>,
}

/// What all nodes of this process logged.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub fn said() -> String {
    String::from_utf8_lossy(&LOG.lock().unwrap()).into_owned()
}

/// The answer, or a failed test where there is none in time.
pub async fn soon<T>(answer: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, answer).await.expect("an answer in time")
}

pub fn lease(grant: &pb::Grant) -> pb::LeaseRef {
    pb::LeaseRef { lease_id: grant.lease_id.clone(), epoch: grant.epoch }
}

fn put(directory: &Path, identity: &Identity, issued: &cluster::tls::Issued) {
    let Places { certificate, key, .. } = Places::in_directory(directory, identity);
    fs::write(certificate, &issued.certificate).unwrap();
    fs::write(key, &issued.key).unwrap();
}

fn own() -> Identity {
    Identity::Node("n1".into())
}

impl Secured {
    /// One with a CA of its own.
    pub async fn start() -> Self {
        static LOGGING: Once = Once::new();
        LOGGING.call_once(|| {
            tracing_subscriber::fmt().with_ansi(false).with_writer(|| Log).init();
        });
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::new("test", Validity::days(10)).unwrap();
        fs::write(directory.path().join("ca.pem"), authority.certificate()).unwrap();
        put(directory.path(), &own(), &authority.issue(&own(), Validity::days(300)).unwrap());
        let tls = Tls::load_from("test", Places::in_directory(directory.path(), &own()), own()).unwrap();
        let listeners = listeners(Ipv4Addr::LOCALHOST.into());
        let address = listeners.control.local_addr().unwrap();
        let data = listeners.data[0].local_addr().unwrap();
        let cluster = config::parse("cluster.toml", CLUSTER).unwrap();
        let node = cluster.nodes[0].clone();
        let state_file = directory.path().join("state");
        let config = Config { cluster, node, state_file, tls: Some(tls.clone()), access_log: None };
        let (shutdown, (files, reload)) = (Shutdown::manual(), Reload::manual());
        let ended = tokio::spawn(task_processor::run(config, listeners, reload, shutdown.clone()));
        Self { address, data, authority, directory, tls, _shutdown: shutdown, _files: files, ended }
    }

    /// Somebody whom its CA knows as that.
    pub async fn client(&self, identity: &Identity) -> Client {
        let (tls, address) = (self.tls(identity), self.address);
        let dial = move |_| {
            let tls = tls.clone();
            async move { tls.dial("n1", address).await.map(TokioIo::new) }
        };
        let endpoint = Endpoint::from_static("http://n1");
        Client::new(soon(endpoint.connect_with_connector(service_fn(dial))).await.unwrap())
    }

    /// What such a one shows.
    pub fn tls(&self, identity: &Identity) -> Tls {
        put(self.directory.path(), identity, &self.authority.issue(identity, Validity::days(9)).unwrap());
        let places = Places::in_directory(self.directory.path(), identity);
        Tls::load_from("test", places, identity.clone()).unwrap()
    }

    /// What one of this CA shows, that believes the CA of the other node.
    pub fn believing(&self, other: &Self, identity: &Identity) -> Tls {
        let both = format!("{}{}", self.authority.certificate(), other.authority.certificate());
        fs::write(self.directory.path().join("ca.pem"), both).unwrap();
        self.tls(identity)
    }

    pub async fn dial_with(&self, tls: &Tls) -> Result<Dialled, DialFault> {
        soon(tls.dial("n1", self.address)).await
    }

    /// Gives the node a new certificate, which it reads.
    pub fn exchange(&self, validity: Validity) {
        put(self.directory.path(), &own(), &self.authority.issue(&own(), validity).unwrap());
        self.tls.reload().unwrap();
    }

    /// Waits until the node shows the operator what is looked for.
    pub async fn until(&self, is_so: impl Fn(&pb::NodeStatus) -> bool) -> pb::NodeStatus {
        let mut operator = self.client(&Identity::Operator).await;
        soon(async {
            loop {
                let status = operator.status(pb::StatusRequest {}).await.unwrap().into_inner();
                if is_so(&status) {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await
    }
}

impl Drop for Secured {
    fn drop(&mut self) {
        self.ended.abort();
    }
}

fn listeners(control: IpAddr) -> Listeners {
    Listeners {
        control: daemon::listener(SocketAddr::new(control, 0)).unwrap(),
        data: daemon::listeners(([127, 0, 0, 1], 0).into(), 1).unwrap(),
    }
}

/// A node without certificates whose control port is everybody's, asked to end at once.
pub async fn run_open(insecure: bool) -> Result<(), NodeFault> {
    let directory = tempfile::tempdir().unwrap();
    let cluster = Cluster { insecure, tls: None, ..config::parse("cluster.toml", CLUSTER).unwrap() };
    let node = cluster.nodes[0].clone();
    let config =
        Config { cluster, node, state_file: directory.path().join("state"), tls: None, access_log: None };
    let (shutdown, (_files, reload)) = (Shutdown::manual(), Reload::manual());
    shutdown.ask();
    task_processor::run(config, listeners(Ipv4Addr::UNSPECIFIED.into()), reload, shutdown).await
}
