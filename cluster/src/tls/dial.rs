//! The calling end: a connection to one node and no other, by the name in its certificate.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::SystemTime;

use rustls::{CertificateError, Error as Fault};
use thiserror::Error;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Identity, Tls, not_after, words};

/// A connection that is encrypted and whose other end is known.
pub type Dialled = BufReader<TlsStream<TcpStream>>;

/// Why there is none.
#[derive(Debug, Error)]
pub enum DialFault {
    /// No connection at all.
    #[error("no connection to {address}")]
    Unconnected {
        /// Where to.
        address: SocketAddr,
        /// What the system says.
        #[source]
        error: io::Error,
    },
    /// A connection, and no agreement.
    #[error("no TLS with node {node} on {address}: {words}")]
    Handshake {
        /// The node that was called.
        node: String,
        /// Where it is.
        address: SocketAddr,
        /// What is wrong.
        words: String,
    },
}

impl Tls {
    /// Calls the node of that name. Takes as long as the other end does.
    ///
    /// # Errors
    /// It cannot be reached, is another one, or will not have us.
    pub async fn dial(&self, node: &str, address: SocketAddr) -> Result<Dialled, DialFault> {
        let unconnected = |error| DialFault::Unconnected { address, error };
        let failed = |words: String| DialFault::Handshake { node: node.to_owned(), address, words };
        let identity = Identity::Node(node.to_owned());
        let Some(name) = identity.server_name(&self.0.cluster) else {
            return Err(failed("no certificate can carry its name".to_owned()));
        };
        let stream = TcpStream::connect(address).await.map_err(unconnected)?;
        stream.set_nodelay(true).map_err(unconnected)?;
        let connector = TlsConnector::from(self.0.in_force.load().client.clone());
        let stream = connector.connect(name, stream).await.map_err(|error| failed(said(&error)))?;
        // With TLS 1.3 it is told only after the handshake that it will not have our certificate; the first
        // word of an HTTP/2 server, which comes unasked, says that it will.
        let mut stream = BufReader::new(stream);
        match stream.fill_buf().await {
            Ok([]) => Err(failed("it closed the connection".to_owned())),
            Ok(_) => Ok(stream),
            Err(error) => Err(failed(said(&error))),
        }
    }
}

/// When the certificate ends that the other end showed.
pub fn peer_expires(dialled: &Dialled) -> Option<SystemTime> {
    let (_, session) = dialled.get_ref().get_ref();
    not_after(session.peer_certificates()?.first()?)
}

/// What an error of the stream means.
pub(super) fn said(error: &io::Error) -> String {
    match words::inside(error) {
        Some(Fault::InvalidCertificate(CertificateError::NotValidForNameContext { presented, .. })) => {
            format!("it is somebody else, by its certificate: {}", presented.join(", "))
        }
        Some(Fault::InvalidCertificate(fault)) => words::shown(fault).to_owned(),
        Some(Fault::AlertReceived(alert)) => words::alerted(*alert),
        Some(Fault::InvalidMessage(_)) => "it does not speak TLS; is [tls] in its cluster.toml?".to_owned(),
        Some(fault) => fault.to_string(),
        None if error.kind() == ErrorKind::UnexpectedEof => "it closed the connection".to_owned(),
        None => error.to_string(),
    }
}
