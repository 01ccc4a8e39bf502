//! A certificate for clients and its key, read and held against each other: whatever is wrong is one sentence that
//! names the file and says what to do.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustls::CertificateError;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use thiserror::Error;

use crate::config::CertificateFiles;
use crate::tls::{date, not_after, provider};

/// What is wrong with a file.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "the texts say it")]
pub enum CertificateFault {
    #[error("{} is missing: put it there, or write another path under [service.NAME.tls]", file.display())]
    Missing { file: PathBuf },
    #[error("cannot read {}: {error}; the service-manager's user must be able to", file.display())]
    Unreadable { file: PathBuf, error: io::Error },
    #[error("{} holds no {what} as PEM (-----BEGIN {begin}-----)", file.display())]
    NotPem { file: PathBuf, what: &'static str, begin: &'static str },
    #[error("{} is not the key to {}: they are of two different issues", key.display(), certificate.display())]
    OtherKey { key: PathBuf, certificate: PathBuf },
    #[error("{} has expired on {since}: renew it", file.display())]
    Expired { file: PathBuf, since: String },
    #[error("{} cannot be used: {error}", file.display())]
    Unfit { file: PathBuf, error: rustls::Error },
}

/// What the files hold.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) key: CertifiedKey,
    pub(super) expires: SystemTime,
    file: PathBuf,
}

impl CertificateFault {
    /// Whether it is only that this user may not look at the file.
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Unreadable { error, .. } if error.kind() == ErrorKind::PermissionDenied)
    }

    /// Whether a service-manager starts all the same.
    pub fn is_expiry(&self) -> bool {
        matches!(self, Self::Expired { .. })
    }
}

impl Read {
    pub(super) fn unless_expired(self, now: SystemTime) -> Result<Self, CertificateFault> {
        if self.expires <= now {
            return Err(CertificateFault::Expired { file: self.file, since: date(self.expires) });
        }
        Ok(self)
    }
}

/// Reads and judges both.
pub(super) fn read(files: &CertificateFiles) -> Result<Read, CertificateFault> {
    let CertificateFiles { certificate: file, key } = files;
    let chain: Result<Vec<CertificateDer<'static>>, _> =
        CertificateDer::pem_slice_iter(&text(file)?).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or_else(|| CertificateFault::NotPem {
        file: file.clone(),
        what: "certificate",
        begin: "CERTIFICATE",
    })?;
    let key_der = PrivateKeyDer::from_pem_slice(&text(key)?).map_err(|_| CertificateFault::NotPem {
        file: key.clone(),
        what: "private key",
        begin: "PRIVATE KEY",
    })?;
    let unfit = |error| CertificateFault::Unfit { file: file.clone(), error };
    let expires = not_after(&chain[0]).ok_or_else(|| unfit(CertificateError::BadEncoding.into()))?;
    let key = CertifiedKey::from_der(chain, key_der, &provider()).map_err(|fault| match fault {
        rustls::Error::InconsistentKeys(_) => {
            CertificateFault::OtherKey { key: key.clone(), certificate: file.clone() }
        }
        error => unfit(error),
    })?;
    Ok(Read { key, expires, file: file.clone() })
}

fn text(file: &Path) -> Result<Vec<u8>, CertificateFault> {
    fs::read(file).map_err(|error| match error.kind() {
        ErrorKind::NotFound => CertificateFault::Missing { file: file.to_owned() },
        _ => CertificateFault::Unreadable { file: file.to_owned(), error },
    })
}
