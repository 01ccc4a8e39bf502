//! The called end: a connection is taken when whoever calls shows a certificate of the cluster's CA.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::Error as Fault;
use rustls::pki_types::CertificateDer;
use rustls::server::danger::ClientCertVerifier;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::judge::Judge;
use super::{Peer, Tls, certificate, words};

/// How long a caller may take: far more than two machines that mean it.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection that was taken, and with whom.
pub type Accepted = (TlsStream<TcpStream>, Peer);

/// Why it was not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What was wrong with the caller.
    pub words: String,
    /// The names in the certificate that it showed; what a certificate says that was not found good is
    /// only a claim.
    pub claims: String,
    /// Whether it went away without a word, as a probe of the port does.
    pub is_silent: bool,
}

tokio::task_local! {
    /// The names in the certificate that was shown in this handshake.
    static CLAIMS: RefCell<String>;
}

/// Judges as the one inside, and keeps what names were shown: with a refusal nothing else tells.
pub(super) fn noting(inner: Arc<dyn ClientCertVerifier>) -> Arc<dyn ClientCertVerifier> {
    Arc::new(Judge::new(inner, |shown: &CertificateDer<'_>, judged: &dyn Fn() -> _| {
        // Outside of `accept` nobody asks.
        let _ = CLAIMS.try_with(|claims| claims.replace(certificate::names(shown).join(", ")));
        judged()
    }))
}

impl Tls {
    /// Takes a connection, within `HANDSHAKE_TIMEOUT`.
    ///
    /// # Errors
    /// The caller shows nothing that is good here, or says nothing, or nonsense.
    pub async fn accept(&self, stream: TcpStream) -> Result<Accepted, Refused> {
        let acceptor = TlsAcceptor::from(self.0.in_force.load().server.clone());
        let handshake = CLAIMS.scope(RefCell::default(), async move {
            let ended = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await;
            (ended, CLAIMS.with(RefCell::take))
        });
        let (words, is_silent, claims) = match handshake.await {
            (Ok(Ok(stream)), _) => return Ok(self.known(stream)),
            (Ok(Err(error)), claims) => (said(&error), is_silent(&error), claims),
            (Err(_), claims) => {
                (format!("no handshake within {} s", HANDSHAKE_TIMEOUT.as_secs()), false, claims)
            }
        };
        Err(Refused { words, claims, is_silent })
    }

    fn known(&self, stream: TlsStream<TcpStream>) -> Accepted {
        let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let peer = Peer::new(&self.0.cluster, shown.expect("without a certificate there is no handshake"));
        (stream, peer)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.words)
    }
}

fn is_silent(error: &io::Error) -> bool {
    words::inside(error).is_none()
}

fn said(error: &io::Error) -> String {
    words::inside(error).map_or_else(|| "it went away".to_owned(), words_of)
}

/// What is wrong with a caller.
pub(super) fn words_of(fault: &Fault) -> String {
    match fault {
        Fault::NoCertificatesPresented => "it shows no certificate".to_owned(),
        Fault::InvalidCertificate(fault) => words::shown(fault).to_owned(),
        Fault::AlertReceived(alert) => words::alerted(*alert),
        Fault::InvalidMessage(_) => "it does not speak TLS".to_owned(),
        fault => fault.to_string(),
    }
}
