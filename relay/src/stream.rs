//! A TCP stream that remembers whether bytes have moved since it was last asked, and whether it is full.
//!
//! Retries rest on it: whether a request was written, and whether any of its answer came, is known here
//! and nowhere above. So does the count of what a drain cuts.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The form the codec takes.
pub(crate) type Io = TokioIo<Stream>;

/// Whether bytes moved. Atomics only because an upgraded stream must be `Send`; one thread uses them.
#[derive(Debug, Default)]
pub(crate) struct Moved {
    read: AtomicBool,
    wrote: AtomicBool,
    blocked: AtomicBool,
}

impl Moved {
    pub(crate) fn reset(&self) {
        self.read.store(false, Ordering::Relaxed);
        self.wrote.store(false, Ordering::Relaxed);
    }

    pub(crate) fn has_read(&self) -> bool {
        self.read.load(Ordering::Relaxed)
    }

    pub(crate) fn has_written(&self) -> bool {
        self.wrote.load(Ordering::Relaxed)
    }

    /// Whether the codec still holds bytes that the far side does not take now.
    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
pub(crate) struct Stream {
    tcp: TcpStream,
    moved: Arc<Moved>,
}

impl Stream {
    pub(crate) fn new(tcp: TcpStream, moved: Arc<Moved>) -> Io {
        TokioIo::new(Stream { tcp, moved })
    }

    pub(crate) fn into_tcp(self) -> TcpStream {
        self.tcp
    }

    fn count(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(written, Poll::Ready(Ok(bytes)) if bytes > 0) {
            self.moved.wrote.store(true, Ordering::Relaxed);
        }
        // The codec writes until it has nothing left or is told to wait.
        self.moved.blocked.store(written.is_pending(), Ordering::Relaxed);
        written
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.tcp).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.moved.read.store(true, Ordering::Relaxed);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.tcp).poll_write(cx, bytes);
        self.count(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.tcp).poll_write_vectored(cx, slices);
        self.count(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Nothing: the codec drops the stream right after, and the close that follows says the same.
    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
