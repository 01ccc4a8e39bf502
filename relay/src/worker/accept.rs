//! The accept loop of a worker. No failure of accept ends it; a drain does, after what has queued up
//! on the socket has been taken, so that nobody who is connected already is turned away.

use std::cell::Cell;
use std::future::{self, Future};
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::net::{SocketFlags, acceptfrom_with};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::sync::mpsc;
use tokio::task::coop;

use super::Worker;
use super::peers::{Accepted, Layer};
use crate::connection;
use crate::io::Io;

/// First and longest pause after a failure that lasts, such as no descriptor left.
const PAUSE: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Connections taken from the socket's queue at the start of a drain; the usual length of that queue.
const QUEUED_MAX: usize = 4096;

/// Connections taken in a row before those that are open have their turn.
const IN_A_ROW: usize = 64;

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
pub(crate) fn prepare(listener: &TcpListener) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let socket = SockRef::from(listener);
    socket.set_tcp_nodelay(true)?;
    let probes = TcpKeepalive::new().with_time(PROBE_AFTER).with_interval(PROBE_EVERY).with_retries(PROBES);
    socket.set_tcp_keepalive(&probes)?;
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED_MAX))
}

/// The accept loops of a worker at one address, and the way to end them.
#[derive(Default)]
pub(super) struct Door {
    is_closing: Cell<bool>,
    closing: Notify,
    /// Loops that have not ended.
    open: Cell<usize>,
    shut: Notify,
}

impl Door {
    fn close(&self) {
        self.is_closing.set(true);
        self.closing.notify_waiters();
    }

    async fn until_shut(&self) {
        while self.open.get() > 0 {
            self.shut.notified().await;
        }
    }
}

/// Has the runtime tell when somebody comes.
pub(super) fn watched(listeners: Vec<TcpListener>) -> io::Result<Vec<AsyncFd<TcpListener>>> {
    #[expect(
        deprecated,
        reason = "its successor is unsafe; a std listener owns the descriptor that it names"
    )]
    listeners.into_iter().map(|one| AsyncFd::with_interest(one, Interest::READABLE)).collect()
}

impl Worker {
    /// Accepts on `listeners` from now on. The loops before take what has queued up and end, and whoever is
    /// connected is told with the next answer to come anew. Answers when those loops have ended.
    pub(super) async fn listen(self: &Rc<Self>, listeners: Vec<TcpListener>) -> io::Result<()> {
        let listeners = watched(listeners)?;
        self.live.leave_all();
        self.open_door(listeners).until_shut().await;
        Ok(())
    }

    /// Answers the one before, which closes.
    pub(super) fn open_door(self: &Rc<Self>, listeners: Vec<AsyncFd<TcpListener>>) -> Rc<Door> {
        let before = self.door.replace(self.door_on(listeners, Layer::Tcp));
        before.close();
        before
    }

    /// It stays until the worker drains.
    pub(super) fn open_secured_door(self: &Rc<Self>, listeners: Vec<AsyncFd<TcpListener>>) {
        self.door_on(listeners, Layer::Tls);
    }

    fn door_on(self: &Rc<Self>, listeners: Vec<AsyncFd<TcpListener>>, layer: Layer) -> Rc<Door> {
        let door = Rc::<Door>::default();
        door.open.set(listeners.len());
        self.draining.open(listeners.len());
        for listener in listeners {
            tokio::task::spawn_local(run(Rc::clone(self), listener, layer, Rc::clone(&door)));
        }
        door
    }
}

async fn run(worker: Rc<Worker>, listener: AsyncFd<TcpListener>, layer: Layer, door: Rc<Door>) {
    let mut pause = PAUSE;
    let mut in_a_row = 0;
    let mut drain_began = pin!(worker.draining.began());
    let mut closing = pin!(door.closing.notified());
    while let Some(accepted) =
        next(&worker, &listener, layer, &door, drain_began.as_mut(), closing.as_mut()).await
    {
        match accepted {
            Ok(accepted) => {
                pause = PAUSE;
                place(&worker, accepted);
                in_a_row += 1;
                if in_a_row == IN_A_ROW {
                    in_a_row = 0;
                    tokio::task::yield_now().await;
                }
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
    take_queued(&worker, &listener, layer).await;
    drop(listener);
    door.open.update(|open| open - 1);
    door.shut.notify_one();
    worker.draining.shut();
}

/// Opens what other workers hand over, as long as there are any.
pub(super) async fn take_over(worker: Rc<Worker>, mut handed: mpsc::Receiver<Accepted>) {
    while let Some(accepted) = handed.recv().await {
        open(&worker, accepted);
    }
}

/// The next connection; none once the worker drains or the door closes.
async fn next(
    worker: &Worker,
    listener: &AsyncFd<TcpListener>,
    layer: Layer,
    door: &Door,
    mut drain_began: Pin<&mut Notified<'_>>,
    mut closing: Pin<&mut Notified<'_>>,
) -> Option<io::Result<Accepted>> {
    future::poll_fn(|cx| {
        if worker.is_draining() || door.is_closing.get() {
            return Poll::Ready(None);
        }
        match poll_accept(cx, listener, layer) {
            Poll::Ready(accepted) => Poll::Ready(Some(accepted)),
            Poll::Pending if closing.as_mut().poll(cx).is_ready() => Poll::Ready(None),
            Poll::Pending => drain_began.as_mut().poll(cx).map(|()| None),
        }
    })
    .await
}

fn poll_accept(
    cx: &mut Context<'_>,
    listener: &AsyncFd<TcpListener>,
    layer: Layer,
) -> Poll<io::Result<Accepted>> {
    loop {
        let mut ready = ready!(listener.poll_read_ready(cx))?;
        if let Ok(accepted) = ready.try_io(|listener| accept(listener.get_ref(), layer)) {
            return Poll::Ready(accepted);
        }
    }
}

/// One system call a connection: the socket does not block and is not inherited, and says who is there.
fn accept(listener: &TcpListener, layer: Layer) -> io::Result<Accepted> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let (socket, peer) = acceptfrom_with(listener.as_fd(), flags)?;
    let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
    let address = peer.map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.ip());
    Ok(Accepted { tcp: TcpStream::from(socket), address, layer })
}

/// Takes what has queued up. Not in turns with other tasks: at the end of its turn a queue looks empty.
async fn take_queued(worker: &Rc<Worker>, listener: &AsyncFd<TcpListener>, layer: Layer) {
    coop::unconstrained(future::poll_fn(|_| {
        for _ in 0..QUEUED_MAX {
            match accept(listener.get_ref(), layer) {
                Ok(accepted) => open(worker, worker.peers().keep(accepted)),
                Err(error) if is_the_clients(&error) => (),
                Err(_) => break,
            }
        }
        Poll::Ready(())
    }))
    .await;
}

/// Opens a connection here, or hands it to a worker that has fewer; turns it away where there are too many.
fn place(worker: &Rc<Worker>, accepted: Accepted) {
    if worker.peers().are_full(worker.settings().connections_max) {
        worker.metrics().connection_refused();
        let Accepted { tcp, address, layer } = accepted;
        match layer {
            Layer::Tcp => {
                let refused = connection::turn_away(Rc::clone(worker), Io::Fresh(tcp), address);
                tokio::task::spawn_local(refused);
            }
            Layer::Tls => connection::turn_away_secured(worker, address),
        }
    } else if let Some(accepted) = worker.peers().place(accepted) {
        open(worker, accepted);
    }
}

fn open(worker: &Rc<Worker>, accepted: Accepted) {
    // Owned by the worker's runtime; the worker's table counts it, and a drain waits for that.
    let Accepted { tcp, address, layer } = accepted;
    let worker = Rc::clone(worker);
    match layer {
        Layer::Tcp => tokio::task::spawn_local(connection::serve(worker, Io::Fresh(tcp), address)),
        Layer::Tls => tokio::task::spawn_local(connection::serve_secured(worker, tcp, address)),
    };
}

/// Whether the connection went away before it was taken, which is no failure of ours.
fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_accepted_connection_inherits_what_ends_a_vanished_client() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        prepare(&listener).unwrap();
        listener.set_nonblocking(false).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let accepted = accept(&listener, Layer::Tcp).unwrap();
        assert_eq!(accepted.address, client.local_addr().unwrap().ip());
        let socket = SockRef::from(&accepted.tcp);
        assert!(
            socket.keepalive().unwrap() && socket.tcp_nodelay().unwrap() && socket.nonblocking().unwrap()
        );
        assert_eq!(socket.tcp_keepalive_time().unwrap(), PROBE_AFTER);
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), PROBE_EVERY);
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), PROBES);
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(UNACKNOWLEDGED_MAX));
    }
}
