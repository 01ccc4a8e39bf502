//! The node's gRPC service: takes wire messages apart, asks the node, and answers. It decides nothing.

mod incoming;
mod renewals;
mod wire;

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use proto::task_processor as pb;
use proto::task_processor::task_processor_server::{TaskProcessor, TaskProcessorServer};
use tokio_util::task::TaskTracker;
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

use crate::node::{Asked, Call, Done, Node};

use incoming::Incoming;
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
}

impl Control {
    /// Speaks for a node whose requests go to `data_address`. The streams run as tasks of `tracker`.
    pub(crate) fn new(node: Node, data_address: SocketAddr, tracker: TaskTracker) -> Self {
        Self { renewals: Renewals::new(node.clone(), tracker), node, data_address }
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
        let service = TaskProcessorServer::new(self)
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX);
        Server::builder()
            .tcp_nodelay(true)
            .http2_keepalive_interval(Some(KEEPALIVE_EVERY))
            .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
            .concurrency_limit_per_connection(CALLS_MAX)
            .add_service(service)
            .serve_with_incoming_shutdown(Incoming::on(listener), stop)
            .await
    }

    async fn call(&self, call: Call, request: Request<pb::LeaseRef>) -> Result<Done, Status> {
        let lease = wire::lease_ref(request.into_inner())?;
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
        let request = request.into_inner();
        let holder = wire::holder(request.service, request.front_end)?;
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
        let request = request.into_inner();
        let holder = wire::holder(request.service, request.front_end)?;
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
        Ok(Response::new(self.renewals.open(request.into_inner())))
    }

    async fn set_maintenance(
        &self,
        request: Request<pb::SetMaintenanceRequest>,
    ) -> Result<Response<pb::SetMaintenanceReply>, Status> {
        let wanted = wire::maintenance(&request.into_inner())?;
        Ok(Response::new(self.node.set_maintenance(wanted).await?.into()))
    }

    async fn status(&self, _: Request<pb::StatusRequest>) -> Result<Response<pb::NodeStatus>, Status> {
        Ok(Response::new(self.node.overview().await?.into()))
    }
}
