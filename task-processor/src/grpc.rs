//! The node's gRPC service: takes wire messages apart, asks the node, and answers. It decides nothing.

mod caller;
mod incoming;
mod machine;
pub(crate) mod refusals;
mod reloading;
mod renewals;
mod wire;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use cluster::tls::Tls;
use proto::task_processor as pb;
use proto::task_processor::task_processor_server::{TaskProcessor, TaskProcessorServer};
use tokio_util::task::TaskTracker;
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

use crate::node::{Asked, Call, Done, Node};

use caller::{Act, Caller, Rights};
use incoming::Incoming;
use refusals::Refusals;
pub(crate) use reloading::Reloading;
use renewals::{Renewals, Replies};

/// The largest message taken: far more than any front end's list of leases.
const MESSAGE_BYTES_MAX: usize = 1024 * 1024;

/// Calls that may wait at once on one front end's connection.
const CALLS_MAX: usize = 256;

/// A connection that is silent for this long is asked whether it still lives, and is closed when
/// no answer comes within the other: a dead holder is noticed before its leases expire.
const KEEPALIVE_EVERY: Duration = Duration::from_secs(3);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(4);

/// The service.
#[derive(Debug)]
pub(crate) struct Control {
    node: Node,
    data_address: SocketAddr,
    renewals: Renewals,
    tls: Option<Tls>,
    refusals: Arc<Refusals>,
    rights: Rights,
}

impl Control {
    /// Speaks for a node whose requests go to `data_address`, with `tls` to those who may only. The streams
    /// run as tasks of `tracker`. Who may not is counted in `refusals`.
    pub(crate) fn new(
        node: Node,
        data_address: SocketAddr,
        tls: Option<Tls>,
        refusals: Arc<Refusals>,
        tracker: TaskTracker,
    ) -> Self {
        let rights = Rights::new(tls.is_some(), Arc::clone(&refusals));
        let renewals = Renewals::new(node.clone(), rights.clone(), tracker);
        Self { renewals, node, data_address, tls, refusals, rights }
    }

    /// Serves on the listener until `stop`, then until every connection is closed.
    ///
    /// # Errors
    /// When the listener fails.
    pub(crate) async fn serve(
        self,
        listener: tokio::net::TcpListener,
        stop: impl Future<Output = ()>,
    ) -> Result<(), tonic::transport::Error> {
        let incoming = Incoming::on(listener, self.tls.clone(), &self.refusals);
        let service = TaskProcessorServer::new(self)
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX);
        Server::builder()
            .tcp_nodelay(true)
            .http2_keepalive_interval(Some(KEEPALIVE_EVERY))
            .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
            .concurrency_limit_per_connection(CALLS_MAX)
            .add_service(service)
            .serve_with_incoming_shutdown(incoming, stop)
            .await
    }

    async fn call(&self, call: Call, request: Request<pb::LeaseRef>) -> Result<Done, Status> {
        let (_, sent, message) = request.into_parts();
        let lease = wire::lease_ref(message)?;
        if self.tls.is_some() {
            // A lease never gets another holder: what is true of it now is true of the call.
            let holder = self.node.holder_of(lease.id.clone()).await?;
            let act = holder.as_ref().map_or(Act::HoldUnknown, |holder| Act::Hold(&holder.service));
            self.rights.check(&sent, act)?;
        }
        Ok(self.node.call(call, lease).await?)
    }
}

#[tonic::async_trait]
impl TaskProcessor for Control {
    type RenewStream = Replies;

    async fn reserve(
        &self,
        request: Request<pb::ReserveRequest>,
    ) -> Result<Response<pb::ReserveReply>, Status> {
        let (_, sent, request) = request.into_parts();
        let holder = wire::holder(request.service, request.front_end)?;
        self.rights.check(&sent, Act::Hold(&holder.service))?;
        let request_id = wire::name("request_id", request.request_id)?;
        let reclaim = request.reclaim.map(wire::reclaim_wish).transpose()?;
        let asked = Asked { holder, incarnation: request.incarnation, request_id, reclaim };
        let answer = self.node.reserve(asked).await?;
        Ok(Response::new(wire::reserve_reply(answer, self.node.ttl())))
    }

    async fn start(&self, request: Request<pb::LeaseRef>) -> Result<Response<pb::StartReply>, Status> {
        let Done { start_time, entrance } = self.call(Call::Start, request).await?;
        let (data_address, service_port) = wire::entrance(entrance, self.data_address);
        let start_ms = wire::millis(start_time);
        Ok(Response::new(pb::StartReply { data_address, start_ms, service_port }))
    }

    async fn drain(&self, request: Request<pb::LeaseRef>) -> Result<Response<pb::DrainReply>, Status> {
        self.call(Call::Drain, request).await?;
        Ok(Response::new(pb::DrainReply {}))
    }

    async fn undrain(&self, request: Request<pb::LeaseRef>) -> Result<Response<pb::UndrainReply>, Status> {
        self.call(Call::Undrain, request).await?;
        Ok(Response::new(pb::UndrainReply {}))
    }

    async fn stop(&self, request: Request<pb::LeaseRef>) -> Result<Response<pb::StopReply>, Status> {
        self.call(Call::Stop, request).await?;
        Ok(Response::new(pb::StopReply {}))
    }

    async fn release(&self, request: Request<pb::LeaseRef>) -> Result<Response<pb::ReleaseReply>, Status> {
        self.call(Call::Release, request).await?;
        Ok(Response::new(pb::ReleaseReply {}))
    }

    async fn adopt(&self, request: Request<pb::AdoptRequest>) -> Result<Response<pb::AdoptReply>, Status> {
        let (_, sent, request) = request.into_parts();
        let holder = wire::holder(request.service, request.front_end)?;
        self.rights.check(&sent, Act::Hold(&holder.service))?;
        let leases = self.node.adopt(holder, request.incarnation).await?;
        let wire = |(lease, entrance)| {
            wire::adopted(lease, self.node.ttl(), wire::entrance(entrance, self.data_address))
        };
        Ok(Response::new(pb::AdoptReply { leases: leases.into_iter().map(wire).collect() }))
    }

    async fn renew(
        &self,
        request: Request<Streaming<pb::RenewRequest>>,
    ) -> Result<Response<Self::RenewStream>, Status> {
        // Whose leases are meant stands in its first message.
        self.rights.check(request.extensions(), Act::HoldUnknown)?;
        let caller = request.extensions().get::<Caller>().cloned();
        Ok(Response::new(self.renewals.open(request.into_inner(), caller)))
    }

    async fn set_maintenance(
        &self,
        request: Request<pb::SetMaintenanceRequest>,
    ) -> Result<Response<pb::SetMaintenanceReply>, Status> {
        self.rights.check(request.extensions(), Act::Operate)?;
        let wanted = wire::maintenance(&request.into_inner())?;
        Ok(Response::new(self.node.set_maintenance(wanted).await?.into()))
    }

    async fn status(&self, request: Request<pb::StatusRequest>) -> Result<Response<pb::NodeStatus>, Status> {
        self.rights.check(request.extensions(), Act::Look)?;
        let (connections_refused, calls_refused) = self.refusals.counts();
        let expires = self.tls.as_ref().and_then(|tls| tls.expires().duration_since(UNIX_EPOCH).ok());
        let status = pb::NodeStatus {
            connections_refused,
            calls_refused,
            certificate_expires_unix_s: expires.map(|since| since.as_secs()),
            ..self.node.overview().await?.into()
        };
        // The programs are looked for on disks, which may be slow.
        let machine = tokio::task::spawn_blocking(move || machine::told(status)).await;
        Ok(Response::new(machine.map_err(|failed| Status::internal(failed.to_string()))?))
    }
}
