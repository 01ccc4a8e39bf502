//! A connection to the copy for one request at a time, kept as long as the copy keeps it.

use std::net::SocketAddr;

use bytes::Bytes;
use cluster::config::UpstreamProtocol;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::header::{HOST, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

/// Where to, and the connection if there is one.
pub(super) struct Connection {
    address: SocketAddr,
    protocol: UpstreamProtocol,
    open: Option<Open>,
}

/// A connection that is open, as far as is known.
enum Open {
    Http1(http1::SendRequest<Empty<Bytes>>),
    Http2(http2::SendRequest<Empty<Bytes>>),
}

/// What became of a request that was not answered well.
enum Fault {
    /// The connection ended. Where it had been kept, nobody knows whether the copy has seen the request.
    Lost(String),
    /// The copy answered, or there is no connection.
    Told(String),
}

impl Connection {
    pub(super) const fn new(address: SocketAddr, protocol: UpstreamProtocol) -> Self {
        Self { address, protocol, open: None }
    }

    /// Asks, and reads the answer to its end. A kept connection may end at any time between two requests: what is lost with
    /// it is asked once more on a new one, as all clients do (RFC 9112, section 9.3.1).
    ///
    /// # Errors
    /// No answer, or one that is neither 2xx nor 3xx; in a few words.
    pub(super) async fn get(&mut self, path: &str) -> Result<(), String> {
        if let Some(open) = self.open.take() {
            match self.ask(open, path).await {
                Err(Fault::Lost(_)) => {}
                Err(Fault::Told(words)) => return Err(words),
                Ok(()) => return Ok(()),
            }
        }
        let open = Open::new(self.address, self.protocol).await?;
        self.ask(open, path).await.map_err(|(Fault::Lost(words) | Fault::Told(words))| words)
    }

    async fn ask(&mut self, mut open: Open, path: &str) -> Result<(), Fault> {
        let lost = |error: hyper::Error| Fault::Lost(format!("the connection ended: {error}"));
        let answer = open.send(self.address, path).await.map_err(lost)?;
        let status = answer.status();
        let mut body = answer.into_body();
        while let Some(frame) = body.frame().await {
            frame.map_err(|error| Fault::Told(format!("the answer was cut off: {error}")))?;
        }
        self.open = Some(open);
        if status.is_success() || status.is_redirection() {
            Ok(())
        } else {
            Err(Fault::Told(format!("status {}", status.as_u16())))
        }
    }
}

impl Open {
    async fn new(address: SocketAddr, protocol: UpstreamProtocol) -> Result<Self, String> {
        let stream = TcpStream::connect(address).await.map_err(|error| format!("no connection: {error}"))?;
        // A refusal only costs latency.
        let _ = stream.set_nodelay(true);
        let stream = TokioIo::new(stream);
        let failed = |error: hyper::Error| format!("no connection: {error}");
        match protocol {
            UpstreamProtocol::Http1 => {
                let (sender, connection) = http1::handshake(stream).await.map_err(failed)?;
                // It ends with its sender, and says there what is wrong with it.
                tokio::task::spawn_local(async { drop(connection.await) });
                Ok(Self::Http1(sender))
            }
            UpstreamProtocol::H2c => {
                let (sender, connection) =
                    http2::handshake(TokioExecutor::new(), stream).await.map_err(failed)?;
                tokio::task::spawn_local(async { drop(connection.await) });
                Ok(Self::Http2(sender))
            }
        }
    }

    async fn send(&mut self, address: SocketAddr, path: &str) -> hyper::Result<Response<Incoming>> {
        let request = Request::get(path).header(USER_AGENT, "accordion-calibrate");
        let body = Empty::new();
        const SOUND: &str = "the path was checked with the command line";
        match self {
            Self::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request.header(HOST, address.to_string()).body(body).expect(SOUND)).await
            }
            Self::Http2(sender) => {
                sender.ready().await?;
                let request = request.uri(format!("http://{address}{path}")).body(body).expect(SOUND);
                sender.send_request(request).await
            }
        }
    }
}
