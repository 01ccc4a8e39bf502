//! A judge of callers' certificates: rustls' own, with a say before or after it.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error as Fault, SignatureScheme};

/// What rustls' own judge says of the certificate that is at hand.
type Inner<'a> = &'a dyn Fn() -> Result<ClientCertVerified, Fault>;

/// Judges by `say`, which is given what was shown and may ask the judge inside; signatures are left to that one.
pub(super) struct Judge<S> {
    inner: Arc<dyn ClientCertVerifier>,
    say: S,
}

impl<S> Judge<S>
where
    S: Fn(&CertificateDer<'_>, Inner<'_>) -> Result<ClientCertVerified, Fault> + Send + Sync,
{
    pub(super) fn new(inner: Arc<dyn ClientCertVerifier>, say: S) -> Self {
        Self { inner, say }
    }
}

impl<S> fmt::Debug for Judge<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Judge").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<S> ClientCertVerifier for Judge<S>
where
    S: Fn(&CertificateDer<'_>, Inner<'_>) -> Result<ClientCertVerified, Fault> + Send + Sync,
{
    fn offer_client_auth(&self) -> bool {
        self.inner.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.inner.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        shown: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Fault> {
        (self.say)(shown, &|| self.inner.verify_client_cert(shown, between, now))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Fault> {
        self.inner.verify_tls12_signature(message, shown, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Fault> {
        self.inner.verify_tls13_signature(message, shown, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
