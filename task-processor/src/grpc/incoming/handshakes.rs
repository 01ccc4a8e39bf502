//! The handshakes under way: each a task of its own with a time of its own, so that a caller who is slow or
//! talks nonsense keeps nobody waiting.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use cluster::tls::Tls;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::{AbortHandle, JoinSet};

use super::Connection;
use crate::grpc::caller::Caller;
use crate::grpc::refusals::Refusals;

/// Handshakes at a time; one more cuts the oldest, for two machines that mean it are done in milliseconds.
const HANDSHAKES_MAX: usize = 256;

/// Them all.
#[derive(Debug)]
pub(super) struct Handshakes {
    tls: Tls,
    refusals: Arc<Refusals>,
    under_way: JoinSet<Option<Connection>>,
    /// The oldest first.
    order: VecDeque<(SocketAddr, AbortHandle)>,
}

impl Handshakes {
    pub(super) fn new(tls: Tls, refusals: Arc<Refusals>) -> Self {
        Self { tls, refusals, under_way: JoinSet::new(), order: VecDeque::new() }
    }

    /// Begins one.
    pub(super) fn begin(&mut self, stream: TcpStream, address: SocketAddr, room: OwnedSemaphorePermit) {
        self.order.retain(|(_, task)| !task.is_finished());
        if self.order.len() >= HANDSHAKES_MAX
            && let Some((oldest, task)) = self.order.pop_front()
        {
            task.abort();
            self.refusals.connection(oldest, "", "it took too long while many others waited");
        }
        let (tls, refusals) = (self.tls.clone(), Arc::clone(&self.refusals));
        let task = self.under_way.spawn(async move {
            match tls.accept(stream).await {
                Ok((stream, peer)) => {
                    let caller = Caller { address, peer: Some(Arc::new(peer)) };
                    Some(Connection::new(stream, caller, room))
                }
                // A probe of the port.
                Err(refused) if refused.is_silent => None,
                Err(refused) => {
                    refusals.connection(address, &refused.claims, &refused.words);
                    None
                }
            }
        });
        self.order.push_back((address, task));
    }

    /// The next that is done and good.
    pub(super) fn poll_done(&mut self, context: &mut Context<'_>) -> Poll<Connection> {
        loop {
            match self.under_way.poll_join_next(context) {
                Poll::Ready(Some(Ok(Some(connection)))) => return Poll::Ready(connection),
                // Refused or cut.
                Poll::Ready(Some(Ok(None) | Err(_))) => {}
                // None under way: the next accept begins one, and asks again.
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
            }
        }
    }
}
