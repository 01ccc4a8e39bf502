//! What the file says of TLS: `[tls]`, between the machines, and `[service.NAME.tls]`, toward clients.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Where each machine has its certificates, if not in `$CREDENTIALS_DIRECTORY`.
pub(super) const DIRECTORY: &str = "/etc/accordion/tls";

/// That there are certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// With ca.pem and the certificate and key of this machine. Default /etc/accordion/tls.
    pub directory: PathBuf,
    /// Whether requests between front ends and nodes are encrypted too. Default false.
    pub data: bool,
}

/// Where clients of a service speak TLS, and what they are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceTls {
    /// Beside the service's own `listen`.
    pub listen: SocketAddr,
    /// At least one; the first is also for whoever names no server, or another one.
    pub certificates: Vec<CertificateFiles>,
}

/// A certificate with those that signed it, and its key, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The server's own first.
    pub certificate: PathBuf,
    /// The key to it.
    pub key: PathBuf,
}
