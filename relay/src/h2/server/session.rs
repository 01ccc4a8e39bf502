//! What the streams of one client's connection share, and the connection itself with what was read of it.

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::stream::Stream;
use crate::io::Io;
use crate::live::{Client, Phase};

pub(super) struct Session {
    client: Rc<Client>,
    open: Cell<u32>,
    is_leaving: Cell<bool>,
    /// The stream that was made and not handed over yet.
    made: RefCell<Option<Rc<Stream>>>,
}

/// A stream that is open. It counts until it is dropped.
pub(super) struct Open(Rc<Session>);

/// A connection whose first bytes were read already.
pub(super) struct Begun {
    io: Rc<RefCell<Io>>,
    read: Vec<u8>,
    taken: usize,
}

impl Session {
    pub(super) fn new(client: Rc<Client>) -> Session {
        Session { client, open: Cell::new(0), is_leaving: Cell::new(false), made: RefCell::default() }
    }

    pub(super) fn client(&self) -> &Rc<Client> {
        &self.client
    }

    /// No stream is welcome any more, but those that are on their way.
    pub(super) fn leave(&self) {
        self.is_leaving.set(true);
        if self.open.get() == 0 {
            self.client.enter(Phase::Lingering);
        }
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.is_leaving.get()
    }

    pub(super) fn open(self: &Rc<Self>) -> Open {
        self.open.set(self.open.get() + 1);
        self.client.enter(Phase::Multiplexed);
        Open(Rc::clone(self))
    }

    pub(super) fn keep(&self, stream: Rc<Stream>) {
        self.made.replace(Some(stream));
    }

    pub(super) fn take(&self) -> Option<Rc<Stream>> {
        self.made.take()
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let Session { client, open, is_leaving, .. } = &*self.0;
        open.set(open.get() - 1);
        if open.get() == 0 {
            client.enter(if is_leaving.get() { Phase::Lingering } else { Phase::Idle });
        }
    }
}

impl Begun {
    pub(super) fn new(io: Rc<RefCell<Io>>, read: &[u8]) -> Begun {
        Begun { io, read: read.to_vec(), taken: 0 }
    }
}

impl AsyncRead for Begun {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let rest = &self.read[self.taken..];
        if rest.is_empty() {
            return Pin::new(&mut *self.io.borrow_mut()).poll_read(cx, space);
        }
        let count = rest.len().min(space.remaining());
        space.put_slice(&rest[..count]);
        self.taken += count;
        if self.taken == self.read.len() {
            self.read = Vec::new();
            self.taken = 0;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Begun {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.io.borrow_mut()).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.io.borrow_mut()).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.io.borrow_mut()).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.io.borrow_mut()).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.borrow().is_write_vectored()
    }
}
