//! Hears that a client has broken its connection off while nobody reads from it. What it has sent before stands
//! in the way of a read, and a read that finds the end could not tell whether the client only has no more to
//! say, which it may.

use std::os::fd::{AsFd, OwnedFd};
use std::task::{Context, Poll, ready};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::io::Io;

/// Watches a connection under a descriptor of its own, so that what the connection's reader and writer know of
/// it is left alone. It wakes for room to write and for the end of both directions, and not for what comes.
pub(crate) struct Lookout(AsyncFd<OwnedFd>);

impl Lookout {
    /// None where there is no descriptor for it.
    pub(crate) fn over(io: &Io) -> Option<Lookout> {
        let socket = match io {
            Io::Fresh(tcp) => tcp.as_fd(),
            Io::Tcp(tcp) => tcp.as_fd(),
            Io::Tls(tls) => tls.as_fd(),
            Io::Pipe(_) | Io::Lost => return None,
        };
        let socket = socket.try_clone_to_owned().ok()?;
        #[expect(deprecated, reason = "its successor is unsafe; the descriptor is owned")]
        AsyncFd::with_interest(socket, Interest::WRITABLE).ok().map(Lookout)
    }

    /// Ready when both directions are over: by a reset, or because the client has vanished.
    pub(crate) fn poll_broken_off(&self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match ready!(self.0.poll_write_ready(cx)) {
                // There is room to write, which is no news.
                Ok(mut seen) if !seen.ready().is_write_closed() => seen.clear_ready(),
                Ok(_) | Err(_) => return Poll::Ready(()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::{Read, Write};
    use std::net::{Shutdown, TcpListener, TcpStream};
    use std::time::Duration;

    use socket2::SockRef;

    use super::*;

    /// A client, and the relay's end with a lookout over it.
    fn pair() -> (TcpStream, TcpStream, Lookout) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let served = listener.accept().unwrap().0;
        let lookout = Lookout::over(&Io::Fresh(served.try_clone().unwrap())).unwrap();
        (client, served, lookout)
    }

    fn reset(client: TcpStream) {
        SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
    }

    #[tokio::test]
    async fn a_reset_is_heard_before_what_came_first_is_read() {
        let (mut client, _served, lookout) = pair();
        client.write_all(b"unread").unwrap();
        reset(client);
        poll_fn(|cx| lookout.poll_broken_off(cx)).await;
    }

    #[tokio::test]
    async fn neither_bytes_nor_the_end_of_one_direction_are_taken_for_it() {
        let (mut client, mut served, lookout) = pair();
        client.write_all(b"bytes").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(served.read_to_end(&mut Vec::new()).unwrap(), 5);
        // Whoever waits for the end of the stream hears of it, and so would the lookout.
        served.set_nonblocking(true).unwrap();
        tokio::net::TcpStream::from_std(served).unwrap().readable().await.unwrap();
        assert!(poll_fn(|cx| Poll::Ready(lookout.poll_broken_off(cx))).await.is_pending());
        reset(client);
        poll_fn(|cx| lookout.poll_broken_off(cx)).await;
    }
}
