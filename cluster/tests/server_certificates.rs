//! What a front end shows to its clients: by the name that they ask for, and anew when it is told to read the files
//! again, unless these are worse than before.
#![allow(clippy::unwrap_used)] // in a test an unwrap is the assertion

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cluster::config::CertificateFiles;
use cluster::tls::ServerCertificates;
use rcgen::{CertificateParams, KeyPair};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, ServerConnection, SignatureScheme,
    SupportedProtocolVersion,
};
use tempfile::TempDir;

const DAY: Duration = Duration::from_secs(24 * 3600);

struct Site {
    directory: TempDir,
}

impl Site {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn files(&self, stem: &str) -> CertificateFiles {
        let path = |end: &str| -> PathBuf { self.directory.path().join(format!("{stem}.{end}")) };
        CertificateFiles { certificate: path("pem"), key: path("key") }
    }

    /// Writes both files, and gives the certificate back.
    fn issue(&self, stem: &str, names: &[&str], until: SystemTime) -> CertificateDer<'static> {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = (until - 400 * DAY).into();
        params.not_after = until.into();
        let certificate = params.self_signed(&key).unwrap();
        let files = self.files(stem);
        fs::write(files.certificate, certificate.pem()).unwrap();
        fs::write(files.key, key.serialize_pem()).unwrap();
        certificate.der().clone()
    }

    fn load(&self, stems: &[&str]) -> ServerCertificates {
        let files: Vec<_> = stems.iter().map(|stem| self.files(stem)).collect();
        ServerCertificates::load(&files).unwrap()
    }
}

/// Believes whatever is shown.
#[derive(Debug)]
struct Credulous;

impl ServerCertVerifier for Credulous {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

/// What a client is shown, and the protocol that is agreed on.
fn shown_by(
    certificates: &ServerCertificates,
    name: &str,
    version: &'static SupportedProtocolVersion,
) -> (CertificateDer<'static>, Option<Vec<u8>>) {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[version]).unwrap();
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(Credulous));
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec(), b"h2".to_vec()];
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut server = ServerConnection::new(certificates.server_config()).unwrap();
    while client.is_handshaking() {
        let (mut up, mut down) = (Vec::new(), Vec::new());
        while client.wants_write() {
            client.write_tls(&mut up).unwrap();
        }
        let mut up = &up[..];
        while !up.is_empty() {
            server.read_tls(&mut up).unwrap();
            server.process_new_packets().unwrap();
        }
        while server.wants_write() {
            server.write_tls(&mut down).unwrap();
        }
        let mut down = &down[..];
        while !down.is_empty() {
            client.read_tls(&mut down).unwrap();
            client.process_new_packets().unwrap();
        }
    }
    let alpn = client.alpn_protocol().map(<[u8]>::to_vec);
    (client.peer_certificates().unwrap()[0].clone(), alpn)
}

fn shown(certificates: &ServerCertificates, name: &str) -> CertificateDer<'static> {
    shown_by(certificates, name, &rustls::version::TLS13).0
}

#[test]
fn a_client_is_shown_what_is_for_the_name_that_it_asks_for_and_else_the_first() {
    let site = Site::new();
    let soon = SystemTime::now() + 90 * DAY;
    let first = site.issue("first", &["a.example"], soon);
    let wild = site.issue("wild", &["*.b.example", "b.example"], soon);
    let exact = site.issue("exact", &["www.b.example"], soon);
    let certificates = site.load(&["first", "wild", "exact"]);
    for (name, expected) in [
        ("a.example", &first),
        ("b.example", &wild),
        ("shop.b.example", &wild),
        ("SHOP.B.example", &wild),
        ("www.b.example", &exact),
        ("x.shop.b.example", &first),
        ("elsewhere.example", &first),
        // Without a name: an address is none.
        ("192.0.2.1", &first),
    ] {
        assert!(shown(&certificates, name) == *expected, "{name}");
    }
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let (certificate, alpn) = shown_by(&certificates, "b.example", version);
        assert!(certificate == wild);
        assert_eq!(alpn.unwrap(), b"h2", "what is shown first by us");
    }
}

#[test]
fn what_was_renewed_is_shown_once_it_was_read_again() {
    let site = Site::new();
    let now = SystemTime::now();
    let old = site.issue("shop", &["shop.example"], now + 10 * DAY);
    let certificates = site.load(&["shop"]);
    let new = site.issue("shop", &["shop.example"], now + 90 * DAY);
    assert!(shown(&certificates, "shop.example") == old);
    certificates.reload().unwrap();
    assert!(shown(&certificates, "shop.example") == new);
    assert!(certificates.expires() > now + 80 * DAY);
}

#[test]
fn bad_new_files_change_nothing() {
    let site = Site::new();
    let now = SystemTime::now();
    let old = site.issue("shop", &["shop.example"], now + 10 * DAY);
    let certificates = site.load(&["shop"]);
    let files = site.files("shop");
    let key = fs::read(&files.key).unwrap();
    let still = || {
        certificates.reload().unwrap_err();
        assert!(shown(&certificates, "shop.example") == old);
    };
    site.issue("shop", &["shop.example"], now - DAY);
    still();
    site.issue("shop", &["shop.example"], now + 90 * DAY);
    fs::write(&files.key, key).unwrap();
    still();
    fs::write(&files.certificate, "nonsense").unwrap();
    still();
    fs::remove_file(&files.certificate).unwrap();
    still();
}

#[test]
fn what_has_expired_is_shown_where_there_is_nothing_better() {
    let site = Site::new();
    let expired = site.issue("shop", &["shop.example"], SystemTime::now() - DAY);
    let certificates = site.load(&["shop"]);
    assert!(shown(&certificates, "shop.example") == expired);
    let other = site.issue("other", &["other.example"], SystemTime::now() + DAY);
    let certificates = site.load(&["shop", "other"]);
    certificates.reload().unwrap();
    assert!(shown(&certificates, "other.example") == other);
}

#[test]
fn each_fault_is_one_sentence_that_names_the_file() {
    let site = Site::new();
    let now = SystemTime::now();
    site.issue("old", &["a.example"], now - DAY);
    site.issue("one", &["a.example"], now + DAY);
    site.issue("other", &["a.example"], now + DAY);
    let (one, other) = (site.files("one"), site.files("other"));
    let mixed = CertificateFiles { certificate: one.certificate.clone(), key: other.key };
    let swapped = CertificateFiles { certificate: one.key.clone(), key: one.certificate.clone() };
    let all = [site.files("none"), site.files("old"), mixed, swapped, one];
    let faults: Vec<_> = ServerCertificates::faults(&all).iter().map(ToString::to_string).collect();
    let directory = site.directory.path().display().to_string();
    let faults: Vec<_> = faults.iter().map(|fault| fault.replace(&directory, "D")).collect();
    let [missing, expired, mixed, swapped] = &faults[..] else { panic!("{faults:?}") };
    assert!(missing.starts_with("D/none.pem is missing: "), "{missing}");
    assert!(expired.starts_with("D/old.pem has expired on "), "{expired}");
    assert!(mixed.starts_with("D/other.key is not the key to D/one.pem: "), "{mixed}");
    assert_eq!(swapped, "D/one.key holds no certificate as PEM (-----BEGIN CERTIFICATE-----)");
}
