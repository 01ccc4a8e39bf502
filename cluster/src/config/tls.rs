//! `[tls]`: that control connections are encrypted and both ends are known, and where the certificates are.

use std::path::PathBuf;

/// Where each machine has its certificates, if not in `$CREDENTIALS_DIRECTORY`.
pub(super) const DIRECTORY: &str = "/etc/accordion/tls";

/// That there are certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// With ca.pem and the certificate and key of this machine. Default /etc/accordion/tls.
    pub directory: PathBuf,
}
