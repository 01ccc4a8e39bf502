//! HTTP/2, agreed on by ALPN.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;

use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use rustls::version::TLS13;
use tokio_rustls::TlsConnector;

use crate::rig::{Origin, block_on};
use crate::site::{NAME, Site};

#[test]
fn streams_carry_bodies_both_ways_and_say_that_they_came_by_https() {
    let origin = Origin::start();
    let site = Site::before(&origin);
    let body: Vec<u8> = (0..2_000_000).map(|at: usize| ((at * 7) >> 5) as u8).collect();
    let (address, config) = (site.address, site.authority.client(&TLS13, Some("h2")));
    thread::scope(|scope| {
        scope.spawn(|| block_on(ask(address, config, &body)));
        let mut service = origin.accept();
        let asked = service.message();
        assert_eq!(asked.header("x-forwarded-proto"), Some("https"));
        assert_eq!(asked.header("via"), Some("2.0 accordion"));
        assert!(asked.body == body);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        service.send([head.as_bytes(), &body].concat());
    });
}

/// Sends the body, and gets the same.
async fn ask(address: SocketAddr, config: Arc<ClientConfig>, body: &[u8]) {
    let tcp = tokio::net::TcpStream::connect(address).await.unwrap();
    let tls = TlsConnector::from(config).connect(ServerName::try_from(NAME).unwrap(), tcp).await.unwrap();
    assert_eq!(tls.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(tls)).await.unwrap();
    let driven = tokio::spawn(connection);
    let sent = Full::new(Bytes::copy_from_slice(body));
    let request = Request::post(format!("https://{NAME}/")).body(sent).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.into_body().collect().await.unwrap().to_bytes() == body);
    drop(sender);
    driven.await.unwrap().unwrap();
}
