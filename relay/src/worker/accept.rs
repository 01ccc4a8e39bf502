//! The accept loop of a worker. No failure of accept ends it; a drain does, after what has queued up
//! on the socket has been taken, so that nobody who is connected already is turned away.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::futures::Notified;
use tokio::task::coop;

use super::Worker;
use crate::connection;

/// First and longest pause after a failure that lasts, such as no descriptor left.
const PAUSE: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Connections taken from the socket's queue at the start of a drain; the usual length of that queue.
const QUEUED_MAX: usize = 4096;

/// Silence after which a client is asked whether it is still there, how often and how many times: rare enough
/// to cost an idle client nothing, and as long as clients may rest between two requests by default.
const PROBE_AFTER: Duration = Duration::from_secs(60);
const PROBE_EVERY: Duration = Duration::from_secs(10);
const PROBES: u32 = 3;

/// How long sent bytes may stay unacknowledged, or a client may take none of those that wait for it: nginx's
/// `send_timeout` and HAProxy's usual client timeout. Where the system knows it, a silent client ends with
/// the first probe that it does not answer.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(60);

/// Makes a listener what a worker needs. All but the first is inherited by every accepted connection.
pub(crate) fn prepare(listener: &std::net::TcpListener) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let socket = SockRef::from(listener);
    socket.set_tcp_nodelay(true)?;
    let probes = TcpKeepalive::new().with_time(PROBE_AFTER).with_interval(PROBE_EVERY).with_retries(PROBES);
    socket.set_tcp_keepalive(&probes)?;
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED_MAX))
}

pub(super) async fn run(worker: Rc<Worker>, listener: TcpListener) {
    let mut pause = PAUSE;
    let mut drain_began = pin!(worker.drain_began.notified());
    while let Some(accepted) = next(&worker, &listener, drain_began.as_mut()).await {
        match accepted {
            Ok((tcp, peer)) => {
                pause = PAUSE;
                open(&worker, tcp, peer);
            }
            Err(error) if is_the_clients(&error) => (),
            Err(error) => {
                if pause == PAUSE {
                    tracing::warn!(%error, "cannot accept connections, trying on");
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSE_MAX);
            }
        }
    }
    take_queued(&worker, &listener).await;
}

/// The next connection; none once the worker drains.
async fn next(
    worker: &Worker,
    listener: &TcpListener,
    mut drain_began: Pin<&mut Notified<'_>>,
) -> Option<io::Result<(TcpStream, SocketAddr)>> {
    std::future::poll_fn(|cx| {
        if worker.is_draining() {
            return Poll::Ready(None);
        }
        match listener.poll_accept(cx) {
            Poll::Ready(accepted) => Poll::Ready(Some(accepted)),
            Poll::Pending => drain_began.as_mut().poll(cx).map(|()| None),
        }
    })
    .await
}

/// Takes what has queued up. Not in turns with other tasks: at the end of its turn a queue looks empty.
async fn take_queued(worker: &Rc<Worker>, listener: &TcpListener) {
    coop::unconstrained(std::future::poll_fn(|cx| {
        for _ in 0..QUEUED_MAX {
            match listener.poll_accept(cx) {
                Poll::Ready(Ok((tcp, peer))) => open(worker, tcp, peer),
                Poll::Ready(Err(error)) if is_the_clients(&error) => (),
                Poll::Ready(Err(_)) | Poll::Pending => break,
            }
        }
        Poll::Ready(())
    }))
    .await;
}

fn open(worker: &Rc<Worker>, tcp: TcpStream, peer: SocketAddr) {
    // Owned by the worker's runtime; the worker's table counts it, and a drain waits for that.
    tokio::task::spawn_local(connection::serve(Rc::clone(worker), tcp, peer.ip()));
}

/// Whether the connection went away before it was taken, which is no failure of ours.
fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn an_accepted_connection_inherits_what_ends_a_vanished_client() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        prepare(&listener).unwrap();
        listener.set_nonblocking(false).unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        let socket = SockRef::from(&accepted);
        assert!(socket.keepalive().unwrap() && socket.tcp_nodelay().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), PROBE_AFTER);
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), PROBE_EVERY);
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), PROBES);
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(UNACKNOWLEDGED_MAX));
    }
}
