//! What a front end shows to its clients: certificates of whatever CA they know, chosen by the name of the server
//! that a client asks for. Read again when told to: the next handshake goes by what was read.

mod by_name;
mod files;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::server::NoServerSessionStorage;
use tracing::{error, info, warn};

use super::files::warn_if_shared;
use super::{WARN_BEFORE, date, days_left, provider};
use crate::config::CertificateFiles;
use by_name::ByName;

pub use files::CertificateFault;

/// What clients may speak, best first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

const DAY: Duration = Duration::from_secs(24 * 3600);

/// What is shown to clients. All clones are the same.
#[derive(Clone)]
pub struct ServerCertificates(Arc<Shared>);

struct Shared {
    files: Vec<CertificateFiles>,
    in_force: ArcSwap<Loaded>,
}

/// What was read last.
struct Loaded {
    config: Arc<ServerConfig>,
    /// Of each, in the order of the files.
    expires: Vec<SystemTime>,
}

impl ServerCertificates {
    /// Those of the files, which are at least one. One that has expired is shown all the same, and said to be: a
    /// service that is not there at all is worse.
    ///
    /// # Errors
    /// A file is missing or unfit; the text says what to do.
    pub fn load(files: &[CertificateFiles]) -> Result<Self, CertificateFault> {
        let in_force = ArcSwap::from_pointee(Loaded::read(files)?);
        Ok(Self(Arc::new(Shared { files: files.to_vec(), in_force })))
    }

    /// Every fault of the files, one that has expired among them.
    pub fn faults(files: &[CertificateFiles]) -> Vec<CertificateFault> {
        let judged = |files| files::read(files).and_then(|read| read.unless_expired(SystemTime::now()));
        files.iter().filter_map(|files| judged(files).err()).collect()
    }

    /// Reads the files again, and goes by them from the next handshake on. What came of it is logged.
    ///
    /// # Errors
    /// A file is missing or unfit, or has expired, unless what it would replace has too; then nothing changes.
    pub fn reload(&self) -> Result<(), CertificateFault> {
        let Shared { files, in_force } = &*self.0;
        let read = Loaded::read(files).and_then(|loaded| loaded.unless_worse(&in_force.load(), files));
        match read {
            Ok(loaded) => {
                in_force.store(Arc::new(loaded));
                info!(expires = date(self.expires()), "the certificates for clients were read again");
                self.warn_of_expiry();
                Ok(())
            }
            Err(fault) => {
                error!("{fault}; the certificates for clients that are in force stay");
                Err(fault)
            }
        }
    }

    /// What a handshake goes by.
    pub fn server_config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.in_force.load().config)
    }

    /// When the first of those in force ends.
    pub fn expires(&self) -> SystemTime {
        let loaded = self.0.in_force.load();
        loaded.expires.iter().copied().min().expect("there is at least one")
    }

    /// Says which are near their end, if any are.
    fn warn_of_expiry(&self) {
        let now = SystemTime::now();
        for (files, expires) in self.0.files.iter().zip(&self.0.in_force.load().expires) {
            let (certificate, shown) = (files.certificate.display(), date(*expires));
            if *expires <= now {
                error!(%certificate, expires = shown, "a certificate for clients has expired: renew it, then SIGHUP");
            } else if *expires < now + WARN_BEFORE {
                let days = days_left(*expires, now);
                warn!(%certificate, expires = shown, days, "a certificate for clients expires soon: renew it, then SIGHUP");
            }
        }
    }

    /// The same now and every day, until it is given up.
    pub async fn watch_expiry(self) {
        loop {
            self.warn_of_expiry();
            tokio::time::sleep(DAY).await;
        }
    }
}

impl Loaded {
    fn read(files: &[CertificateFiles]) -> Result<Self, CertificateFault> {
        let read = files.iter().map(files::read).collect::<Result<Vec<_>, _>>()?;
        files.iter().for_each(|files| warn_if_shared(&files.key));
        let expires = read.iter().map(|read| read.expires).collect();
        let unfit = |error| CertificateFault::Unfit { file: files[0].certificate.clone(), error };
        let config = config(ByName::new(read.into_iter().map(|read| read.key))).map_err(unfit)?;
        Ok(Self { config: Arc::new(config), expires })
    }

    fn unless_worse(self, before: &Self, files: &[CertificateFiles]) -> Result<Self, CertificateFault> {
        let now = SystemTime::now();
        let ends = self.expires.iter().zip(&before.expires).zip(files);
        for ((expires, before), files) in ends {
            if *expires <= now && *before > now {
                let file = files.certificate.clone();
                return Err(CertificateFault::Expired { file, since: date(*expires) });
            }
        }
        Ok(self)
    }
}

fn config(shown: ByName) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(shown));
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
    // A client that comes back, to whichever worker, is known by the ticket that it was given.
    config.ticketer = rustls::crypto::ring::Ticketer::new()?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

/// Nothing of what is secret.
impl fmt::Debug for ServerCertificates {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ServerCertificates").field("files", &self.0.files).finish_non_exhaustive()
    }
}
