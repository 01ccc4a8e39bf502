//! Who connects: where requests come a front end is taken and nobody else, and where control calls come nobody whose
//! certificate is not of this cluster.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use cluster::tls::{Authority, Identity, Issued, Validity};
use relay::{Protocol, TlsClient, TlsCounts, Upstream, UpstreamSpec};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::secured::{Secured, said, soon};
use crate::shop;

/// Somebody who believes the node's CA, and shows that.
fn caller(node: &Secured, shows: Option<&Issued>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(node.authority.certificate().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_protocol_versions(&[&rustls::version::TLS13]).unwrap();
    let builder = builder.with_root_certificates(roots);
    Arc::new(match shows {
        None => builder.with_no_client_auth(),
        Some(Issued { certificate, key }) => {
            let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
            builder.with_client_auth_cert(vec![certificate], key).unwrap()
        }
    })
}

/// Calls it where requests come, by the name of that node.
fn called(node: &Secured, name: &str, config: Arc<ClientConfig>) -> (Arc<Upstream>, Arc<TlsCounts>) {
    called_at(node.data, name, config)
}

fn called_at(address: SocketAddr, name: &str, config: Arc<ClientConfig>) -> (Arc<Upstream>, Arc<TlsCounts>) {
    let counts = Arc::<TlsCounts>::default();
    let name = Identity::Node(name.to_owned()).server_name("test").unwrap();
    let tls = TlsClient::new(name, move || Arc::clone(&config), |_| (), Arc::clone(&counts));
    let protocol = Protocol::Http1;
    let spec = UpstreamSpec { name: "n1".into(), address, token: None, may_refuse: true, protocol };
    (Upstream::new_secured(spec, Some(tls), |_| ()), counts)
}

/// A time that is over.
fn past() -> Validity {
    let long_ago = |year: u64| UNIX_EPOCH + Duration::from_secs(year * 31_536_000);
    Validity { from: long_ago(40), until: long_ago(41) }
}

/// The node's own CA, were it that of another cluster too.
fn of_another_cluster(node: &Secured) -> Authority {
    Authority::kept("other", node.authority.certificate(), &node.authority.key()).unwrap()
}

/// A refusal is logged with all of these words, and with the peer. The log is that of all tests of this process.
fn is_logged(words: &[&str]) {
    let said = said();
    let line = said.lines().find(|line| words.iter().all(|word| line.contains(word)));
    let line = line.unwrap_or_else(|| panic!("{words:?} is not in\n{said}"));
    assert!(line.contains("127.0.0.1"), "{line}");
}

#[tokio::test]
async fn who_is_not_of_this_cluster_makes_no_control_call() {
    let node = Secured::start().await;
    let days = Validity::days(9);
    // No other test has the name, whose log this is too.
    let pretender = Identity::FrontEnd("pretender".into());
    let stranger = Authority::new("test", days).unwrap();
    let shown = [
        (None, "it shows no certificate"),
        (Some(stranger.issue(&pretender, days).unwrap()), "its certificate is of another CA than ours"),
        (Some(node.authority.issue(&pretender, past()).unwrap()), "its certificate has expired"),
        (
            Some(of_another_cluster(&node).issue(&pretender, days).unwrap()),
            "pretender.front-end.other.accordion.internal",
        ),
    ];
    for (count, (issued, words)) in (1..).zip(&shown) {
        let (n1, _) = called_at(node.address, "n1", caller(&node, issued.as_ref()));
        soon(n1.reach()).await.unwrap_err();
        node.until(|status| status.connections_refused == count).await;
        let claims = if issued.is_some() { "pretender.front-end." } else { "claims=\"\"" };
        is_logged(&["control connection refused: ", words, claims]);
    }
}

#[tokio::test]
async fn a_front_end_is_taken_again_by_a_ticket_until_the_node_has_a_new_certificate() {
    let node = Secured::start().await;
    let issued = node.authority.issue(&shop(), Validity::days(9)).unwrap();
    let (n1, counts) = called(&node, "n1", caller(&node, Some(&issued)));
    for expected in [(1, 0, 0), (1, 1, 0)] {
        soon(n1.reach()).await.unwrap();
        assert_eq!(counts.read(), expected);
    }
    node.exchange(Validity::days(9));
    soon(n1.reach()).await.unwrap();
    assert_eq!(counts.read(), (2, 1, 0));
}

#[tokio::test]
async fn everybody_else_is_refused_with_words_and_counted() {
    let node = Secured::start().await;
    let past = past();
    let stranger = Authority::new("test", Validity::days(9)).unwrap();
    let days = Validity::days(9);
    let shown = [
        (None, "it shows no certificate"),
        (Some(stranger.issue(&shop(), days).unwrap()), "its certificate is of another CA than ours"),
        (Some(node.authority.issue(&shop(), past).unwrap()), "its certificate has expired"),
        (
            Some(node.authority.issue(&Identity::Operator, days).unwrap()),
            "its certificate is for another use",
        ),
        (Some(node.authority.issue(&Identity::Node("n2".into()), days).unwrap()), "for another use"),
        (
            Some(of_another_cluster(&node).issue(&shop(), days).unwrap()),
            "shop.front-end.other.accordion.internal",
        ),
    ];
    for (count, (issued, words)) in (1..).zip(&shown) {
        let (n1, counts) = called(&node, "n1", caller(&node, issued.as_ref()));
        let refused = soon(n1.reach()).await.unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
        assert_eq!(counts.read(), (0, 0, 1));
        node.until(|status| status.connections_refused == count).await;
        let claims = if issued.is_some() { ".accordion.internal" } else { "claims=\"\"" };
        is_logged(&["data connection refused: ", words, claims]);
    }

    // And whoever speaks no TLS at all, or looks for another node.
    let mut stream = soon(TcpStream::connect(node.data)).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nX-Accordion-Token: t\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    // However the end comes.
    let _ = soon(stream.read_to_end(&mut answer)).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    node.until(|status| status.connections_refused == 7).await;
    let issued = node.authority.issue(&shop(), days).unwrap();
    let (n2, _) = called(&node, "n2", caller(&node, Some(&issued)));
    soon(n2.reach()).await.unwrap_err();
    let (n1, _) = called(&node, "n1", caller(&node, Some(&issued)));
    soon(n1.reach()).await.unwrap();
}
