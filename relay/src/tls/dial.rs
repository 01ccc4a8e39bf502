//! The handshake with an upstream. It is over when the upstream has taken our certificate, which with TLS 1.3 is
//! known only by what it says next: it hands out tickets. So a request never meets a refusal, and what was refused
//! can go elsewhere.

use std::future;
use std::io;
use std::task::{Context, Poll};

use rustls::{ClientConnection, Connection, HandshakeKind};
use tokio::net::TcpStream;

use super::{TlsClient, TlsStream};

/// The connection once it is one of TLS, with the one whom `client` calls and who takes us. Takes as long as the other
/// end does.
///
/// # Errors
/// Those of a refused connect, whatever it was.
pub(crate) async fn dial(tcp: TcpStream, client: &TlsClient) -> io::Result<TlsStream> {
    match shake(tcp, client).await {
        Ok(tls) => {
            client.count(matches!(tls.session().handshake_kind(), Some(HandshakeKind::Resumed)));
            Ok(tls)
        }
        Err(error) => {
            client.failed(&error);
            Err(io::Error::new(io::ErrorKind::ConnectionRefused, error))
        }
    }
}

async fn shake(tcp: TcpStream, client: &TlsClient) -> io::Result<TlsStream> {
    let session = ClientConnection::new(client.config(), client.name()).map_err(io::Error::other)?;
    let mut tls = TlsStream::new(tcp, Connection::Client(session));
    let shaken = future::poll_fn(|cx| poll_taken(&mut tls, cx)).await;
    if shaken.is_err() {
        // The alert that says why, as far as it goes out at once.
        future::poll_fn(|cx| Poll::Ready(tls.poll_push(cx).is_ready())).await;
    }
    shaken.map(|()| tls)
}

fn poll_taken(tls: &mut TlsStream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    loop {
        let pushed = tls.poll_push(cx);
        if tls.is_taken() {
            return Poll::Ready(Ok(()));
        }
        match tls.poll_take_in(cx) {
            Poll::Ready(Ok(true)) => (),
            Poll::Ready(Ok(false)) => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => match pushed {
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Ready(Ok(())) | Poll::Pending => return Poll::Pending,
            },
        }
    }
}
