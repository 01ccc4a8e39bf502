//! The three files of one machine, read and held against each other and the clock: whatever is wrong with
//! them is one sentence that names the file and says what to do.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, RootCertStore};
use thiserror::Error;
use tracing::warn;

use super::{Identity, certificate, date, not_after, provider};
use crate::config;

/// Bits of a mode by which everybody may read.
const READ_BY_OTHERS: u32 = 0o004;

/// Where the files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The certificate of the cluster's CA; while it is replaced, of both.
    pub ca: PathBuf,
    /// What this machine shows.
    pub certificate: PathBuf,
    /// The key to it.
    pub key: PathBuf,
}

/// What is wrong with a file.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "the texts say it")]
pub enum TlsFault {
    #[error("{} is missing: {remedy}", file.display())]
    Missing { file: PathBuf, remedy: String },
    #[error("cannot read {}: {error}; the daemon's user must be able to", file.display())]
    Unreadable { file: PathBuf, error: io::Error },
    #[error("{} holds no {what} as PEM (-----BEGIN {begin}-----): make it again with accordion ca", file.display())]
    NotPem { file: PathBuf, what: &'static str, begin: &'static str },
    #[error("{} does not fit {}: they are of two different issues; copy both files of one", key.display(), certificate.display())]
    OtherKey { key: PathBuf, certificate: PathBuf },
    #[error("{} has expired on {since}: accordion ca issue {arguments}, and copy both files", file.display())]
    Expired { file: PathBuf, since: String, arguments: String },
    #[error("{} is not valid yet: is the clock of this machine right?", file.display())]
    NotYet { file: PathBuf },
    #[error("{} is not signed by the CA of {}: copy both from one CA", file.display(), ca.display())]
    OtherCa { file: PathBuf, ca: PathBuf },
    #[error("{} is for {found} and must be for {name}: accordion ca issue {arguments}", file.display())]
    OtherName { file: PathBuf, found: String, name: String, arguments: String },
    #[error("{} cannot be used: {error}", file.display())]
    Unfit { file: PathBuf, error: rustls::Error },
}

/// What the files hold.
pub(super) struct Read {
    pub(super) roots: Arc<RootCertStore>,
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
    pub(super) expires: SystemTime,
}

impl Places {
    /// Those that systemd passed on, else those of `[tls]`.
    pub fn of(tls: &config::Tls, identity: &Identity) -> Self {
        let passed = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        Self::passed(passed.as_deref()).unwrap_or_else(|| Self::in_directory(&tls.directory, identity))
    }

    /// Those of `identity` in the directory.
    pub fn in_directory(directory: &Path, identity: &Identity) -> Self {
        let stem = identity.file_stem();
        Self {
            ca: directory.join("ca.pem"),
            certificate: directory.join(format!("{stem}.pem")),
            key: directory.join(format!("{stem}.key")),
        }
    }

    /// A unit may have credentials that are no certificates.
    fn passed(directory: Option<&Path>) -> Option<Self> {
        let file = |name| directory.map(|directory| directory.join(name));
        let places =
            Self { ca: file("ca.pem")?, certificate: file("certificate.pem")?, key: file("key.pem")? };
        [&places.ca, &places.certificate, &places.key].iter().any(|file| file.exists()).then_some(places)
    }
}

impl TlsFault {
    /// Whether it is only that the file is not there.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing { .. })
    }
}

/// Reads and judges all three.
pub(super) fn read(cluster: &str, places: &Places, identity: &Identity) -> Result<Read, TlsFault> {
    let Places { ca, certificate, key } = places;
    let own = format!("make it with `accordion ca issue {}` and copy it there", identity.arguments());
    let roots = roots(ca)?;
    let chain = certificates(certificate, &own)?;
    let key_pem = text(key, &own)?;
    let key_der = PrivateKeyDer::from_pem_slice(&key_pem).map_err(|_| TlsFault::NotPem {
        file: key.clone(),
        what: "private key",
        begin: "PRIVATE KEY",
    })?;
    let fits = CertifiedKey::from_der(chain.clone(), key_der.clone_key(), &provider());
    fits.map_err(|fault| match fault {
        rustls::Error::InconsistentKeys(_) => {
            TlsFault::OtherKey { key: key.clone(), certificate: certificate.clone() }
        }
        error => TlsFault::Unfit { file: certificate.clone(), error },
    })?;
    judge(cluster, places, identity, &roots, &chain)?;
    warn_if_shared(key);
    let expires = not_after(&chain[0]).ok_or_else(|| TlsFault::Unfit {
        file: certificate.clone(),
        error: CertificateError::BadEncoding.into(),
    })?;
    Ok(Read { roots, chain, key: key_der, expires })
}

fn roots(ca: &Path) -> Result<Arc<RootCertStore>, TlsFault> {
    let mut roots = RootCertStore::empty();
    for root in certificates(ca, "copy it from where `accordion ca init` made it")? {
        roots.add(root).map_err(|error| TlsFault::Unfit { file: ca.to_owned(), error })?;
    }
    Ok(Arc::new(roots))
}

/// At least one.
fn certificates(file: &Path, remedy: &str) -> Result<Vec<CertificateDer<'static>>, TlsFault> {
    let pem = text(file, remedy)?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    read.ok().filter(|list| !list.is_empty()).ok_or_else(|| TlsFault::NotPem {
        file: file.to_owned(),
        what: "certificate",
        begin: "CERTIFICATE",
    })
}

fn text(file: &Path, remedy: &str) -> Result<Vec<u8>, TlsFault> {
    fs::read(file).map_err(|error| match error.kind() {
        ErrorKind::NotFound => TlsFault::Missing { file: file.to_owned(), remedy: remedy.to_owned() },
        _ => TlsFault::Unreadable { file: file.to_owned(), error },
    })
}

/// As whoever meets it will.
fn judge(
    cluster: &str,
    places: &Places,
    identity: &Identity,
    roots: &Arc<RootCertStore>,
    chain: &[CertificateDer<'static>],
) -> Result<(), TlsFault> {
    let Places { ca, certificate: file, .. } = places;
    let unfit = |error| TlsFault::Unfit { file: file.clone(), error };
    let general = |fault: String| unfit(rustls::Error::General(fault));
    let (own, between) = chain.split_first().expect("it has at least one");
    let now = UnixTime::now();
    let judged = if matches!(identity, Identity::Node(_)) {
        let name = identity.server_name(cluster);
        let name = name.ok_or_else(|| general(format!("no certificate can carry the name of {identity}")))?;
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::clone(roots), provider());
        let verifier = verifier.build().map_err(|fault| general(fault.to_string()))?;
        verifier.verify_server_cert(own, between, &name, &[], now).map(drop)
    } else {
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::clone(roots), provider());
        let verifier = verifier.build().map_err(|fault| general(fault.to_string()))?;
        verifier.verify_client_cert(own, between, now).map(drop)
    };
    let arguments = identity.arguments();
    let other_name = || TlsFault::OtherName {
        file: file.clone(),
        found: certificate::names(own).join(", "),
        name: identity.dns_name(cluster),
        arguments: identity.arguments(),
    };
    judged.map_err(|fault| match fault {
        rustls::Error::InvalidCertificate(fault) => match fault {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                let since = not_after(own).map(date).unwrap_or_default();
                TlsFault::Expired { file: file.clone(), since, arguments }
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                TlsFault::NotYet { file: file.clone() }
            }
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                TlsFault::OtherCa { file: file.clone(), ca: ca.clone() }
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                other_name()
            }
            fault => unfit(fault.into()),
        },
        fault => unfit(fault),
    })?;
    let is_own = |name: &String| Identity::of_dns_name(name, cluster).as_ref() == Some(identity);
    if certificate::names(own).iter().any(is_own) { Ok(()) } else { Err(other_name()) }
}

/// Says so where a key is no secret.
pub(super) fn warn_if_shared(key: &Path) {
    let is_shared =
        fs::metadata(key).is_ok_and(|metadata| metadata.permissions().mode() & READ_BY_OTHERS != 0);
    if is_shared {
        warn!(key = %key.display(), "everybody on this machine may read the key: chmod 0600, and issue a new one");
    }
}
