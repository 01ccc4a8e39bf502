//! One connection to an upstream that speaks HTTP/2, and how many streams it has.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use hyper::client::conn::http2::{Builder, Connection, SendRequest};
use hyper::rt::Executor;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::request::Question;
use crate::h2::bond::Bond;
use crate::h2::{FIELD_BYTES_MAX, SEND_BYTES_MAX, STREAM_WINDOW};
use crate::io::Io;
use crate::upstream::{Age, Upstream};

/// Streams on one connection: as many as a service should allow (RFC 9113, section 6.5.2). Fewer where it says
/// so.
const STREAMS_MAX: u32 = 100;

/// Silence after which an upstream with streams must answer a PING, and how long it has for that. Services of
/// gRPC take more than two in five minutes for an attack (its keepalive guide); a node does not.
const PING_EVERY: Duration = Duration::from_secs(330);
const PING_NODE_EVERY: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) struct Uplink {
    sender: SendRequest<Question>,
    spawn: Spawn,
    connection: Rc<Driven>,
    age: Age,
    streams: Cell<u32>,
    /// When its last stream ended, or it was made.
    rests_since: Cell<Instant>,
    cord: Rc<Cord>,
}

/// A place on an uplink, for one stream. It is taken until this is dropped.
pub(super) struct Place {
    uplink: Rc<Uplink>,
    upstream: Arc<Upstream>,
}

/// The library's part of a connection; none after its end.
type Driven = RefCell<Option<Connection<TokioIo<Line>, Question, Spawn>>>;

/// What ends a connection at once, and tells of what comes on it.
#[derive(Default)]
struct Cord {
    is_severed: Cell<bool>,
    reader: RefCell<Option<Waker>>,
    /// Whoever waits for the upstream's first words.
    listener: RefCell<Option<Waker>>,
}

/// A connection that can be severed.
struct Line {
    io: Io,
    cord: Rc<Cord>,
}

/// Spawns the library's tasks, which the worker's runtime owns. Those of a request end with its exchange at the
/// latest: one that sends a body waits for the service's window, and for nothing else, and a service that
/// reads nothing would have it wait for ever.
#[derive(Clone, Default)]
pub(super) struct Spawn(Rc<RefCell<Option<Rc<Bond>>>>);

/// Connects, and waits for what the upstream says of itself: without that nobody knows how many streams it
/// takes, nor whether it speaks HTTP/2 at all.
pub(super) async fn connect(upstream: &Arc<Upstream>) -> io::Result<Rc<Uplink>> {
    let age = upstream.age();
    let io = crate::pool::connect(upstream).await?;
    let cord = Rc::new(Cord::default());
    let line = Line { io, cord: Rc::clone(&cord) };
    let spawn = Spawn::default();
    let handshake = builder(&spawn, upstream.may_refuse()).handshake(TokioIo::new(line)).await;
    let (sender, connection) =
        handshake.map_err(|error| io::Error::new(io::ErrorKind::ConnectionReset, error))?;
    let connection = Rc::new(RefCell::new(Some(connection)));
    tokio::task::spawn_local(drive(Rc::clone(&connection), Rc::clone(&cord)));
    let rests_since = Cell::new(Instant::now());
    let uplink = Uplink { sender, spawn, connection, age, streams: Cell::new(0), rests_since, cord };
    std::future::poll_fn(|cx| uplink.poll_introduced(cx)).await?;
    Ok(Rc::new(uplink))
}

async fn drive(connection: Rc<Driven>, cord: Rc<Cord>) {
    let ended = std::future::poll_fn(|cx| match connection.borrow_mut().as_mut() {
        Some(connection) => Pin::new(connection).poll(cx),
        None => Poll::Ready(Ok(())),
    });
    if let Err(error) = ended.await {
        tracing::debug!(%error, "a connection of HTTP/2 to an upstream failed");
    }
    connection.take();
    cord.listen();
}

fn builder(spawn: &Spawn, is_node: bool) -> Builder<Spawn> {
    let mut builder = Builder::new(spawn.clone());
    builder
        .timer(TokioTimer::new())
        .initial_max_send_streams(0)
        .keep_alive_interval(if is_node { PING_NODE_EVERY } else { PING_EVERY })
        .keep_alive_timeout(PING_TIMEOUT)
        .max_header_list_size(FIELD_BYTES_MAX)
        .initial_stream_window_size(STREAM_WINDOW)
        // Enough for all streams, so that a client that takes nothing holds up its own only.
        .initial_connection_window_size(STREAMS_MAX * STREAM_WINDOW)
        .adaptive_window(false)
        .max_send_buf_size(SEND_BYTES_MAX);
    builder
}

impl Uplink {
    pub(super) fn age(&self) -> Age {
        self.age
    }

    /// Whether it takes streams, as far as is known here.
    pub(super) fn is_open(&self) -> bool {
        !self.sender.is_closed() && self.connection.borrow().is_some()
    }

    pub(super) fn has_room(&self) -> bool {
        self.streams.get() < self.streams_max().min(STREAMS_MAX)
    }

    /// What the upstream takes.
    fn streams_max(&self) -> u32 {
        let most = self.connection.borrow().as_ref().map_or(0, |driven| driven.current_max_send_streams());
        u32::try_from(most).unwrap_or(u32::MAX)
    }

    fn poll_introduced(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        if self.streams_max() > 0 {
            return Poll::Ready(Ok(()));
        }
        if !self.is_open() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        self.cord.listener.replace(Some(cx.waker().clone()));
        Poll::Pending
    }

    pub(super) fn is_idle(&self) -> bool {
        self.streams.get() == 0
    }

    pub(super) fn has_rested_since(&self, oldest: Instant) -> bool {
        self.is_idle() && self.rests_since.get() < oldest
    }

    /// Ends it, and what it carries.
    pub(super) fn sever(&self) {
        self.cord.is_severed.set(true);
        if let Some(reader) = self.cord.reader.take() {
            reader.wake();
        }
    }
}

impl Place {
    pub(super) fn take(uplink: &Rc<Uplink>, upstream: &Arc<Upstream>) -> Place {
        uplink.streams.set(uplink.streams.get() + 1);
        Place { uplink: Rc::clone(uplink), upstream: Arc::clone(upstream) }
    }

    pub(super) fn sender(&self) -> SendRequest<Question> {
        self.uplink.sender.clone()
    }

    pub(super) fn spawn(&self) -> Spawn {
        self.uplink.spawn.clone()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let uplink = &self.uplink;
        uplink.streams.set(uplink.streams.get() - 1);
        if uplink.is_idle() {
            uplink.rests_since.set(Instant::now());
            if self.upstream.is_retired(uplink.age) {
                uplink.sever();
            }
        }
    }
}

impl Cord {
    fn listen(&self) {
        if let Some(listener) = self.listener.take() {
            listener.wake();
        }
    }
}

impl Spawn {
    /// The next tasks are those of this request.
    pub(super) fn for_request(&self, bond: &Rc<Bond>) {
        self.0.replace(Some(Rc::clone(bond)));
    }
}

impl<F: Future<Output = ()> + 'static> Executor<F> for Spawn {
    fn execute(&self, future: F) {
        let Some(bond) = self.0.borrow().clone() else {
            // The connection's own.
            tokio::task::spawn_local(future);
            return;
        };
        tokio::task::spawn_local(async move {
            tokio::select! {
                biased;
                // What of the body is in the pipe goes out yet, as far as the window lets it.
                () = future => (),
                () = bond.far.over() => (),
            }
        });
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.cord.is_severed.get() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        self.cord.reader.replace(Some(cx.waker().clone()));
        let read = ready!(Pin::new(&mut self.io).poll_read(cx, space));
        self.cord.listen();
        Poll::Ready(read)
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
