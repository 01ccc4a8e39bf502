//! The calls to a node that carry a decision out: each bounded in time, each safe to repeat, none
//! with a choice left.

use std::time::{Duration, Instant};

use proto::task_processor as pb;
use proto::task_processor::reserve_reply::Answer;
use proto::task_processor::task_processor_client::TaskProcessorClient;
use tokio::sync::mpsc;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use crate::entrance::Entrance;
use crate::event::Event;
use crate::holder::{AddFault, Heard};
use crate::node::{Lease, LeaseRef};
use crate::wire::reference;

/// A client of one node's task-processor.
pub(crate) type NodeClient = TaskProcessorClient<Channel>;

/// How long a node may think about a call that it answers at once.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// What a call that waits for a process may take beyond the time the process has.
const SLACK: Duration = Duration::from_secs(5);

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// The service's name.
    pub service: String,
    /// The front end's address.
    pub front_end: String,
    /// New with each start, and higher.
    pub incarnation: u64,
}

/// Reserves a slot and starts the service there. A failed start gives the lease back.
pub(crate) async fn add(
    node: usize,
    mut client: NodeClient,
    wish: pb::ReserveRequest,
    entrance: Entrance,
    start_timeout: Duration,
    events: mpsc::Sender<Event>,
) {
    let result = match reserve(&mut client, wish).await {
        Ok((lease, sent)) => {
            let reserved = Event::Reserved { node, lease: lease.clone(), sent };
            if events.send(reserved).await.is_err() {
                return;
            }
            start(&mut client, lease, &entrance, start_timeout).await
        }
        Err(fault) => Err(fault),
    };
    // The manager is gone only when the daemon ends; the node's time to live cleans up then.
    events.send(Event::Heard(Heard::Added { node, result })).await.ok();
}

/// The lease granted, and when the request that was answered was sent. Asked twice at most, with the
/// same id, so that an answer that was lost is the same grant.
async fn reserve(client: &mut NodeClient, wish: pb::ReserveRequest) -> Result<(Lease, Instant), AddFault> {
    let refused = |words: String, retry_after| AddFault::Refused { words, retry_after, reclaiming: false };
    let mut sent = Instant::now();
    let mut reply = client.reserve(timed(wish.clone(), ANSWER_TIMEOUT)).await;
    if reply.as_ref().is_err_and(has_no_answer) {
        sent = Instant::now();
        reply = client.reserve(timed(wish, ANSWER_TIMEOUT)).await;
    }
    let reply = reply.map_err(|status| refused(words(&status), Duration::ZERO))?;
    match reply.into_inner().answer {
        Some(Answer::Grant(grant)) => {
            let lease = Lease {
                id: grant.lease_id,
                epoch: grant.epoch,
                token: grant.token,
                data_address: String::new(),
            };
            Ok((lease, sent))
        }
        Some(Answer::Denial(denial)) => {
            let retry_after = Duration::from_millis(denial.retry_after_ms);
            Err(AddFault::Refused { words: denial.detail, retry_after, reclaiming: denial.reclaiming })
        }
        None => Err(refused("it answered the reservation with nothing".to_owned(), Duration::ZERO)),
    }
}

async fn start(
    client: &mut NodeClient,
    lease: Lease,
    entrance: &Entrance,
    start_timeout: Duration,
) -> Result<Lease, AddFault> {
    let named = reference(lease.reference());
    let fault = match client.start(timed(named.clone(), start_timeout + SLACK)).await {
        Ok(reply) => {
            let pb::StartReply { data_address, service_port, .. } = reply.into_inner();
            match entrance.open(lease, data_address, service_port) {
                Ok(lease) => return Ok(lease),
                Err(fault) => AddFault::Failed(fault.to_string()),
            }
        }
        Err(status) if has_no_answer(&status) => AddFault::Unanswered(words(&status)),
        Err(status) => AddFault::Failed(words(&status)),
    };
    // Whether it is released now or by its time to live, the start has failed.
    client.release(timed(named, ANSWER_TIMEOUT + SLACK)).await.ok();
    Err(fault)
}

/// Asks the node for what it still holds for this front end. Repeated, it hands over the same.
pub(crate) async fn adopt(
    node: usize,
    mut client: NodeClient,
    identity: Identity,
    events: mpsc::Sender<Event>,
) {
    let asked = Instant::now();
    let told = match client.adopt(timed(adoption(&identity), ANSWER_TIMEOUT)).await {
        Ok(reply) => Event::Adopted { node, result: Ok(reply.into_inner().leases), asked },
        Err(status) if status.code() == Code::FailedPrecondition => {
            Event::Heard(Heard::Fenced(words(&status)))
        }
        Err(status) => Event::Adopted { node, result: Err(words(&status)), asked },
    };
    events.send(told).await.ok();
}

/// The question what a node still holds.
pub(crate) fn adoption(identity: &Identity) -> pb::AdoptRequest {
    let Identity { service, front_end, incarnation } = identity.clone();
    pb::AdoptRequest { service, front_end, incarnation }
}

/// Waits until the node counts no request of the lease, and then for `parting`.
pub(crate) async fn drain(
    node: usize,
    mut client: NodeClient,
    lease: LeaseRef,
    limit: Duration,
    parting: Duration,
    events: mpsc::Sender<Event>,
) {
    let lease_id = lease.id.clone();
    let result =
        client.drain(timed(reference(lease), limit)).await.map(drop).map_err(|status| words(&status));
    tokio::time::sleep(parting).await;
    events.send(Event::Heard(Heard::NodeDrained { node, lease_id, result })).await.ok();
}

/// Takes a drain back that the node was told of.
pub(crate) async fn undrain(
    node: usize,
    mut client: NodeClient,
    lease: LeaseRef,
    events: mpsc::Sender<Event>,
) {
    let lease_id = lease.id.clone();
    let result = client.undrain(timed(reference(lease), ANSWER_TIMEOUT)).await;
    let result = result.map(drop).map_err(|status| words(&status));
    events.send(Event::Heard(Heard::Undrained { node, lease_id, result })).await.ok();
}

/// Stops the service and frees the slot.
pub(crate) async fn stop_and_release(
    node: usize,
    mut client: NodeClient,
    lease: LeaseRef,
    stop_timeout: Duration,
    events: mpsc::Sender<Event>,
) {
    let (lease_id, named, limit) = (lease.id.clone(), reference(lease), stop_timeout + SLACK);
    if let Err(status) = client.stop(timed(named.clone(), limit)).await {
        tracing::warn!(lease = lease_id, "the stop was not answered well: {}", words(&status));
    }
    let released = client.release(timed(named, limit)).await;
    let result = released.map(drop).map_err(|status| words(&status));
    events.send(Event::Heard(Heard::Released { node, lease_id, result })).await.ok();
}

/// A request with a deadline that holds on both sides.
pub(crate) fn timed<T>(message: T, limit: Duration) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(limit);
    request
}

/// What a status says, for a person.
pub(crate) fn words(status: &Status) -> String {
    if has_no_answer(status) {
        format!("no answer in time ({})", status.message())
    } else {
        status.message().to_owned()
    }
}

/// Whether nobody answered, in place of somebody who said no.
fn has_no_answer(status: &Status) -> bool {
    matches!(status.code(), Code::Cancelled | Code::DeadlineExceeded | Code::Unavailable)
}
