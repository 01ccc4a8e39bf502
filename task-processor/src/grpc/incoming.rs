//! The connections of the control port, one after the other: no more than a node has use for, and
//! with a pause after each failed accept, which would otherwise be tried again at once and for ever.
//! With certificates each comes once its handshake is over, which none waits for behind another.

mod handshakes;

use std::fmt::Debug;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use cluster::backoff::Backoff;
use cluster::tls::Tls;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpListener;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Sleep, sleep};
use tokio_stream::Stream;
use tokio_util::sync::PollSemaphore;
use tonic::transport::server::Connected;
use tracing::{info, warn};

use super::caller::Caller;
use super::refusals::Refusals;
use handshakes::Handshakes;

/// Connections open at once: eight for each renewal stream that a node takes. Others wait in the
/// listener's backlog.
const CONNECTIONS_MAX: usize = 4096;

/// After a failed accept, most likely for want of file descriptors, which only time gives back.
const PAUSE_FIRST: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// The connections as they come. It has no end and no errors.
#[derive(Debug)]
pub(super) struct Incoming {
    listener: TcpListener,
    rooms: PollSemaphore,
    room: Option<OwnedSemaphorePermit>,
    pause: Option<Pin<Box<Sleep>>>,
    backoff: Backoff,
    /// Accepts that failed in a row.
    failures: u64,
    /// Where there are certificates.
    handshakes: Option<Handshakes>,
}

/// One connection, which gives its room back when it is dropped.
#[derive(Debug)]
pub(super) struct Connection {
    stream: Box<dyn Io>,
    caller: Caller,
    _room: OwnedSemaphorePermit,
}

/// With TLS or without.
trait Io: AsyncRead + AsyncWrite + Debug + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Debug + Send + Unpin> Io for T {}

impl Incoming {
    /// Accepts on `listener`, with `tls` only who shows a certificate.
    pub(super) fn on(listener: TcpListener, tls: Option<Tls>, refusals: &Arc<Refusals>) -> Self {
        let handshakes = tls.map(|tls| Handshakes::new(tls, Arc::clone(refusals)));
        Self { handshakes, ..Self::bounded(listener, CONNECTIONS_MAX) }
    }

    fn bounded(listener: TcpListener, connections_max: usize) -> Self {
        Self {
            listener,
            rooms: PollSemaphore::new(Arc::new(tokio::sync::Semaphore::new(connections_max))),
            room: None,
            pause: None,
            backoff: Backoff::new(PAUSE_FIRST, PAUSE_MAX),
            failures: 0,
            handshakes: None,
        }
    }

    fn failed(&mut self, error: &io::Error) {
        if self.failures == 0 {
            warn!(%error, "no control connection can be taken; raise the limit of open files if this lasts");
        }
        self.failures += 1;
        self.pause = Some(Box::pin(sleep(self.backoff.next())));
    }

    fn succeeded(&mut self) {
        if self.failures > 0 {
            info!(failures = self.failures, "control connections are taken again");
        }
        self.failures = 0;
        self.backoff.reset();
    }
}

impl Stream for Incoming {
    type Item = io::Result<Connection>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(handshakes) = &mut this.handshakes
                && let Poll::Ready(connection) = handshakes.poll_done(context)
            {
                return Poll::Ready(Some(Ok(connection)));
            }
            if let Some(pause) = &mut this.pause {
                ready!(pause.as_mut().poll(context));
                this.pause = None;
            }
            if this.room.is_none() {
                this.room = ready!(this.rooms.poll_acquire(context));
            }
            match ready!(this.listener.poll_accept(context)) {
                Ok((stream, address)) => {
                    this.succeeded();
                    let room = this.room.take().expect("nobody closes the semaphore");
                    let Some(handshakes) = &mut this.handshakes else {
                        let caller = Caller { address, peer: None };
                        return Poll::Ready(Some(Ok(Connection::new(stream, caller, room))));
                    };
                    handshakes.begin(stream, address, room);
                }
                Err(error) => this.failed(&error),
            }
        }
    }
}

impl Connection {
    fn new(stream: impl Io + 'static, caller: Caller, room: OwnedSemaphorePermit) -> Self {
        Self { stream: Box::new(stream), caller, _room: room }
    }

    fn stream(self: Pin<&mut Self>) -> Pin<&mut Box<dyn Io>> {
        Pin::new(&mut self.get_mut().stream)
    }
}

impl Connected for Connection {
    type ConnectInfo = Caller;

    fn connect_info(&self) -> Caller {
        self.caller.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream().poll_read(context, into)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream().poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, UdpSocket};
    use std::os::fd::OwnedFd;

    use tokio::net::TcpStream;
    use tokio::time::timeout;
    use tokio_stream::StreamExt;

    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_failing_accept_is_tried_again_after_longer_and_longer_pauses() {
        // A socket of another kind is readable and refuses every accept, as a listener does whose
        // process has no descriptor left.
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.send_to(b"x", socket.local_addr().unwrap()).unwrap();
        socket.set_nonblocking(true).unwrap();
        let listener = TcpListener::from_std(OwnedFd::from(socket).into()).unwrap();
        let mut incoming = Incoming::on(listener, None, &Arc::default());
        let waited = timeout(Duration::from_millis(500), incoming.next()).await;
        assert!(waited.is_err(), "{waited:?}");
        // 10, 20, 40, 80, 160, 320 ms: the sixth pause is not over.
        assert!((2..=6).contains(&incoming.failures), "{}", incoming.failures);
    }

    #[tokio::test]
    async fn a_connection_beyond_the_bound_waits_for_another_to_end() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut incoming = Incoming::bounded(listener, 1);
        let clients =
            [TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap()];
        let first = timeout(SOON, incoming.next()).await.unwrap().unwrap().unwrap();
        tokio::select! {
            biased;
            second = incoming.next() => panic!("{second:?}"),
            () = tokio::task::yield_now() => {}
        }
        drop(first);
        timeout(SOON, incoming.next()).await.unwrap().unwrap().unwrap();
        drop(clients);
    }
}
