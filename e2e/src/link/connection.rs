//! One connection through a link. Each way is a reader that notes when what it read is due, and a writer
//! that waits for that and for the way to be open; the list between them is bounded.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::{Manner, State, Ways};

/// Of one read, and how many of them may be under way in one direction: 1 MiB. Whoever sends more waits, as
/// he does for a full socket.
const PIECE_BYTES: usize = 16 << 10;
const PIECES_MAX: usize = 64;

/// From one delay to the next, of a whole turn: the golden section, which spreads any number of them evenly
/// between the least and the most. No chance is needed for that.
const TURN: f64 = 0.618_033_988_749_895;

/// The front end's half, and what the link is like.
pub(super) struct Connection {
    front: TcpStream,
    state: watch::Receiver<State>,
    resets: u64,
}

/// Which of the two ways.
#[derive(Clone, Copy)]
enum Way {
    ToNode,
    ToFront,
}

/// What one read brought: bytes, the end, which has none, or a fault.
struct Piece {
    due: Instant,
    read: io::Result<Vec<u8>>,
}

impl Connection {
    pub(super) fn new(front: TcpStream, state: watch::Receiver<State>) -> Self {
        let resets = state.borrow().resets;
        Self { front, state, resets }
    }

    /// Takes it on to that address until both sides have ended it; any other end is a reset for both.
    pub(super) async fn run(mut self, there: SocketAddr) {
        let node = tokio::select! {
            node = reach(&self.front, there, self.state.clone()) => node,
            () = is_reset(self.state.clone(), self.resets) => Err(io::ErrorKind::ConnectionReset.into()),
        };
        let mut node = match node {
            Ok(Some(node)) => node,
            Ok(None) => return,
            Err(_) => return abort(&self.front),
        };
        let ended = tokio::select! {
            ended = carry_both(&mut self.front, &mut node, &self.state) => ended,
            () = is_reset(self.state.clone(), self.resets) => Err(io::ErrorKind::ConnectionReset.into()),
        };
        if ended.is_err() {
            abort(&self.front);
            abort(&node);
        }
    }
}

/// What follows is not waited for: the drop of it is a reset. One that is gone needs none.
fn abort(stream: &TcpStream) {
    stream.set_zero_linger().ok();
}

async fn is_reset(mut state: watch::Receiver<State>, resets: u64) {
    // A link that is gone ends its connections by itself.
    if state.wait_for(|state| state.resets != resets).await.is_err() {
        std::future::pending().await
    }
}

/// The node's half, once both ways are open, as a connection takes both to come about; none if the front end
/// did not wait for it.
async fn reach(
    front: &TcpStream,
    there: SocketAddr,
    mut state: watch::Receiver<State>,
) -> io::Result<Option<TcpStream>> {
    front.set_nodelay(true)?;
    let is_open = |state: &State| state.ways.to_node != Manner::Hold && state.ways.to_front != Manner::Hold;
    state.wait_for(is_open).await.map_err(io::Error::other)?;
    // It is always writable, so that this does not wait.
    if front.ready(Interest::READABLE | Interest::WRITABLE).await?.is_read_closed() {
        return Ok(None);
    }
    let node = TcpStream::connect(there).await?;
    node.set_nodelay(true)?;
    Ok(Some(node))
}

async fn carry_both(
    front: &mut TcpStream,
    node: &mut TcpStream,
    state: &watch::Receiver<State>,
) -> io::Result<()> {
    let ((from_front, to_front), (from_node, to_node)) = (front.split(), node.split());
    tokio::try_join!(
        carry(from_front, to_node, state.clone(), Way::ToNode),
        carry(from_node, to_front, state.clone(), Way::ToFront),
    )?;
    Ok(())
}

async fn carry(
    from: ReadHalf<'_>,
    to: WriteHalf<'_>,
    state: watch::Receiver<State>,
    way: Way,
) -> io::Result<()> {
    let (sender, pieces) = mpsc::channel(PIECES_MAX);
    tokio::join!(read(from, sender, state.clone(), way), write(to, pieces, state, way)).1
}

/// Reads to the end or to a fault, or until nobody writes any more.
async fn read(mut from: ReadHalf<'_>, pieces: mpsc::Sender<Piece>, state: watch::Receiver<State>, way: Way) {
    let (mut turn, mut due) = (0.0, Instant::now());
    loop {
        let mut bytes = Vec::with_capacity(PIECE_BYTES);
        let read = tokio::select! {
            read = from.read_buf(&mut bytes) => read.map(|_| bytes),
            () = pieces.closed() => return,
        };
        let is_last = read.as_ref().map_or(true, Vec::is_empty);
        // What follows never overtakes.
        due = due.max(Instant::now() + delay(way.of(state.borrow().ways), turn));
        turn = (turn + TURN).fract();
        if pieces.send(Piece { due, read }).await.is_err() || is_last {
            return;
        }
    }
}

/// Writes each piece when it is due and the way is open.
async fn write(
    mut to: WriteHalf<'_>,
    mut pieces: mpsc::Receiver<Piece>,
    mut state: watch::Receiver<State>,
    way: Way,
) -> io::Result<()> {
    while let Some(Piece { due, read }) = pieces.recv().await {
        sleep_until(due).await;
        state.wait_for(|state| way.of(state.ways) != Manner::Hold).await.map_err(io::Error::other)?;
        let bytes = read?;
        if bytes.is_empty() {
            return to.shutdown().await;
        }
        to.write_all(&bytes).await?;
    }
    Ok(())
}

fn delay(manner: Manner, turn: f64) -> Duration {
    match manner {
        Manner::Delay { least, most } => least + most.saturating_sub(least).mul_f64(turn),
        Manner::Pass | Manner::Hold => Duration::ZERO,
    }
}

impl Way {
    fn of(self, ways: Ways) -> Manner {
        match self {
            Self::ToNode => ways.to_node,
            Self::ToFront => ways.to_front,
        }
    }
}
