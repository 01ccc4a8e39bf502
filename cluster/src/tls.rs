//! Mutual TLS between the machines of a cluster: who a certificate speaks for, the files it comes from, and
//! both ends of a connection; and, apart from that, what a front end shows to its clients (`server_certificates`).
//!
//! A `Tls` is what one daemon shows and believes. Its files are read again when it is told to: the next
//! handshake goes by what was read, connections that are up stay. TLS 1.3 only, since both ends are ours,
//! and no session is resumed: a certificate that is taken out of use must not live on in a ticket. Of the way of
//! the requests, where `data` asks for it, that is in `data`.

mod accept;
mod authority;
mod certificate;
mod data;
mod dial;
mod expiry;
mod files;
mod identity;
mod judge;
mod peer;
mod server_certificates;
mod words;

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use rustls::client::Resumption;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tracing::{error, info};

use crate::config;

pub use accept::{Accepted, HANDSHAKE_TIMEOUT, Refused};
pub use authority::{Authority, AuthorityFault, Issued, Validity};
pub use certificate::not_after;
pub use dial::{DialFault, Dialled, peer_expires};
pub use expiry::{WARN_BEFORE, date, days_left};
pub use files::{Places, TlsFault};
pub use identity::Identity;
pub use peer::Peer;
pub use server_certificates::{CertificateFault, ServerCertificates};

/// The one protocol that is spoken inside.
const PROTOCOL: &[u8] = b"h2";

/// All certificates of a daemon, to be read again together.
#[derive(Debug, Clone, Default)]
pub struct Files {
    /// Those between machines.
    pub machines: Option<Tls>,
    /// Those that clients are shown.
    pub clients: Option<ServerCertificates>,
}

/// What this daemon shows, and whom it believes. All clones are the same.
#[derive(Clone)]
pub struct Tls(Arc<Shared>);

struct Shared {
    cluster: String,
    identity: Identity,
    places: Places,
    in_force: ArcSwap<Loaded>,
}

impl Files {
    /// Reads them again. What came of it is logged; where some have a fault, those in force stay. Answers the
    /// faults.
    pub fn reload(&self) -> Vec<String> {
        let machines = self.machines.as_ref().and_then(|tls| tls.reload().err());
        let clients = self.clients.as_ref().and_then(|shown| shown.reload().err());
        let machines = machines.map(|fault| fault.to_string());
        machines.into_iter().chain(clients.map(|fault| fault.to_string())).collect()
    }
}

impl From<Option<Tls>> for Files {
    fn from(machines: Option<Tls>) -> Self {
        Self { machines, clients: None }
    }
}

/// What was read last.
struct Loaded {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    /// Of the requests.
    data_client: Arc<ClientConfig>,
    data_server: Arc<ServerConfig>,
    expires: SystemTime,
}

impl Tls {
    /// What `identity` shows in the cluster called `cluster`: the files that systemd passed on
    /// ($CREDENTIALS_DIRECTORY), else those in the directory of `[tls]`.
    ///
    /// # Errors
    /// A file is missing or unfit; the text says what to do.
    pub fn load(cluster: &str, tls: &config::Tls, identity: Identity) -> Result<Self, TlsFault> {
        Self::load_from(cluster, Places::of(tls, &identity), identity)
    }

    /// The same from these files.
    ///
    /// # Errors
    /// A file is missing or unfit; the text says what to do.
    pub fn load_from(cluster: &str, places: Places, identity: Identity) -> Result<Self, TlsFault> {
        let in_force = ArcSwap::from_pointee(Loaded::read(cluster, &places, &identity)?);
        Ok(Self(Arc::new(Shared { cluster: cluster.to_owned(), identity, places, in_force })))
    }

    /// Reads the files again, and goes by them from the next handshake on. What came of it is logged.
    ///
    /// # Errors
    /// A file is missing or unfit, and nothing changes; the text says what to do.
    pub fn reload(&self) -> Result<(), TlsFault> {
        let Shared { cluster, identity, places, in_force } = &*self.0;
        match Loaded::read(cluster, places, identity) {
            Ok(loaded) => {
                let expires = date(loaded.expires);
                in_force.store(Arc::new(loaded));
                info!(certificate = %places.certificate.display(), expires, "the certificate was read again");
                self.warn_of_expiry();
                Ok(())
            }
            Err(fault) => {
                error!("{fault}; the certificate that is in force stays");
                Err(fault)
            }
        }
    }

    /// Who shows it.
    pub fn identity(&self) -> &Identity {
        &self.0.identity
    }

    /// When the certificate in force ends.
    pub fn expires(&self) -> SystemTime {
        self.0.in_force.load().expires
    }
}

/// Nothing of what is secret.
impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { cluster, identity, places, in_force: _ } = &*self.0;
        let mut shown = formatter.debug_struct("Tls");
        shown.field("cluster", cluster).field("identity", identity).field("places", places);
        shown.finish_non_exhaustive()
    }
}

impl Loaded {
    fn read(cluster: &str, places: &Places, identity: &Identity) -> Result<Self, TlsFault> {
        let files::Read { roots, chain, key, expires } = files::read(cluster, places, identity)?;
        let unfit = |error| TlsFault::Unfit { file: places.certificate.clone(), error };
        Ok(Self {
            client: Arc::new(client(roots.clone(), chain.clone(), key.clone_key()).map_err(unfit)?),
            data_client: Arc::new(
                data::client(roots.clone(), chain.clone(), key.clone_key()).map_err(unfit)?,
            ),
            data_server: Arc::new(
                data::server(cluster, roots.clone(), chain.clone(), key.clone_key()).map_err(unfit)?,
            ),
            server: Arc::new(server(roots, chain, key).map_err(unfit)?),
            expires,
        })
    }
}

type Chain = Vec<rustls::pki_types::CertificateDer<'static>>;
type Key = rustls::pki_types::PrivateKeyDer<'static>;

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn client(roots: Arc<RootCertStore>, chain: Chain, key: Key) -> Result<ClientConfig, rustls::Error> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)?;
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn server(roots: Arc<RootCertStore>, chain: Chain, key: Key) -> Result<ServerConfig, rustls::Error> {
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider())
        .build()
        .map_err(|fault| rustls::Error::General(fault.to_string()))?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(accept::noting(verifier))
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}
