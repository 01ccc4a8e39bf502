//! The client's side of one connection, from accept to close.

use std::future::Future;
use std::net::IpAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use hyper::service::service_fn;
use tokio::net::TcpStream;

use crate::forward;
use crate::live::{Client, Signal};
use crate::stream::Stream;
use crate::upgrade;
use crate::worker::Worker;

/// Serves one client until its connection ends, or the worker ends it.
pub(crate) async fn serve(worker: Rc<Worker>, tcp: TcpStream, peer: IpAddr) {
    let client = Rc::new(Client::new(Rc::clone(&worker), peer));
    let _member = worker.enter(Rc::clone(&client));
    let io = Stream::new(tcp, Arc::clone(client.bytes()));
    let service = service_fn(|request| forward::answer(Rc::clone(&client), request));
    let connection = worker.codec().serve_connection(io, service).with_upgrades();
    {
        let mut connection = pin!(connection);
        let mut finishing = false;
        let ended = std::future::poll_fn(|cx| {
            match client.watch(cx) {
                Signal::None => (),
                Signal::Finish if finishing => (),
                Signal::Finish => {
                    finishing = true;
                    connection.as_mut().graceful_shutdown();
                }
                Signal::Cut => return Poll::Ready(Ok(())),
            }
            connection.as_mut().poll(cx)
        })
        .await;
        if let Err(error) = ended {
            tracing::debug!(%peer, %error, "client connection ended");
        }
    }
    if let Some(upgrade) = upgrade::take(&client) {
        upgrade.run().await;
    }
}
