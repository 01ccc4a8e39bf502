//! From one local copy to the next: the one of a changed command is started while the other serves, and that
//! one ends when its last request has. No request is lost by it.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster::process::{Instance, StartFault};
use relay::Relay;
use tokio_util::sync::CancellationToken;

use super::{Copy, Wanted};
use crate::door::PARTING_TIME;

/// How often it is looked whether a copy that was replaced still has a request.
const LOOK_EVERY: Duration = Duration::from_millis(50);

type Start = Pin<Box<dyn Future<Output = Result<Instance, StartFault>> + Send>>;

/// The copy to come, where one is being started.
#[derive(Default)]
pub(super) struct Next(Option<(Start, Wanted)>);

impl Next {
    /// Starts it. Dropped before it is ready, its guard ends it.
    pub(super) fn start(by: Wanted) -> Self {
        Self(Some((Box::pin(Instance::start(by.spec.clone())), by)))
    }

    /// Whether it is the copy of that command.
    pub(super) fn is(&self, wanted: &Wanted) -> bool {
        self.0.as_ref().is_some_and(|(_, by)| by.command == wanted.command)
    }

    /// It is ready, or why it is not; then none is being started any more. Does not answer while none is.
    pub(super) async fn started(&mut self) -> (Result<Instance, StartFault>, Wanted) {
        let Some((start, _)) = &mut self.0 else { return pending().await };
        let started = start.await;
        match self.0.take() {
            Some((_, by)) => (started, by),
            None => pending().await,
        }
    }
}

/// Lets a copy end that another one has taken the place of: when its last request has ended, the long-lived
/// ones asked to part when their time is over; or at `end`.
pub(super) async fn leave(copy: Copy, relay: Option<Arc<Relay>>, end: CancellationToken) {
    let Copy { by, instance, upstream } = copy;
    let drained = async {
        if let Some(relay) = relay {
            // From here on no worker sends it a request that it has picked it for before.
            relay.barrier().await;
        }
        upstream.close_idle();
        let patience = Instant::now() + by.long_lived_timeout;
        while upstream.in_flight() > 0 {
            if Instant::now() >= patience && upstream.in_flight() == upstream.long_lived() {
                upstream.part();
                tokio::time::sleep(PARTING_TIME).await;
                break;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::select! {
        () = drained => {}
        () = end.cancelled() => {}
    }
    upstream.close();
    instance.stop().await;
    tracing::info!(pid = instance.pid(), "the local copy of the command before has ended");
}
