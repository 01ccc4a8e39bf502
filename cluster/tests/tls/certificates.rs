//! A directory with the certificates of one cluster, good ones and others.
#![allow(unreachable_pub)]

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use cluster::tls::{Authority, Identity, Places, Tls, Validity};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Was good for a year, long ago.
pub fn past() -> Validity {
    let year = |number: u64| UNIX_EPOCH + Duration::from_secs(number * 31_536_000);
    Validity { from: year(40), until: year(41) }
}

/// The directory, and the CA of what is in it.
pub struct Certificates {
    directory: TempDir,
    authority: Authority,
}

impl Certificates {
    /// With nothing but the CA's certificate.
    pub fn new(cluster: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::new(cluster, Validity::days(3650)).unwrap();
        fs::write(directory.path().join("ca.pem"), authority.certificate()).unwrap();
        Self { directory, authority }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    pub fn issue(&self, identity: &Identity) {
        self.issue_with(identity, Validity::days(365));
    }

    pub fn issue_with(&self, identity: &Identity, validity: Validity) {
        let issued = self.authority.issue(identity, validity).unwrap();
        let (certificate, key) = self.files(identity);
        fs::write(certificate, issued.certificate).unwrap();
        fs::write(&key, issued.key).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub fn load(&self, identity: Identity) -> Tls {
        Tls::load_from("demo", Places::in_directory(self.path(), &identity), identity).unwrap()
    }

    /// A copy of what the other ones have for it.
    pub fn take(&self, other: &Self, identity: &Identity) {
        let ((certificate, key), (from, from_key)) = (self.files(identity), other.files(identity));
        fs::copy(from, certificate).unwrap();
        fs::copy(from_key, key).unwrap();
    }

    /// What is called the one's is the other's.
    pub fn swap(&self, one: &Identity, other: &Identity) {
        let ((certificate, key), (from, from_key)) = (self.files(one), self.files(other));
        fs::copy(from, certificate).unwrap();
        fs::copy(from_key, key).unwrap();
    }

    /// The CA of the other ones is believed too.
    pub fn believe_also(&self, other: &Self) {
        let file = self.path().join("ca.pem");
        let both = fs::read_to_string(&file).unwrap() + other.authority.certificate();
        fs::write(file, both).unwrap();
    }

    /// And only theirs.
    pub fn believe_only(&self, other: &Self) {
        fs::write(self.path().join("ca.pem"), other.authority.certificate()).unwrap();
    }

    fn files(&self, identity: &Identity) -> (PathBuf, PathBuf) {
        let Places { certificate, key, .. } = Places::in_directory(self.path(), identity);
        (certificate, key)
    }
}

/// Calls a node without a certificate, and waits for the end.
pub async fn call_without(files: &Certificates, address: SocketAddr) {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(files.authority.certificate().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("c1.node.demo.accordion.internal").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    stream.read_to_end(&mut Vec::new()).await.unwrap_err();
}
