//! The nodes of a cluster, as the command reaches them: with certificates by that of the operator, or else
//! by a front end's own, which may look and not drain.

use std::iter::once;

use cluster::config::{Cluster, Node};
use cluster::tls::{DialFault, Identity, Tls};
use hyper_util::rt::TokioIo;
use proto::task_processor::task_processor_client::TaskProcessorClient;
use proto::task_processor::{NodeStatus, StatusRequest};
use tonic::Response;
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

use super::{ANSWER_TIMEOUT, question, words};

/// How all of them are called.
#[derive(Debug, Clone)]
pub(crate) struct Nodes {
    tls: Option<Tls>,
}

impl Nodes {
    /// With what of this machine's certificates there is; one sentence when there must be one and is none.
    pub(crate) fn of(cluster: &Cluster) -> Result<Self, String> {
        let Some(tls) = &cluster.tls else { return Ok(Self { tls: None }) };
        let front_ends = cluster.services.iter().map(|service| Identity::FrontEnd(service.name.clone()));
        let mut faults = Vec::new();
        for identity in once(Identity::Operator).chain(front_ends) {
            match Tls::load(&cluster.name, tls, identity) {
                Ok(tls) => return Ok(Self { tls: Some(tls) }),
                Err(fault) => faults.push(fault),
            }
        }
        // One that is there and unfit says more than one that is not there.
        let told = faults.iter().find(|fault| !fault.is_missing()).or(faults.first());
        Err(format!(
            "no certificate to show the nodes, neither the operator's nor a front end's: {}",
            told.map(ToString::to_string).unwrap_or_default()
        ))
    }

    /// What they are shown, where there are certificates.
    pub(crate) fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    /// What the task-processor of `node` says of itself.
    pub(crate) async fn status(&self, node: &Node) -> Result<NodeStatus, String> {
        let reply = self.task_processor(node).await?.status(question(StatusRequest {})).await;
        reply.map(Response::into_inner).map_err(|status| words("the task-processor", &status))
    }

    /// The task-processor of `node`, wherever it is.
    pub(crate) async fn task_processor(&self, node: &Node) -> Result<TaskProcessorClient<Channel>, String> {
        let address = node.control();
        let endpoint =
            Endpoint::from_shared(format!("http://{address}")).map_err(|fault| fault.to_string())?;
        let endpoint = endpoint.connect_timeout(ANSWER_TIMEOUT);
        let connected = match self.tls.clone() {
            None => endpoint.connect().await,
            Some(tls) => {
                let name = node.name.clone();
                let dial = move |_| {
                    let (tls, name) = (tls.clone(), name.clone());
                    async move { tls.dial(&name, address).await.map(TokioIo::new) }
                };
                endpoint.connect_with_connector(service_fn(dial)).await
            }
        };
        connected.map(TaskProcessorClient::new).map_err(|fault| {
            handshake(&fault).unwrap_or_else(|| {
                format!("node {:?} does not answer on {address}; is its task-processor running?", node.name)
            })
        })
    }
}

/// What went wrong with the certificates, if it was that.
fn handshake(fault: &tonic::transport::Error) -> Option<String> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(fault);
    while let Some(error) = cause {
        if let Some(fault @ DialFault::Handshake { .. }) = error.downcast_ref() {
            return Some(fault.to_string());
        }
        cause = error.source();
    }
    None
}
