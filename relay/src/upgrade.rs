//! A connection that stopped being HTTP: bytes are copied both ways until one side ends, the upstream is
//! closed or the worker cuts it. It counts as one long-lived request for as long as that takes.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use hyper::upgrade::{OnUpgrade, Upgraded};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::live::{Client, Phase, Signal, Ticket};
use crate::pool::Wire;
use crate::stream::Io;

pub(crate) struct Upgrade {
    downstream: OnUpgrade,
    upstream: OnUpgrade,
    ticket: Ticket,
    wire: Wire,
}

impl Upgrade {
    /// Leaves the upgrade with the client's connection, whose task runs it once the answer is written.
    pub(crate) fn leave(downstream: OnUpgrade, upstream: OnUpgrade, ticket: Ticket, wire: Wire) {
        let client = Rc::clone(ticket.client());
        client.enter(Phase::Upgraded, client.worker().now());
        let weight = client.worker().settings().long_lived_thousandths();
        client.with_guard(|guard| guard.weigh_long_lived(weight));
        client.upgrade.set(Some(Box::new(Upgrade { downstream, upstream, ticket, wire })));
    }

    /// Copies until the end.
    pub(crate) async fn run(self) {
        let Upgrade { downstream, upstream, ticket, wire } = self;
        let mut copy = pin!(copy(downstream, upstream));
        let ended = std::future::poll_fn(|cx| {
            if wire.link().watch(cx) || ticket.client().watch(cx) == Signal::Cut {
                return Poll::Ready(Ok(()));
            }
            copy.as_mut().poll(cx)
        })
        .await;
        if let Err(error) = ended {
            tracing::debug!(%error, "upgraded connection ended");
        }
    }
}

/// The upgrade that a finished client connection was left with.
pub(crate) fn take(client: &Client) -> Option<Box<Upgrade>> {
    client.upgrade.take()
}

async fn copy(downstream: OnUpgrade, upstream: OnUpgrade) -> io::Result<()> {
    let (downstream, upstream) = tokio::try_join!(downstream, upstream).map_err(io::Error::other)?;
    let (mut downstream, from_client) = open(downstream)?;
    let (mut upstream, from_service) = open(upstream)?;
    upstream.write_all(&from_client).await?;
    downstream.write_all(&from_service).await?;
    tokio::io::copy_bidirectional(&mut downstream, &mut upstream).await?;
    Ok(())
}

/// The bare stream, and what was read of it too far.
fn open(upgraded: Upgraded) -> io::Result<(TcpStream, bytes::Bytes)> {
    match upgraded.downcast::<Io>() {
        Ok(parts) => Ok((parts.io.into_inner().into_tcp(), parts.read_buf)),
        Err(_) => Err(io::Error::other("the upgraded stream is not the relay's own")),
    }
}
