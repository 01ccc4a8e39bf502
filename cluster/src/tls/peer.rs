//! Whoever showed a certificate of the cluster's CA on a connection, and whom it speaks for.

use std::fmt;

use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

use super::{Identity, certificate};

/// The other end of a connection.
#[derive(Debug, Clone)]
pub struct Peer {
    cluster: String,
    certificate: CertificateDer<'static>,
    /// Whom the names in it mean.
    identities: Vec<Identity>,
}

impl Peer {
    /// Whoever showed that certificate, which was found good.
    pub fn new(cluster: &str, shown: &CertificateDer<'_>) -> Self {
        let names = certificate::names(shown);
        let identities = names.iter().filter_map(|name| Identity::of_dns_name(name, cluster)).collect();
        Self { cluster: cluster.to_owned(), certificate: shown.clone().into_owned(), identities }
    }

    /// Whether it speaks for that one.
    pub fn is(&self, identity: &Identity) -> bool {
        let name = identity.server_name(&self.cluster);
        let read = EndEntityCert::try_from(&self.certificate);
        let holds = name
            .zip(read.ok())
            .is_some_and(|(name, read)| read.verify_is_valid_for_subject_name(&name).is_ok());
        // Both: a wildcard is nobody's name.
        holds && self.identities.contains(identity)
    }

    /// Whether it speaks for the front end of some service.
    pub fn is_front_end(&self) -> bool {
        self.identities.iter().any(|identity| matches!(identity, Identity::FrontEnd(_)))
    }
}

/// Whom it speaks for.
impl fmt::Display for Peer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.identities.is_empty() {
            return formatter.write_str("nobody of this cluster");
        }
        let words: Vec<_> = self.identities.iter().map(ToString::to_string).collect();
        formatter.write_str(&words.join(" and "))
    }
}
