//! One question to a copy of a service: may it be sent requests? A GET that must answer 2xx, or a
//! TCP connect where no path is configured.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A probe without an answer is a miss after this long.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// What is asked, and where.
#[derive(Debug, Clone)]
pub(super) struct Probe {
    address: SocketAddr,
    path: Option<String>,
}

/// Why the answer was not good.
#[derive(Debug, thiserror::Error)]
pub(super) enum Miss {
    #[error("{0}")]
    Connect(#[from] io::Error),
    #[error("{0}")]
    Http(#[from] hyper::Error),
    #[error("{}", .0.as_u16())]
    Status(StatusCode),
    #[error("the path is no path of a URL: {0}")]
    Path(#[from] hyper::http::Error),
    #[error(
        "nobody listens there, and the probe met itself: choose ports outside net.ipv4.ip_local_port_range"
    )]
    Itself,
    #[error("no answer within {}", humantime::format_duration(PROBE_TIMEOUT))]
    Timeout,
}

impl Probe {
    pub(super) fn new(address: SocketAddr, path: Option<String>) -> Self {
        Self { address, path }
    }

    /// Asks once.
    pub(super) async fn once(&self) -> Result<(), Miss> {
        timeout(PROBE_TIMEOUT, self.ask()).await.unwrap_or(Err(Miss::Timeout))
    }

    async fn ask(&self) -> Result<(), Miss> {
        let stream = TcpStream::connect(self.address).await?;
        not_itself(&stream)?;
        let Some(path) = &self.path else { return Ok(()) };
        let status = self.get(stream, path).await?;
        if status.is_success() { Ok(()) } else { Err(Miss::Status(status)) }
    }

    async fn get(&self, stream: TcpStream, path: &str) -> Result<StatusCode, Miss> {
        let request = Request::get(path)
            .header(HOST, self.address.to_string())
            .header(USER_AGENT, "accordion-probe")
            .header(CONNECTION, "close")
            .body(Empty::<Bytes>::new())?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let mut answer = pin!(sender.send_request(request));
        let mut connection = pin!(connection);
        tokio::select! {
            biased;
            answer = &mut answer => return Ok(answer?.status()),
            end = &mut connection => end?,
        }
        // The connection may be over as soon as it has given the answer.
        Ok(answer.await?.status())
    }
}

/// Where nobody listens on a port that the system also gives to those who connect, a connect may get
/// that very port and so meet itself.
fn not_itself(stream: &TcpStream) -> Result<(), Miss> {
    if stream.local_addr()? == stream.peer_addr()? { Err(Miss::Itself) } else { Ok(()) }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "http://{}{path}", self.address),
            None => write!(f, "a TCP connect to {}", self.address),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use socket2::{Domain, Socket, Type};
    use tokio::net::{TcpListener, TcpStream};

    use super::{Miss, Probe, not_itself};

    const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

    #[tokio::test]
    async fn a_connection_to_itself_is_no_answer() {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&ANY_PORT.into()).unwrap();
        socket.connect(&socket.local_addr().unwrap()).unwrap();
        socket.set_nonblocking(true).unwrap();
        let stream = TcpStream::from_std(socket.into()).unwrap();
        assert!(matches!(not_itself(&stream), Err(Miss::Itself)));
    }

    #[tokio::test]
    async fn a_listener_is_an_answer_where_no_path_is_configured() {
        let listener = TcpListener::bind(ANY_PORT).await.unwrap();
        let probe = Probe::new(listener.local_addr().unwrap(), None);
        assert!(probe.once().await.is_ok());
    }
}
