//! Translates what people ask into questions to the manager; decides nothing.

mod reloading;

use proto::load_manager as wire;
use proto::load_manager::load_manager_server::LoadManager;
use tokio::sync::{mpsc, oneshot};
use tonic::{Request, Response, Status};

pub(crate) use reloading::Reloading;

use crate::event::{Event, Past};

/// Entries that `Why` answers when it is not told how many.
const WHY_DEFAULT: usize = 20;

/// The load-manager's calls.
pub(crate) struct Questions {
    /// Where the manager hears.
    pub events: mpsc::Sender<Event>,
}

#[tonic::async_trait]
impl LoadManager for Questions {
    async fn status(
        &self,
        _request: Request<wire::StatusRequest>,
    ) -> Result<Response<wire::StatusReply>, Status> {
        self.ask(Event::Status).await.map(Response::new)
    }

    async fn why(&self, request: Request<wire::WhyRequest>) -> Result<Response<wire::WhyReply>, Status> {
        let wire::WhyRequest { limit, at_unix_ms } = request.into_inner();
        let limit = if limit == 0 { WHY_DEFAULT } else { limit as usize };
        let past = Past { at_unix_ms: (at_unix_ms != 0).then_some(at_unix_ms), limit };
        let decisions = self.ask(|reply| Event::Why(past, reply)).await?;
        Ok(Response::new(wire::WhyReply { decisions }))
    }
}

impl Questions {
    async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Event) -> Result<T, Status> {
        let gone = || Status::unavailable("the load-manager is going down");
        let (reply, answer) = oneshot::channel();
        self.events.send(question(reply)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())
    }
}
