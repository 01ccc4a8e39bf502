//! One end of a byte stream: a TCP connection, or the near end of a pipe within the process, by which a
//! stream of HTTP/2 takes part as an HTTP/1.1 message.

use std::io::{self, Read, Write};
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

pub(crate) enum Io {
    /// A connection that the runtime does not know yet: what is there already is read and answered without
    /// a word to the system's event queue. It becomes the next kind as soon as it has to wait.
    Fresh(std::net::TcpStream),
    Tcp(TcpStream),
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

    /// Ready when a read may bring something. It asks nothing of the system.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Io::Tcp(tcp) => tcp.poll_read_ready(cx).map(|_| ()),
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
        let mut space = ReadBuf::new(buffer.space());
        match self {
            Io::Tcp(tcp) => ready!(Pin::new(tcp).poll_read(cx, &mut space))?,
            Io::Pipe(pipe) => ready!(pipe.stream().poll_read(cx, &mut space))?,
            Io::Fresh(_) | Io::Lost => return Poll::Ready(Err(lost())),
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
            Io::Pipe(_) | Io::Lost => None,
        };
        match sent {
            Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => self.poll_write(cx, bytes),
            Some(sent) => Poll::Ready(sent),
            None => self.poll_write(cx, bytes),
        }
    }

    /// Ends the sending side.
    pub(crate) fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Io::Fresh(tcp) => Poll::Ready(tcp.shutdown(std::net::Shutdown::Write)),
            Io::Tcp(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Io::Pipe(pipe) => pipe.stream().poll_shutdown(cx),
            Io::Lost => Poll::Ready(Err(lost())),
        }
    }

    /// Whether the far side has said that it did nothing with the request. Only HTTP/2 can say so.
    pub(crate) fn was_refused(&self) -> bool {
        match self {
            Io::Pipe(pipe) => pipe.was_refused(),
            Io::Fresh(_) | Io::Tcp(_) | Io::Lost => false,
        }
    }

    /// Whether a resting connection is still good: the far side has neither ended it nor spoken unasked.
    pub(crate) fn is_quiet(&self) -> bool {
        match self {
            // Without news from the system this asks nothing of it.
            Io::Tcp(tcp) => {
                matches!(tcp.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
            }
            Io::Fresh(_) | Io::Pipe(_) | Io::Lost => false,
        }
    }

    /// The same, asked of the system itself: a close may be here of which the runtime has not heard.
    pub(crate) fn is_quiet_by_now(&self) -> bool {
        match self {
            Io::Tcp(tcp) => {
                let peeked = rustix::net::recv(tcp, &mut [0; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT);
                matches!(peeked, Err(Errno::AGAIN))
            }
            Io::Fresh(_) | Io::Pipe(_) | Io::Lost => false,
        }
    }

    /// The close that follows is a reset, so that nobody takes it for a proper end.
    pub(crate) fn reset_at_close(&self) {
        // A connection that is gone already needs none.
        let _ = match self {
            Io::Fresh(tcp) => SockRef::from(tcp).set_linger(Some(Duration::ZERO)),
            Io::Tcp(tcp) => SockRef::from(tcp).set_linger(Some(Duration::ZERO)),
            Io::Pipe(_) | Io::Lost => Ok(()),
        };
    }
}

/// Sends, and lets the system wait for more: what follows is the close.
fn send_more(socket: impl AsFd, bytes: &[u8]) -> io::Result<usize> {
    Ok(rustix::net::send(socket, bytes, SendFlags::MORE | SendFlags::NOSIGNAL)?)
}

fn lost() -> io::Error {
    io::Error::from(io::ErrorKind::NotConnected)
}
