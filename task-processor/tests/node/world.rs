//! One node on ports of its own, with its client, its requests and its service.
#![allow(unreachable_pub)]

use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cluster::config::{self, Cluster, DataPath};
use cluster::daemon::{self, Reload, Reloader, Shutdown};
use proto::task_processor as pb;
use proto::task_processor::reserve_reply::Answer;
use proto::task_processor::task_processor_client::TaskProcessorClient;
use relay::access_log::AccessLog;
use task_processor::{Config, Listeners, NodeFault};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::Channel;

/// More than anything here takes on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(20);

pub type Client = TaskProcessorClient<Channel>;

/// The times are long, so that only a test that shortens one meets it.
const CLUSTER: &str = r#"
[cluster]
name = "test"
[cluster.lease]
ttl = "60s"
[[node]]
name = "n1"
address = "127.0.0.1"
[service.shop]
front_end = "127.0.0.1"
listen = "127.0.0.1:8080"
command = ["{accordion}", "{address}", "{port}"]
ready = "/healthz"
capacity = 8
stop_timeout = "1s"
"#;

/// A running node.
pub struct World {
    pub directory: TempDir,
    pub client: Client,
    pub data: SocketAddr,
    /// What is sent here takes the place of its cluster.toml.
    pub files: Reloader,
    pub shutdown: Shutdown,
    pub ended: JoinHandle<Result<(), NodeFault>>,
}

/// One renewal stream, from the holder's side.
pub struct Holder {
    messages: mpsc::Sender<pb::RenewRequest>,
    replies: Streaming<pb::RenewReply>,
    pub incarnation: u64,
}

/// What came back for a request.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub text: String,
}

pub fn cluster() -> Cluster {
    config::parse("cluster.toml", CLUSTER).unwrap()
}

/// The same with requests that go straight to the service, on an address of the node's own.
pub fn direct_cluster() -> Cluster {
    let mut cluster = cluster();
    cluster.nodes[0].address = [127, 88, 0, 1].into();
    cluster.services[0].path = DataPath::Direct;
    cluster
}

/// A node that runs by these rules.
pub async fn world(cluster: Cluster) -> World {
    world_in(cluster, tempfile::tempdir().unwrap()).await
}

/// A node that goes on from what one before it saved in the directory.
pub async fn world_in(cluster: Cluster, directory: TempDir) -> World {
    logging_world(cluster, directory, None).await
}

/// The same, with a line for each request.
pub async fn logging_world(cluster: Cluster, directory: TempDir, access_log: Option<AccessLog>) -> World {
    cluster::guard::use_program(tiny_service());
    let any_port: SocketAddr = ([127, 0, 0, 1], 0).into();
    let listeners = Listeners {
        control: daemon::listener(any_port).unwrap(),
        data: daemon::listeners(any_port, 2).unwrap(),
    };
    let control = listeners.control.local_addr().unwrap();
    let data = listeners.data[0].local_addr().unwrap();
    let node = cluster.nodes[0].clone();
    let state_file = state_file(directory.path());
    let config = Config { cluster, node, state_file, tls: None, access_log };
    let shutdown = Shutdown::manual();
    let (files, reload) = Reload::manual();
    let ended = tokio::spawn(task_processor::run(config, listeners, reload, shutdown.clone()));
    let client = soon(Client::connect(format!("http://{control}"))).await.unwrap();
    World { directory, client, data, files, shutdown, ended }
}

pub fn state_file(directory: &Path) -> PathBuf {
    directory.join("task-processor-n1.state")
}

/// The answer, or a failed test where there is none in time.
pub async fn soon<T>(answer: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, answer).await.expect("an answer in time")
}

impl World {
    /// Reserves for `front_end` and answers whatever the node says.
    pub async fn ask(&self, front_end: &str, incarnation: u64, request_id: &str) -> Answer {
        let reclaim = None;
        self.wish(pb::ReserveRequest { incarnation, reclaim, ..wish(front_end, request_id) }).await.unwrap()
    }

    /// Reserves, if need be by a reclaim for this reason.
    pub async fn ask_reclaiming(&self, front_end: &str, reason: i32) -> Result<Answer, tonic::Status> {
        let reclaim = Some(pb::ReclaimWish { reason, slots: 0 });
        self.wish(pb::ReserveRequest { reclaim, ..wish(front_end, "wish") }).await
    }

    async fn wish(&self, request: pb::ReserveRequest) -> Result<Answer, tonic::Status> {
        let reply = soon(self.client.clone().reserve(request)).await?.into_inner();
        Ok(reply.answer.unwrap())
    }

    /// Reserves where that must succeed.
    pub async fn reserve(&self, front_end: &str) -> pb::Grant {
        match self.ask(front_end, 1, "wish").await {
            Answer::Grant(grant) => grant,
            Answer::Denial(denial) => panic!("{denial:?}"),
        }
    }

    /// A lease of front end "fe", incarnation 1, that serves.
    pub async fn ready(&self) -> pb::Grant {
        let grant = self.reserve("fe").await;
        let started = soon(self.client.clone().start(lease(&grant))).await.unwrap().into_inner();
        assert_eq!(started.data_address, self.data.to_string());
        grant
    }

    /// A lease as `ready`, of a service whose requests come straight; and where it takes them.
    pub async fn ready_direct(&self) -> (pb::Grant, SocketAddr) {
        let grant = self.reserve("fe").await;
        let started = soon(self.client.clone().start(lease(&grant))).await.unwrap().into_inner();
        assert_eq!(started.data_address, "");
        (grant, service_at(started.service_port))
    }

    /// What a person is shown.
    pub async fn status(&self) -> pb::NodeStatus {
        soon(self.client.clone().status(pb::StatusRequest {})).await.unwrap().into_inner()
    }

    /// Waits until the node shows what is looked for.
    pub async fn until(&self, what: &str, is_so: impl Fn(&pb::NodeStatus) -> bool) -> pb::NodeStatus {
        let looking = async {
            loop {
                let status = self.status().await;
                if is_so(&status) {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(DEADLINE, looking).await.unwrap_or_else(|_| panic!("never: {what}"))
    }

    /// A GET on a connection of its own.
    pub async fn get(&self, path: &str, token: Option<&str>) -> Reply {
        soon(get(self.data, path.to_owned(), token.map(str::to_owned))).await
    }

    /// A GET that is answered once the file exists; the node has counted it when this returns.
    pub async fn running_request(&self, grant: &pb::Grant, file: &Path) -> JoinHandle<Reply> {
        let path = format!("/until{}", file.display());
        let request = tokio::spawn(get(self.data, path, Some(grant.token.clone())));
        self.until("a request in flight", |status| status.leases[0].in_flight == Some(1)).await;
        request
    }

    /// Opens a renewal stream.
    pub async fn holder(&self, incarnation: u64) -> Holder {
        let (messages, out) = mpsc::channel(8);
        let replies = soon(self.client.clone().renew(ReceiverStream::new(out))).await.unwrap().into_inner();
        Holder { messages, replies, incarnation }
    }
}

impl Holder {
    /// Renews these leases and answers with the reply to that very message.
    pub async fn renew(&mut self, sequence: u64, leases: &[pb::LeaseRef]) -> pb::RenewReply {
        self.answered(pb::RenewRequest { sequence, ..self.message("fe", leases) }).await
    }

    /// Renews these leases, marks none, and claims.
    pub async fn claim(
        &mut self,
        sequence: u64,
        leases: &[pb::LeaseRef],
        claim: pb::Claim,
    ) -> pb::RenewReply {
        let message = self.message(&claim.front_end, leases);
        self.answered(pb::RenewRequest { sequence, claim: Some(claim), ..message }).await
    }

    /// Renews these leases, marks all of them, and claims.
    pub async fn claim_marked(
        &mut self,
        sequence: u64,
        leases: &[pb::LeaseRef],
        claim: pb::Claim,
    ) -> pb::RenewReply {
        let message = self.message(&claim.front_end, leases);
        let guaranteed = leases.iter().map(|lease| lease.lease_id.clone()).collect();
        self.answered(pb::RenewRequest { sequence, claim: Some(claim), guaranteed, ..message }).await
    }

    /// Says something in the name of `front_end`.
    pub async fn send(&mut self, front_end: &str, leases: &[pb::LeaseRef]) {
        self.messages.send(self.message(front_end, leases)).await.unwrap();
    }

    /// Claims something in the name of `front_end`.
    pub async fn send_claim(&mut self, front_end: &str, claim: pb::Claim) {
        let message = pb::RenewRequest { claim: Some(claim), ..self.message(front_end, &[]) };
        self.messages.send(message).await.unwrap();
    }

    async fn answered(&mut self, message: pb::RenewRequest) -> pb::RenewReply {
        let sequence = message.sequence;
        self.messages.send(message).await.unwrap();
        self.heard(|reply| reply.sequence == sequence).await
    }

    fn message(&self, front_end: &str, leases: &[pb::LeaseRef]) -> pb::RenewRequest {
        pb::RenewRequest {
            service: "shop".to_owned(),
            front_end: front_end.to_owned(),
            incarnation: self.incarnation,
            sequence: 0,
            leases: leases.to_vec(),
            claim: None,
            guaranteed: Vec::new(),
        }
    }

    /// Waits for the node to end the stream with a fault.
    pub async fn fault(&mut self) -> tonic::Status {
        loop {
            match soon(self.replies.message()).await {
                Ok(reply) => assert!(reply.is_some(), "the stream ended without a word"),
                Err(fault) => return fault,
            }
        }
    }

    /// The next reply of that kind; others are passed over.
    pub async fn heard(&mut self, is_it: impl Fn(&pb::RenewReply) -> bool) -> pb::RenewReply {
        loop {
            let reply = soon(self.replies.message()).await.unwrap().expect("the stream is open");
            if is_it(&reply) {
                return reply;
            }
        }
    }

    /// Waits for the node to end the stream.
    pub async fn ended(&mut self) {
        while soon(self.replies.message()).await.is_ok_and(|reply| reply.is_some()) {}
    }
}

/// Where the service of `direct_cluster` takes requests that listens on this port.
pub fn service_at(port: u32) -> SocketAddr {
    SocketAddr::new([127, 88, 0, 1].into(), port.try_into().unwrap())
}

/// What a front end that wants one node says of itself.
pub fn claim(front_end: &str, held: u32, weight: f64) -> pb::Claim {
    let (service, front_end) = ("shop".to_owned(), front_end.to_owned());
    pb::Claim { service, front_end, held, want: 1, min: 0, max: 1, weight, priority: 0, age_ms: 0, slots: 0 }
}

fn wish(front_end: &str, request_id: &str) -> pb::ReserveRequest {
    pb::ReserveRequest {
        service: "shop".to_owned(),
        front_end: front_end.to_owned(),
        incarnation: 1,
        request_id: request_id.to_owned(),
        reclaim: None,
    }
}

pub fn lease(grant: &pb::Grant) -> pb::LeaseRef {
    pb::LeaseRef { lease_id: grant.lease_id.clone(), epoch: grant.epoch }
}

/// Built by cargo with the tests.
fn tiny_service() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.ancestors().nth(2).unwrap().join("examples/tiny-service");
    assert!(program.exists(), "{} is missing: cargo build -p task-processor --examples", program.display());
    program
}

async fn get(data: SocketAddr, path: String, token: Option<String>) -> Reply {
    let token = token.map_or(String::new(), |token| format!("X-Accordion-Token: {token}\r\n"));
    let mut stream = TcpStream::connect(data).await.unwrap();
    ask(&mut stream, &path, &token).await;
    reply(stream).await
}

/// A GET to the service itself, which leaves it to us to end the connection.
pub async fn get_straight(service: SocketAddr, path: String) -> Reply {
    let mut stream = TcpStream::connect(service).await.unwrap();
    ask(&mut stream, &path, "").await;
    stream.shutdown().await.unwrap();
    reply(stream).await
}

async fn ask(stream: &mut TcpStream, path: &str, fields: &str) {
    let request = format!("GET {path} HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n{fields}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
}

async fn reply(mut stream: TcpStream) -> Reply {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let status = text.get(9..12).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{text:?}"));
    Reply { status, text: text.to_lowercase() }
}
