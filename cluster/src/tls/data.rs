//! The way of the requests from a front end to a node, with the certificates of the control calls: each end takes the
//! other by its name. Sessions are resumed here, so that a new connection costs little; the tickets are worth
//! nothing once the files were read again.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::client::Resumption;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{CertificateError, ClientConfig, Error as Fault, RootCertStore, ServerConfig};

use super::judge::Judge;
use super::{Chain, Identity, Key, Peer, Tls, accept, certificate, dial, not_after, provider, words};

/// Below the name of no cluster.
const NOBODY: &str = "nobody.accordion.internal";

/// Tickets of nodes that a front end keeps: a few for each of many.
const TICKETS_MAX: usize = 4096;

thread_local! {
    /// The names in the certificate that was refused last on this thread.
    static CLAIMS: RefCell<String> = const { RefCell::new(String::new()) };
}

impl Tls {
    /// What a node goes by where requests come to it.
    pub fn data_server(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.in_force.load().data_server)
    }

    /// What a front end goes by where it sends requests.
    pub fn data_client(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.0.in_force.load().data_client)
    }

    /// As what a node must show itself. For one whose name no certificate can carry it is one that nobody has.
    pub fn name_of_node(&self, node: &str) -> ServerName<'static> {
        let nobody = || ServerName::try_from(NOBODY).expect("it is a DNS name");
        Identity::Node(node.to_owned()).server_name(&self.0.cluster).unwrap_or_else(nobody)
    }

    /// The service whose front end has that certificate, which was found good once; `None`: it is nobody's, or its
    /// time is over.
    pub fn service_of(&self, shown: &CertificateDer<'_>) -> Option<Arc<str>> {
        let is_in_time = not_after(shown).is_some_and(|end| end > SystemTime::now());
        service_of(&self.0.cluster, shown).filter(|_| is_in_time)
    }

    /// Why a caller was refused, and the names in the certificate that it showed, which are only a claim. To be
    /// asked at once, on the thread on which it was.
    pub fn why_refused(cause: &Fault) -> (String, String) {
        (accept::words_of(cause), CLAIMS.take())
    }

    /// Why there is no TLS with a node.
    pub fn why_not(error: &io::Error) -> String {
        match words::inside(error) {
            Some(Fault::InvalidMessage(_)) => {
                "it does not speak TLS; is data = true under [tls] in its cluster.toml?".to_owned()
            }
            _ => dial::said(error),
        }
    }
}

pub(super) fn client(roots: Arc<RootCertStore>, chain: Chain, key: Key) -> Result<ClientConfig, Fault> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)?;
    config.resumption = Resumption::in_memory_sessions(TICKETS_MAX);
    Ok(config)
}

pub(super) fn server(
    cluster: &str,
    roots: Arc<RootCertStore>,
    chain: Chain,
    key: Key,
) -> Result<ServerConfig, Fault> {
    let inner = WebPkiClientVerifier::builder_with_provider(roots, provider())
        .build()
        .map_err(|fault| Fault::General(fault.to_string()))?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(front_ends(cluster.to_owned(), inner))
        .with_single_cert(chain, key)?;
    config.ticketer = rustls::crypto::ring::Ticketer::new()?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

/// Takes front ends only.
fn front_ends(cluster: String, inner: Arc<dyn ClientCertVerifier>) -> Arc<dyn ClientCertVerifier> {
    Arc::new(Judge::new(inner, move |shown: &CertificateDer<'_>, judged: &dyn Fn() -> _| {
        let is_front_end = |verified| match service_of(&cluster, shown) {
            Some(_) => Ok(verified),
            None => Err(Fault::InvalidCertificate(CertificateError::InvalidPurpose)),
        };
        let judged = judged().and_then(is_front_end);
        if judged.is_err() {
            CLAIMS.set(certificate::names(shown).join(", "));
        }
        judged
    }))
}

fn service_of(cluster: &str, shown: &CertificateDer<'_>) -> Option<Arc<str>> {
    let peer = Peer::new(cluster, shown);
    let names = certificate::names(shown);
    names.iter().find_map(|name| match Identity::of_dns_name(name, cluster) {
        Some(identity) if !peer.is(&identity) => None,
        Some(Identity::FrontEnd(service)) => Some(service.into()),
        Some(Identity::Node(_) | Identity::Operator) | None => None,
    })
}
