//! The cluster's own certificate authority: makes its certificate and those of the machines. It touches no
//! file; the key is in memory only.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use thiserror::Error;

use super::Identity;

/// A machine whose clock is behind by less takes a new certificate.
const CLOCK_SLACK: Duration = Duration::from_secs(3600);

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Whoever signs the certificates of one cluster.
pub struct Authority {
    cluster: String,
    certificate: String,
    key: KeyPair,
}

/// A new certificate and its key, as PEM.
pub struct Issued {
    /// For everybody.
    pub certificate: String,
    /// For nobody but its owner.
    pub key: String,
}

/// From when to when a certificate is good.
#[derive(Debug, Clone, Copy)]
pub struct Validity {
    /// Not before that.
    pub from: SystemTime,
    /// Not after that.
    pub until: SystemTime,
}

/// Why there is no certificate.
#[derive(Debug, Error)]
pub enum AuthorityFault {
    /// The name ends in "-", or all of it is too long.
    #[error("{0} is no name that a certificate can carry: each part must end with a letter or digit")]
    Name(String),
    /// The key is none, or random bytes are missing.
    #[error("{0}")]
    Key(#[from] rcgen::Error),
}

impl Validity {
    /// From now, for so many days.
    pub fn days(count: u32) -> Self {
        let now = SystemTime::now();
        Self { from: now - CLOCK_SLACK, until: now + DAY * count }
    }
}

impl Authority {
    /// A new one, with a key that nobody has.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub fn new(cluster: &str, validity: Validity) -> Result<Self, AuthorityFault> {
        let key = KeyPair::generate()?;
        let params = own_params(cluster, &key, validity);
        let certificate = params.self_signed(&key)?.pem();
        Ok(Self { cluster: cluster.to_owned(), certificate, key })
    }

    /// The one whose certificate and key were kept.
    ///
    /// # Errors
    /// The key is none.
    pub fn kept(cluster: &str, certificate: &str, key: &str) -> Result<Self, AuthorityFault> {
        let key = KeyPair::from_pem(key)?;
        Ok(Self { cluster: cluster.to_owned(), certificate: certificate.to_owned(), key })
    }

    /// Its certificate, as PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Its key, as PEM.
    pub fn key(&self) -> String {
        self.key.serialize_pem()
    }

    /// A certificate by which `identity` is known.
    ///
    /// # Errors
    /// No certificate can carry the name, or the system has no random bytes.
    pub fn issue(&self, identity: &Identity, validity: Validity) -> Result<Issued, AuthorityFault> {
        let name = identity.dns_name(&self.cluster);
        if identity.server_name(&self.cluster).is_none() {
            return Err(AuthorityFault::Name(name));
        }
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(vec![name])?;
        params.distinguished_name = named(&format!("{identity} of {}", self.cluster));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        // A node calls nobody. That its certificate could is so that one who misuses it is answered with a
        // sentence: what it may do goes by its name.
        params.extended_key_usages = match identity {
            Identity::Node(_) => {
                vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth]
            }
            Identity::FrontEnd(_) | Identity::Operator => vec![ExtendedKeyUsagePurpose::ClientAuth],
        };
        params.use_authority_key_identifier_extension = true;
        valid(&mut params, validity);
        let own = own_params(&self.cluster, &self.key, validity);
        let issuer = Issuer::from_params(&own, &self.key);
        let certificate = params.signed_by(&key, &issuer)?.pem();
        Ok(Issued { certificate, key: key.serialize_pem() })
    }
}

/// Nothing of the key.
impl fmt::Debug for Authority {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Authority").field("cluster", &self.cluster).finish_non_exhaustive()
    }
}

/// Nothing of the key.
impl fmt::Debug for Issued {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Issued").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

/// Its subject, by which those that it signs name it, follows from the cluster's name and the key, so that two
/// CAs are told apart.
fn own_params(cluster: &str, key: &KeyPair, validity: Validity) -> CertificateParams {
    // The first byte says how a point is written.
    let mark = key.public_key_raw().iter().skip(1).take(4);
    let mark: String = mark.map(|byte| format!("{byte:02x}")).collect();
    let mut params = CertificateParams::default();
    params.distinguished_name = named(&format!("Accordion CA {mark} of {cluster}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    valid(&mut params, validity);
    params
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

fn valid(params: &mut CertificateParams, Validity { from, until }: Validity) {
    // Whole seconds: a certificate knows no others.
    let since =
        |time: SystemTime| Duration::from_secs(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs());
    params.not_before = rcgen::date_time_ymd(1970, 1, 1) + since(from);
    params.not_after = rcgen::date_time_ymd(1970, 1, 1) + since(until);
}
