//! The renewal streams: each is one task that passes the holder's messages to the node, while the
//! node's notices go straight down the other half.

use std::sync::atomic::{AtomicU64, Ordering};

use proto::task_processor as pb;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::{Status, Streaming};
use tracing::warn;

use super::caller::{Act, Caller, Rights};
use super::wire;
use crate::lease::{Holder, Renewal};
use crate::node::{Line, LineId, Node, Notice};

/// Notices that may wait for one holder. It gets one every few seconds; one that leaves so many
/// unread does not listen and is dropped.
const NOTICES_MAX: usize = 16;

/// The node's half of a stream.
pub(super) type Replies = std::pin::Pin<Box<dyn Stream<Item = Result<pb::RenewReply, Status>> + Send>>;

/// Opens streams and owns their tasks.
#[derive(Debug)]
pub(super) struct Renewals {
    node: Node,
    rights: Rights,
    tracker: TaskTracker,
    next: AtomicU64,
}

impl Renewals {
    pub(super) fn new(node: Node, rights: Rights, tracker: TaskTracker) -> Self {
        Self { node, rights, tracker, next: AtomicU64::new(1) }
    }

    /// Takes the holder's half, that `caller` opened, and answers with the node's.
    pub(super) fn open(&self, messages: Streaming<pb::RenewRequest>, caller: Option<Caller>) -> Replies {
        let (out, notices) = mpsc::channel(NOTICES_MAX);
        let (fault, faults) = mpsc::channel(1);
        let id = LineId(self.next.fetch_add(1, Ordering::Relaxed));
        let line = Line { id, out, cut: CancellationToken::new() };
        let (node, rights) = (self.node.clone(), self.rights.clone());
        self.tracker.spawn(async move {
            let may_speak = |service: &str| rights.check_caller(caller.as_ref(), Act::Hold(service));
            let end = listen(&node, messages, &line, may_speak).await;
            if let Err(said) = end {
                warn!(fault = said.message(), "renewal stream dropped");
                // There is room for the one fault; a holder that is gone need not hear it.
                let _ = fault.try_send(said);
            }
            node.close_line(line.id).await;
        });
        // With the last sender of the line the notices end, after what was sent on it.
        let notices = ReceiverStream::new(notices).map(|notice: Notice| Ok(notice.into()));
        Box::pin(notices.chain(ReceiverStream::new(faults).map(Err)))
    }
}

/// Passes messages on until the holder goes away or the node cuts the line.
///
/// # Errors
/// When the holder says nonsense, or may not speak for the service, in one sentence for it.
async fn listen(
    node: &Node,
    mut messages: Streaming<pb::RenewRequest>,
    line: &Line,
    may_speak: impl Fn(&str) -> Result<(), Status>,
) -> Result<(), Status> {
    let mut speaker: Option<Holder> = None;
    loop {
        let message = tokio::select! {
            biased;
            () = line.cut.cancelled() => return Ok(()),
            () = line.out.closed() => return Ok(()),
            message = messages.message() => message,
        };
        // A broken connection ends the stream as its proper end does.
        let Ok(Some(message)) = message else { return Ok(()) };
        let sequence = message.sequence;
        let holder = wire::holder(message.service, message.front_end)?;
        if speaker.is_none() {
            may_speak(&holder.service)?;
        }
        let first = speaker.get_or_insert_with(|| holder.clone());
        if *first != holder {
            let text = format!("this renewal stream speaks for {first}: open another one for {holder}");
            return Err(Status::invalid_argument(text));
        }
        let leases = wire::lease_refs(message.leases)?;
        let guaranteed = wire::guaranteed(message.guaranteed)?;
        let claim = message.claim.map(|claim| wire::claim(&holder, claim)).transpose()?;
        let renewal = Renewal { holder, incarnation: message.incarnation, leases, guaranteed, claim };
        if node.renew(renewal, sequence, line.clone()).await.is_err() {
            return Ok(());
        }
    }
}
