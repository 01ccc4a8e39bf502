//! One end of a connection of TLS. What is written is taken at once, a bounded part, and goes out as the
//! connection lets it: with the next write, with a read, or when it is pushed. Nothing else drives it.

use std::io::{self, IoSlice, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::io::Errno;
use rustix::net::RecvFlags;
use rustls::{Connection, IoState};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

pub(crate) struct TlsStream {
    tcp: TcpStream,
    session: Connection,
    has_said_goodbye: bool,
}

/// The connection as rustls reads and writes it: what would wait is an error.
struct Socket<'s, 'c, 'w> {
    tcp: &'s mut TcpStream,
    cx: &'c mut Context<'w>,
}

/// What is there by now, as the runtime knows it.
struct Known<'s>(&'s TcpStream);

/// The same, asked of the system.
struct Asked<'s>(&'s TcpStream);

impl TlsStream {
    pub(super) fn new(tcp: TcpStream, session: Connection) -> TlsStream {
        TlsStream { tcp, session, has_said_goodbye: false }
    }

    pub(super) fn session(&self) -> &Connection {
        &self.session
    }

    /// Whether the other end has taken us, by all that it says.
    pub(super) fn is_taken(&self) -> bool {
        let has_ticket = match &self.session {
            Connection::Client(client) => client.tls13_tickets_received() > 0,
            Connection::Server(_) => true,
        };
        has_ticket && !self.session.is_handshaking()
    }

    /// Bytes that were read off the connection before.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.session.read_tls(&mut bytes)?;
            self.judge()?;
        }
        Ok(())
    }

    /// Ready when a read may bring something. What was taken goes out meanwhile.
    pub(crate) fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let _ = self.poll_push(cx);
        if self.has_news() {
            return Poll::Ready(());
        }
        self.tcp.poll_read_ready(cx).map(|_| ())
    }

    /// Reads as much as is here and fits; 0 when the other end has said that no more comes. An end without that
    /// word is an error: it may be a cut.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, space: &mut [u8]) -> Poll<io::Result<usize>> {
        // That it fails is told by the next write: what came before is still good.
        let _ = self.poll_push(cx);
        let mut count = 0;
        while count < space.len() {
            match self.session.reader().read(&mut space[count..]) {
                Ok(0) => break,
                Ok(more) => {
                    count += more;
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => (),
                Err(_) if count > 0 => break,
                Err(error) => return Poll::Ready(Err(error)),
            }
            match self.poll_take_in(cx) {
                Poll::Ready(Ok(_)) => (),
                // They come again with the next read.
                Poll::Ready(Err(_)) | Poll::Pending if count > 0 => break,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(count))
    }

    /// Takes a part of the bytes once all before them have gone out.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_push(cx))?;
        let count = self.session.writer().write(bytes)?;
        self.begin_push(cx, count)
    }

    pub(crate) fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_push(cx))?;
        let count = self.session.writer().write_vectored(slices)?;
        self.begin_push(cx, count)
    }

    fn begin_push(&mut self, cx: &mut Context<'_>, count: usize) -> Poll<io::Result<usize>> {
        match self.poll_push(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(count)),
        }
    }

    /// Ready when all that was taken has gone out.
    pub(crate) fn poll_push(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.session.wants_write() {
            match self.session.write_tls(&mut Socket { tcp: &mut self.tcp, cx }) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(_) => (),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Says that no more comes, after all that was taken, and ends the sending side.
    pub(crate) fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.has_said_goodbye {
            self.has_said_goodbye = true;
            self.session.send_close_notify();
        }
        ready!(self.poll_push(cx))?;
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }

    /// Reads more of the session off the connection, false at its end; an error when it makes no sense.
    pub(super) fn poll_take_in(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        match self.session.read_tls(&mut Socket { tcp: &mut self.tcp, cx }) {
            Ok(count) => Poll::Ready(self.judge().map(|_| count > 0)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    fn judge(&mut self) -> io::Result<IoState> {
        self.session.process_new_packets().map_err(|fault| io::Error::new(io::ErrorKind::InvalidData, fault))
    }

    /// Whether something came off the connection already that nobody has read.
    fn has_news(&mut self) -> bool {
        let state = self.session.process_new_packets();
        state.is_ok_and(|state| state.plaintext_bytes_to_read() > 0 || state.peer_has_closed())
    }

    /// Whether a resting connection is still good, as far as the runtime knows.
    pub(crate) fn is_quiet(&mut self) -> bool {
        is_quiet(&mut self.session, &mut Known(&self.tcp))
    }

    /// The same, asked of the system.
    pub(crate) fn is_quiet_by_now(&mut self) -> bool {
        is_quiet(&mut self.session, &mut Asked(&self.tcp))
    }

    pub(crate) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }
}

/// What TLS says unasked, such as a new ticket, is no word of the other end's.
fn is_quiet(session: &mut Connection, socket: &mut dyn Read) -> bool {
    loop {
        match session.read_tls(socket) {
            Ok(0) => return false,
            Ok(_) => match session.process_new_packets() {
                Ok(state) if state.plaintext_bytes_to_read() == 0 && !state.peer_has_closed() => (),
                Ok(_) | Err(_) => return false,
            },
            Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
        }
    }
}

impl AsFd for TlsStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.tcp.as_fd()
    }
}

impl Read for Socket<'_, '_, '_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let mut space = ReadBuf::new(space);
        match Pin::new(&mut *self.tcp).poll_read(self.cx, &mut space) {
            Poll::Ready(read) => read.map(|()| space.filled().len()),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl Write for Socket<'_, '_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        waited(Pin::new(&mut *self.tcp).poll_write(self.cx, bytes))
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        waited(Pin::new(&mut *self.tcp).poll_write_vectored(self.cx, slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn waited(written: Poll<io::Result<usize>>) -> io::Result<usize> {
    match written {
        Poll::Ready(written) => written,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

impl Read for Known<'_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(space)
    }
}

impl Read for Asked<'_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        match rustix::net::recv(self.0, space, RecvFlags::DONTWAIT) {
            Ok((count, _)) => Ok(count),
            Err(Errno::AGAIN) => Err(io::ErrorKind::WouldBlock.into()),
            Err(error) => Err(error.into()),
        }
    }
}
