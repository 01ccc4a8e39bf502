//! Nodes that grant, start and renew as task-processors do, and run nothing: a real gRPC server each, on an
//! address of its own, all in this process. The pool is shared with two other services, of which every
//! answer to a renewal tells.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use proto::task_processor as pb;
use proto::task_processor::reserve_reply::Answer;
use proto::task_processor::task_processor_server::{TaskProcessor, TaskProcessorServer};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

/// As a task-processor asks whether a connection still lives.
const KEEPALIVE_EVERY: Duration = Duration::from_secs(3);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(4);

/// Slots of each node: one for each service.
pub(crate) const SLOTS: u32 = 3;

/// The other services, and how many nodes each of them holds at least.
const OTHERS: [(&str, u32); 2] = [("blog", 200), ("wiki", 150)];

/// How often another service's want changes, and after how long it holds what it wants.
const OTHERS_CHANGE: Duration = Duration::from_secs(5);
const OTHERS_LAG: Duration = Duration::from_secs(2);

/// Requests in flight on a copy, as a node counts them.
const IN_FLIGHT: u32 = 100;

/// What all nodes were asked so far.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// Slots granted.
    pub(crate) granted: AtomicU64,
    /// Slots given back.
    pub(crate) released: AtomicU64,
    /// Renewals answered.
    pub(crate) renewed: AtomicU64,
}

/// The nodes.
pub(crate) struct Pool {
    /// Where each is reached.
    pub(crate) addresses: Vec<SocketAddr>,
    /// What they were asked.
    pub(crate) asked: Arc<Asked>,
}

struct Node {
    address: SocketAddr,
    begin: Instant,
    asked: Arc<Asked>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    epoch: u64,
    held: Option<Held>,
}

struct Held {
    lease_id: String,
    epoch: u64,
    state: pb::LeaseState,
}

impl Pool {
    /// So many nodes, listening from here on. Their tasks end with the runtime.
    pub(crate) async fn listen(count: u32) -> Self {
        // 127.64.0.0 and up: the process picks the block, so that two runs do not meet.
        let first = u32::from(Ipv4Addr::new(127, 64, 0, 0)) + std::process::id() % 4000 * 512 + 1;
        let asked = Arc::new(Asked::default());
        let mut addresses = Vec::new();
        for index in 0..count {
            let listener = TcpListener::bind((Ipv4Addr::from(first + index), 0)).await.expect("loopback");
            let address = listener.local_addr().expect("it is bound");
            addresses.push(address);
            let node =
                Node { address, begin: Instant::now(), asked: Arc::clone(&asked), state: Arc::default() };
            let server = Server::builder()
                .tcp_nodelay(true)
                .http2_keepalive_interval(Some(KEEPALIVE_EVERY))
                .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
                .add_service(TaskProcessorServer::new(node));
            tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        }
        Self { addresses, asked }
    }
}

impl State {
    /// The lease of that name, in its epoch.
    fn named(&mut self, lease: &pb::LeaseRef) -> Result<&mut Held, Status> {
        let held =
            self.held.as_mut().filter(|held| held.lease_id == lease.lease_id && held.epoch == lease.epoch);
        held.ok_or_else(|| Status::failed_precondition("the node does not know the lease"))
    }

    fn report(&self, lease: &pb::LeaseRef) -> pb::LeaseReport {
        let held = self.held.as_ref().filter(|held| held.lease_id == lease.lease_id);
        let state = held.map_or(pb::LeaseState::Gone, |held| held.state);
        pb::LeaseReport {
            lease_id: lease.lease_id.clone(),
            epoch: lease.epoch,
            state: state.into(),
            in_flight: held.map(|_| IN_FLIGHT),
            cpu: 1.2,
            memory_bytes: 300 << 20,
            ..Default::default()
        }
    }
}

impl Node {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with it")
    }

    /// The entrance that a task-processor names: its own address and the port where it would relay.
    fn data_address(&self) -> String {
        SocketAddr::new(self.address.ip(), 7401).to_string()
    }

    fn set(&self, lease: &pb::LeaseRef, state: pb::LeaseState) -> Result<(), Status> {
        self.state().named(lease)?.state = state;
        Ok(())
    }
}

#[tonic::async_trait]
impl TaskProcessor for Node {
    type RenewStream = ReceiverStream<Result<pb::RenewReply, Status>>;

    async fn reserve(
        &self,
        request: Request<pb::ReserveRequest>,
    ) -> Result<Response<pb::ReserveReply>, Status> {
        let request = request.into_inner();
        let mut state = self.state();
        let answer = if state.held.is_some() {
            Answer::Denial(pb::Denial { detail: "it is held".to_owned(), ..Default::default() })
        } else {
            state.epoch += 1;
            let lease_id = format!("{:08x}{:08x}", u32::from_be_bytes(octets(self.address)), state.epoch);
            let grant = pb::Grant {
                lease_id: lease_id.clone(),
                epoch: state.epoch,
                ttl_ms: 10_000,
                token: format!("{lease_id}{:016x}", request.incarnation),
            };
            state.held = Some(Held { lease_id, epoch: state.epoch, state: pb::LeaseState::Reserved });
            self.asked.granted.fetch_add(1, Ordering::Relaxed);
            Answer::Grant(grant)
        };
        Ok(Response::new(pb::ReserveReply { answer: Some(answer) }))
    }

    async fn start(&self, request: Request<pb::LeaseRef>) -> Result<Response<pb::StartReply>, Status> {
        self.set(&request.into_inner(), pb::LeaseState::Ready)?;
        let data_address = self.data_address();
        Ok(Response::new(pb::StartReply { data_address, start_ms: 1, service_port: 0 }))
    }

    async fn drain(&self, request: Request<pb::LeaseRef>) -> Result<Response<pb::DrainReply>, Status> {
        self.set(&request.into_inner(), pb::LeaseState::Draining)?;
        Ok(Response::new(pb::DrainReply {}))
    }

    async fn undrain(&self, request: Request<pb::LeaseRef>) -> Result<Response<pb::UndrainReply>, Status> {
        self.set(&request.into_inner(), pb::LeaseState::Ready)?;
        Ok(Response::new(pb::UndrainReply {}))
    }

    async fn stop(&self, request: Request<pb::LeaseRef>) -> Result<Response<pb::StopReply>, Status> {
        self.set(&request.into_inner(), pb::LeaseState::Stopping)?;
        Ok(Response::new(pb::StopReply {}))
    }

    async fn release(&self, request: Request<pb::LeaseRef>) -> Result<Response<pb::ReleaseReply>, Status> {
        let mut state = self.state();
        if state.named(&request.into_inner()).is_ok() {
            state.held = None;
            self.asked.released.fetch_add(1, Ordering::Relaxed);
        }
        Ok(Response::new(pb::ReleaseReply {}))
    }

    async fn adopt(&self, _: Request<pb::AdoptRequest>) -> Result<Response<pb::AdoptReply>, Status> {
        // Each run begins with nodes that hold nothing.
        Ok(Response::new(pb::AdoptReply::default()))
    }

    async fn renew(
        &self,
        request: Request<Streaming<pb::RenewRequest>>,
    ) -> Result<Response<Self::RenewStream>, Status> {
        let (told, replies) = mpsc::channel(16);
        let mut messages = request.into_inner();
        let (state, asked, begin) = (Arc::clone(&self.state), Arc::clone(&self.asked), self.begin);
        tokio::spawn(async move {
            while let Ok(Some(message)) = messages.message().await {
                let reply = reply(&message, &state.lock().expect("nobody panics with it"), begin.elapsed());
                asked.renewed.fetch_add(1, Ordering::Relaxed);
                if told.send(Ok(reply)).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(replies)))
    }

    async fn set_maintenance(
        &self,
        _: Request<pb::SetMaintenanceRequest>,
    ) -> Result<Response<pb::SetMaintenanceReply>, Status> {
        Err(Status::unimplemented("nobody asks it here"))
    }

    async fn status(&self, _: Request<pb::StatusRequest>) -> Result<Response<pb::NodeStatus>, Status> {
        Err(Status::unimplemented("nobody asks it here"))
    }
}

/// All that a node says with a renewal.
fn reply(message: &pb::RenewRequest, state: &State, age: Duration) -> pb::RenewReply {
    let mib = 1 << 20;
    let load = pb::NodeLoad {
        cpu: 0.4,
        cpus: 4,
        memory_total_bytes: 16_000 * mib,
        memory_available_bytes: 9_000 * mib,
    };
    pb::RenewReply {
        sequence: message.sequence,
        node_incarnation: 7,
        leases: message.leases.iter().map(|lease| state.report(lease)).collect(),
        load: Some(load),
        slots_free: u32::from(state.held.is_none()),
        slots: SLOTS,
        claims: others(age),
        ..Default::default()
    }
}

/// What the other services said last; one that has just begun to want more does not hold it yet.
pub(crate) fn others(age: Duration) -> Vec<pb::Claim> {
    let count = |at: Duration, least| least + (at.as_secs() / OTHERS_CHANGE.as_secs() % 10) as u32;
    let claim = |(service, least): (&str, u32)| pb::Claim {
        service: service.to_owned(),
        front_end: "127.0.0.2".to_owned(),
        held: count(age.saturating_sub(OTHERS_LAG), least),
        want: count(age, least),
        min: 2,
        max: 500,
        weight: 1.0,
        priority: 0,
        slots: 500,
        age_ms: age.subsec_millis().into(),
    };
    OTHERS.map(claim).to_vec()
}

fn octets(address: SocketAddr) -> [u8; 4] {
    match address.ip() {
        std::net::IpAddr::V4(ip) => ip.octets(),
        std::net::IpAddr::V6(_) => [0; 4],
    }
}
