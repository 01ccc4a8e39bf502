//! The handshake with a client, after the header of a balancer before it where there is to be one. It has as
//! long as the head of a request.

use std::future;
use std::io;
use std::net;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::{Connection, Error, ServerConfig, ServerConnection};
use tokio::net::TcpStream;

use super::{FailedHandshake, HandshakeFault, Nameless, TlsServer, TlsStream};
use crate::buffer::Buffer;
use crate::io::Io;
use crate::live::{Client, Phase, Signal};
use crate::proxy_protocol::Malformed;

/// Why a handshake came to nothing, in words for a person too.
struct Fault {
    kind: HandshakeFault,
    words: String,
    cause: Option<Error>,
}

/// The client's connection once it is one of TLS; none where it came to nothing, which is counted.
pub(crate) async fn accept(tcp: net::TcpStream, client: &Client, server: &TlsServer) -> Option<Io> {
    let mut buffer = client.worker().buffers().take();
    let shaken = shake(tcp, client, server.config(), &mut buffer).await;
    client.worker().buffers().give_back(buffer);
    let metrics = client.worker().metrics();
    let named = shaken.and_then(|tls| match server.name_of(tls.session().peer_certificates()) {
        Ok(name) => Ok((tls, name)),
        Err(Nameless) => Err(Some(Fault::new(HandshakeFault::Refused, "its certificate is for another use"))),
    });
    match named {
        Ok((tls, name)) => {
            metrics.shook_hands();
            if let Some(name) = name {
                client.name(name);
            }
            client.secure();
            // Its first request has the whole time for its head.
            client.enter_again(Phase::Fresh);
            Some(Io::Tls(Box::new(tls)))
        }
        Err(None) => None,
        Err(Some(Fault { kind, words, cause })) => {
            metrics.failed_to_shake_hands(kind);
            tracing::debug!(client = %client.address(), fault = ?kind, "no TLS: {words}");
            let (client, cause) = (client.address(), cause.as_ref());
            server.tell(FailedHandshake { client, fault: kind, words: &words, cause });
            None
        }
    }
}

/// The connection, or why there is none; no reason where the worker ends it.
async fn shake(
    tcp: net::TcpStream,
    client: &Client,
    config: Arc<ServerConfig>,
    buffer: &mut Buffer,
) -> Result<TlsStream, Option<Fault>> {
    let mut io = Io::Fresh(tcp);
    if !client.is_introduced() {
        future::poll_fn(|cx| poll_introduced(&mut io, client, buffer, cx)).await?;
    }
    let gone = |error: io::Error| Some(Fault::new(HandshakeFault::Gone, &error.to_string()));
    let tcp = match io {
        Io::Fresh(tcp) => TcpStream::from_std(tcp).map_err(gone)?,
        Io::Tcp(tcp) => tcp,
        Io::Tls(_) | Io::Pipe(_) | Io::Lost => return Err(None),
    };
    let session = ServerConnection::new(config).map_err(|fault| Some(told(&fault)))?;
    let mut tls = TlsStream::new(tcp, Connection::Server(session));
    let fed = tls.feed(buffer.filled());
    let shaken = match fed {
        Ok(()) => future::poll_fn(|cx| poll_shaken(&mut tls, client, cx)).await,
        Err(error) => Err(Some(fault_of(&error))),
    };
    if shaken.is_err() {
        // The alert that says why, as far as it goes out at once.
        future::poll_fn(|cx| Poll::Ready(tls.poll_push(cx).is_ready())).await;
    }
    shaken.map(|()| tls)
}

/// Ready when it is known whose connection this is.
fn poll_introduced(
    io: &mut Io,
    client: &Client,
    buffer: &mut Buffer,
    cx: &mut Context<'_>,
) -> Poll<Result<(), Option<Fault>>> {
    loop {
        match client.take_introduction(buffer) {
            Ok(true) => return Poll::Ready(Ok(())),
            Ok(false) if !buffer.is_full() => (),
            Ok(false) | Err(Malformed) => {
                let words = "no header of the PROXY protocol from a trusted proxy";
                return Poll::Ready(Err(Some(Fault::new(HandshakeFault::NotTls, words))));
            }
        }
        match io.poll_read(cx, buffer) {
            Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Err(Some(went_away()))),
            Poll::Ready(Ok(_)) => (),
            Poll::Pending => return poll_patience(client, cx),
        }
    }
}

fn poll_shaken(
    tls: &mut TlsStream,
    client: &Client,
    cx: &mut Context<'_>,
) -> Poll<Result<(), Option<Fault>>> {
    loop {
        let pushed = tls.poll_push(cx);
        if !tls.session().is_handshaking() {
            // What is left to say goes out with the first answer.
            return Poll::Ready(Ok(()));
        }
        if let Poll::Ready(Err(_)) = pushed {
            return Poll::Ready(Err(Some(went_away())));
        }
        match tls.poll_take_in(cx) {
            Poll::Ready(Ok(true)) => (),
            Poll::Ready(Ok(false)) => return Poll::Ready(Err(Some(went_away()))),
            Poll::Ready(Err(error)) => return Poll::Ready(Err(Some(fault_of(&error)))),
            Poll::Pending => return poll_patience(client, cx),
        }
    }
}

/// How long a handshake may take.
fn poll_patience(client: &Client, cx: &Context<'_>) -> Poll<Result<(), Option<Fault>>> {
    if client.watch(cx) == Signal::Cut {
        return Poll::Ready(Err(None));
    }
    if !client.has_expired() {
        return Poll::Pending;
    }
    Poll::Ready(Err(Some(Fault::new(HandshakeFault::Timeout, "its handshake took too long"))))
}

fn went_away() -> Fault {
    Fault::new(HandshakeFault::Gone, "it went away")
}

fn fault_of(error: &io::Error) -> Fault {
    match error.get_ref().and_then(|inside| inside.downcast_ref::<Error>()) {
        Some(fault) => told(fault),
        None => went_away(),
    }
}

fn told(cause: &Error) -> Fault {
    let (kind, words) = match cause {
        Error::InvalidMessage(_) => {
            let words = "what it says is no TLS; HTTP without TLS has another port";
            (HandshakeFault::NotTls, words.to_owned())
        }
        Error::NoCertificatesPresented => (HandshakeFault::Refused, "it shows no certificate".to_owned()),
        fault => (HandshakeFault::Refused, fault.to_string()),
    };
    Fault { cause: Some(cause.clone()), ..Fault::new(kind, &words) }
}

impl Fault {
    fn new(kind: HandshakeFault, words: &str) -> Fault {
        Fault { kind, words: words.to_owned(), cause: None }
    }
}
