//! One end of a byte stream: a TCP connection, with TLS or without, or the near end of a pipe within the process,
//! by which a stream of HTTP/2 takes part as an HTTP/1.1 message.

use std::io::{self, IoSlice, Read, Write};
use std::mem;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use crate::buffer::Buffer;
use crate::h2::Far;
use crate::tls::TlsStream;

pub(crate) enum Io {
    /// A connection that the runtime does not know yet: what is there already is read and answered without
    /// a word to the system's event queue. It becomes the next kind as soon as it has to wait.
    Fresh(std::net::TcpStream),
    Tcp(TcpStream),
    /// On the heap: it would make every other connection larger.
    Tls(Box<TlsStream>),
    Pipe(Far),
    /// It could not be made known to the runtime.
    Lost,
}

impl Io {
    /// Makes the runtime know the connection, so that a task can wait for it.
    pub(crate) fn register(&mut self) -> io::Result<()> {
        if let Io::Fresh(_) = self
            && let Io::Fresh(tcp) = mem::replace(self, Io::Lost)
        {
            *self = Io::Tcp(TcpStream::from_std(tcp)?);
        }
        Ok(())
    }

    /// Whether nobody is told what happens on it.
    pub(crate) fn is_fresh(&self) -> bool {
        matches!(self, Io::Fresh(_))
    }

    /// Whether it is one of TLS: what is written to it may have to be pushed, and its end said.
    pub(crate) fn is_secured(&self) -> bool {
        matches!(self, Io::Tls(_))
    }

    /// Brings on what was written and has not gone out. Only TLS keeps such bytes; a read does the same, so this
    /// is for when nothing is read. Whoever writes next hears of a failure.
    pub(crate) fn push(&mut self, cx: &mut Context<'_>) {
        if let Io::Tls(tls) = self {
            let _ = tls.poll_push(cx);
        }
    }

    /// Ready when a read may bring something. Without TLS it asks nothing of the system.
    pub(crate) fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Io::Tcp(tcp) => tcp.poll_read_ready(cx).map(|_| ()),
            Io::Tls(tls) => tls.poll_readable(cx),
            // These have no readiness: whoever reads finds out.
            Io::Fresh(_) | Io::Pipe(_) | Io::Lost => Poll::Ready(()),
        }
    }

    /// Reads once into the buffer's space, which must not be empty; 0 is the end of the stream.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut Buffer) -> Poll<io::Result<usize>> {
        debug_assert!(!buffer.space().is_empty(), "a read without space would look like an end");
        if let Io::Fresh(tcp) = self {
            match tcp.read(buffer.space()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.register()?,
                Ok(count) => {
                    buffer.fill(count);
                    return Poll::Ready(Ok(count));
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        if let Io::Tls(tls) = self {
            let count = ready!(tls.poll_read(cx, buffer.space()))?;
            buffer.fill(count);
            return Poll::Ready(Ok(count));
        }
        let mut space = ReadBuf::new(buffer.space());
        match self {
            Io::Tcp(tcp) => ready!(Pin::new(tcp).poll_read(cx, &mut space))?,
            Io::Pipe(pipe) => ready!(pipe.stream().poll_read(cx, &mut space))?,
            Io::Fresh(_) | Io::Tls(_) | Io::Lost => return Poll::Ready(Err(lost())),
        }
        let count = space.filled().len();
        buffer.fill(count);
        Poll::Ready(Ok(count))
    }

    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Io::Fresh(tcp) = self {
            match tcp.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.register()?,
                written => return Poll::Ready(written),
            }
        }
        match self {
            Io::Tcp(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Io::Tls(tls) => tls.poll_write(cx, bytes),
            Io::Pipe(pipe) => pipe.stream().poll_write(cx, bytes),
            Io::Fresh(_) | Io::Lost => Poll::Ready(Err(lost())),
        }
    }

    /// Writes the last bytes of a connection, which is closed right after: the end goes out in one segment
    /// with them.
    pub(crate) fn poll_write_last(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let sent = match self {
            Io::Fresh(tcp) => Some(send_more(&*tcp, bytes)),
            Io::Tcp(tcp) => match tcp.try_io(Interest::WRITABLE, || send_more(&*tcp, bytes)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
                sent => Some(sent),
            },
            Io::Tls(_) | Io::Pipe(_) | Io::Lost => None,
        };
        match sent {
            Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => self.poll_write(cx, bytes),
            Some(sent) => Poll::Ready(sent),
            None => self.poll_write(cx, bytes),
        }
    }

    /// Ends the sending side, after all that was written.
    pub(crate) fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Io::Fresh(tcp) => Poll::Ready(tcp.shutdown(std::net::Shutdown::Write)),
            Io::Tcp(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Io::Tls(tls) => tls.poll_finish(cx),
            Io::Pipe(pipe) => pipe.stream().poll_shutdown(cx),
            Io::Lost => Poll::Ready(Err(lost())),
        }
    }

    /// Whether the far side has said that it did nothing with the request. Only HTTP/2 can say so.
    pub(crate) fn was_refused(&self) -> bool {
        match self {
            Io::Pipe(pipe) => pipe.was_refused(),
            Io::Fresh(_) | Io::Tcp(_) | Io::Tls(_) | Io::Lost => false,
        }
    }

    /// Whether a resting connection is still good: the far side has neither ended it nor spoken unasked.
    pub(crate) fn is_quiet(&mut self) -> bool {
        match self {
            // Without news from the system this asks nothing of it.
            Io::Tcp(tcp) => {
                matches!(tcp.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
            }
            Io::Tls(tls) => tls.is_quiet(),
            Io::Fresh(_) | Io::Pipe(_) | Io::Lost => false,
        }
    }

    /// The same, asked of the system itself: a close may be here of which the runtime has not heard.
    pub(crate) fn is_quiet_by_now(&mut self) -> bool {
        match self {
            Io::Tcp(tcp) => {
                let peeked = rustix::net::recv(tcp, &mut [0; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT);
                matches!(peeked, Err(Errno::AGAIN))
            }
            Io::Tls(tls) => tls.is_quiet_by_now(),
            Io::Fresh(_) | Io::Pipe(_) | Io::Lost => false,
        }
    }

    /// The close that follows is a reset, so that nobody takes it for a proper end.
    pub(crate) fn reset_at_close(&self) {
        // A connection that is gone already needs none.
        let _ = match self {
            Io::Fresh(tcp) => SockRef::from(tcp).set_linger(Some(Duration::ZERO)),
            Io::Tcp(tcp) => SockRef::from(tcp).set_linger(Some(Duration::ZERO)),
            Io::Tls(tls) => SockRef::from(tls.tcp()).set_linger(Some(Duration::ZERO)),
            Io::Pipe(_) | Io::Lost => Ok(()),
        };
    }
}

/// For HTTP/2, on a connection that the runtime knows.
impl AsyncRead for Io {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Io::Tcp(tcp) => Pin::new(tcp).poll_read(cx, space),
            Io::Tls(tls) => {
                let count = ready!(tls.poll_read(cx, space.initialize_unfilled()))?;
                space.advance(count);
                Poll::Ready(Ok(()))
            }
            Io::Fresh(_) | Io::Pipe(_) | Io::Lost => Poll::Ready(Err(lost())),
        }
    }
}

/// As above.
impl AsyncWrite for Io {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Io::poll_write(self.get_mut(), cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Io::Tls(tls) => tls.poll_push(cx),
            Io::Fresh(_) | Io::Tcp(_) | Io::Pipe(_) | Io::Lost => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_finish(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Io::Tcp(tcp) => Pin::new(tcp).poll_write_vectored(cx, slices),
            Io::Tls(tls) => tls.poll_write_vectored(cx, slices),
            Io::Fresh(_) | Io::Pipe(_) | Io::Lost => Poll::Ready(Err(lost())),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}

/// Sends, and lets the system wait for more: what follows is the close.
fn send_more(socket: impl AsFd, bytes: &[u8]) -> io::Result<usize> {
    Ok(rustix::net::send(socket, bytes, SendFlags::MORE | SendFlags::NOSIGNAL)?)
}

fn lost() -> io::Error {
    io::Error::from(io::ErrorKind::NotConnected)
}
