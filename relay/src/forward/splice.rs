//! Long bodies of known length go from socket to socket through a pipe of the kernel's, without a copy to
//! this process and back (splice(2)).

use std::cell::RefCell;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::task::{Context, Poll, ready};

use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};
use tokio::io::Interest;
use tokio::net::TcpStream;

/// Bytes that a pipe is asked to hold; the most that everybody may ask for (pipe(7), pipe-max-size).
const PIPE_BYTES: usize = 1 << 20;

/// So much in the pipe shows that the source is quicker than we are: what follows is here at once, and a
/// segment may wait for it to be full. The system sends it after 200 ms in any case (tcp(7), TCP_CORK).
const MORE_MIN: usize = 4 * 1024;

/// Pipes kept for the next body.
const KEPT_MAX: usize = 8;

/// A pipe and how much is in it.
pub(crate) struct Pipe {
    read: OwnedFd,
    write: OwnedFd,
    bytes: usize,
    held: usize,
}

/// The free pipes of one worker.
#[derive(Default)]
pub(crate) struct Pipes(RefCell<Vec<Pipe>>);

/// What one turn has moved.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Moved {
    /// From the source into the pipe.
    pub(super) taken: u64,
    /// From the pipe into the sink.
    pub(super) given: u64,
}

/// Why a turn ended.
pub(super) enum Fault {
    /// The source ended or failed.
    Source,
    /// The sink failed.
    Sink,
}

impl Pipe {
    fn new() -> io::Result<Pipe> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        // A user over its share of pipe memory gets a small one, which does as well, only slower.
        let bytes = fcntl_setpipe_size(&write, PIPE_BYTES).unwrap_or(64 * 1024);
        Ok(Pipe { read, write, bytes, held: 0 })
    }

    /// Bytes that are in it.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// Fills the empty pipe from `source` with at most `most` bytes.
    pub(super) fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        source: &TcpStream,
        most: u64,
    ) -> Poll<io::Result<usize>> {
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(self.bytes);
        let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
        loop {
            ready!(source.poll_read_ready(cx))?;
            let take = || Ok(splice(source.as_fd(), None, &self.write, None, most, flags)?);
            match source.try_io(Interest::READABLE, take) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => (),
                Ok(count) => {
                    self.held += count;
                    return Poll::Ready(Ok(count));
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Empties the pipe into `sink` as far as that takes it.
    /// `more` says that more will follow at once, so that segments are filled.
    pub(super) fn poll_drain(
        &mut self,
        cx: &mut Context<'_>,
        sink: &TcpStream,
        more: bool,
    ) -> Poll<io::Result<usize>> {
        let mut flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
        flags.set(SpliceFlags::MORE, more);
        loop {
            ready!(sink.poll_write_ready(cx))?;
            let give = || Ok(splice(&self.read, None, sink.as_fd(), None, self.held, flags)?);
            match sink.try_io(Interest::WRITABLE, give) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => (),
                Ok(count) => {
                    self.held -= count;
                    return Poll::Ready(Ok(count));
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl Pipes {
    /// A free pipe, or a new one; none where the system has none for us.
    pub(crate) fn take(&self) -> Option<Pipe> {
        self.0.borrow_mut().pop().or_else(|| Pipe::new().ok())
    }

    /// Keeps an empty pipe for the next; one with somebody's bytes in it is closed.
    pub(crate) fn give_back(&self, pipe: Pipe) {
        let mut pipes = self.0.borrow_mut();
        if pipe.held == 0 && pipes.len() < KEPT_MAX {
            pipes.push(pipe);
        }
    }
}

/// Moves what can be moved of the `left` bytes of a body.
pub(super) fn poll(
    pipe: &mut Pipe,
    cx: &mut Context<'_>,
    source: &TcpStream,
    sink: &TcpStream,
    mut left: u64,
) -> Result<Moved, Fault> {
    let mut moved = Moved::default();
    loop {
        let step = if pipe.held() > 0 {
            match pipe.poll_drain(cx, sink, left > 0 && pipe.held() >= MORE_MIN) {
                Poll::Ready(Ok(0) | Err(_)) => return Err(Fault::Sink),
                Poll::Ready(Ok(count)) => {
                    moved.given += count as u64;
                    true
                }
                Poll::Pending => false,
            }
        } else if left > 0 {
            match pipe.poll_fill(cx, source, left) {
                Poll::Ready(Ok(0) | Err(_)) => return Err(Fault::Source),
                Poll::Ready(Ok(count)) => {
                    moved.taken += count as u64;
                    left -= count as u64;
                    true
                }
                Poll::Pending => false,
            }
        } else {
            false
        };
        if !step {
            return Ok(moved);
        }
    }
}
