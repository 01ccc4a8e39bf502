//! Clients that speak TLS with a service-manager, over new certificates, a restart by systemd and an upgrade: each life
//! is a process, and systemd is the test.
#![allow(clippy::unwrap_used)] // in a test an unwrap is the assertion

#[path = "program/front.rs"]
#[expect(dead_code, reason = "streams are looked at by other tests")]
mod front;
#[path = "program/running.rs"]
#[expect(dead_code, reason = "what a program says at its end is looked at by other tests")]
mod running;
#[path = "program/systemd.rs"]
#[expect(dead_code, reason = "the order of messages is looked at by another test")]
mod systemd;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustix::process::{Pid, Signal, kill_process};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use front::{Front, free_addresses};
use running::{PATIENCE, until};

const NAME: &str = "shop.example";

const ASK: &str = "GET /bytes/5 HTTP/1.1\r\nhost: shop.example\r\n\r\n";

type Client = StreamOwned<ClientConnection, TcpStream>;

/// Writes a new certificate and its key there; what a client is to believe.
fn issue(front: &Front) -> CertificateDer<'static> {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![NAME.to_owned()]).unwrap().self_signed(&key).unwrap();
    fs::write(front.path("shop.pem"), certificate.pem()).unwrap();
    fs::write(front.path("shop.key"), key.serialize_pem()).unwrap();
    certificate.der().clone()
}

fn write(front: &Front, listen: SocketAddr, secured: SocketAddr) {
    let (certificate, key) = (front.path("shop.pem"), front.path("shop.key"));
    let files = format!("certificate = \"{}\", key = \"{}\"", certificate.display(), key.display());
    let tls = format!("tls = {{ listen = \"{secured}\", certificates = [{{ {files} }}] }}");
    front.write(listen, &format!("workers = 2\n{tls}"), "");
}

/// A client over that connection, if it is shown what it believes.
fn client(tcp: TcpStream, believed: &CertificateDer<'static>) -> Result<Client, String> {
    tcp.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(believed.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = builder.with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from(NAME).unwrap();
    let session = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut client = StreamOwned::new(session, tcp);
    client.conn.complete_io(&mut client.sock).map_err(|error| error.to_string())?;
    Ok(client)
}

fn connected(address: SocketAddr, believed: &CertificateDer<'static>) -> Client {
    client(TcpStream::connect(address).unwrap(), believed).unwrap()
}

fn is_served(client: &mut Client) {
    client.write_all(ASK.as_bytes()).unwrap();
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        read.push(byte[0]);
    }
    assert!(read.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&read));
    client.read_exact(&mut [0; 5]).unwrap();
}

fn command(front: &Front, arguments: &[&str]) -> Output {
    let mut command = Command::new(program());
    front.options(command.args(arguments)).output().unwrap()
}

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_accordion"))
}

#[test]
fn clients_are_served_over_new_certificates_a_restart_and_an_upgrade_and_none_is_refused() {
    let front = Front::new();
    let [listen, secured] = free_addresses();
    let first = issue(&front);
    write(&front, listen, secured);
    let mut life = front.start(program());
    let mut early = connected(secured, &first);
    is_served(&mut early);
    let status = String::from_utf8(command(&front, &["status"]).stdout).unwrap();
    assert!(status.contains(&format!("https://{secured}")), "{status}");

    let second = issue(&front);
    life.signal(Signal::HUP);
    until("the new one is shown", || client(TcpStream::connect(secured).unwrap(), &second).ok());
    is_served(&mut early);
    let good = fs::read(front.path("shop.key")).unwrap();
    fs::write(front.path("shop.key"), "nonsense").unwrap();
    life.signal(Signal::HUP);
    let said = life.line_with("holds no private key");
    assert!(said.contains("the certificates for clients that are in force stay"), "{said}");
    is_served(&mut connected(secured, &second));
    fs::write(front.path("shop.key"), good).unwrap();

    let name = |kind: &str, address: SocketAddr| {
        format!("accordion/{kind}/{}", address.to_string().replace(':', "-"))
    };
    let mut kept = front.systemd.stored();
    kept.sort();
    let (http, https) = (name("http", listen), name("https", secured));
    assert_eq!(kept, [http.as_str(), &http, &https, &https]);
    life.signal(Signal::TERM);
    assert_eq!(life.ended().code(), Some(0));
    // Nobody is there, and yet nobody is turned away.
    let waits = TcpStream::connect(secured).unwrap();
    let mut life = front.start(program());
    is_served(&mut client(waits, &second).unwrap());

    let mut before = connected(secured, &second);
    is_served(&mut before);
    let output = command(&front, &["upgrade"]);
    let said = String::from_utf8(output.stdout).unwrap();
    let pid = said.strip_prefix("shop: process ").unwrap().split(' ').next().unwrap().parse().unwrap();
    assert_eq!(life.ended().code(), Some(0));
    // It was told that its connection ends, and not cut.
    assert_eq!(before.read(&mut [0; 1]).unwrap(), 0);
    is_served(&mut connected(secured, &second));
    kill_process(Pid::from_raw(pid).unwrap(), Signal::TERM).unwrap();
    until("it has ended", || fs::read_link(format!("/proc/{pid}/exe")).err());
}

#[test]
fn a_daemon_without_its_certificate_does_not_start_and_a_check_says_why() {
    let front = Front::new();
    let [listen, secured] = free_addresses();
    write(&front, listen, secured);
    let file = front.path("cluster.toml");
    let check = || Command::new(program()).arg("check").arg(&file).output().unwrap();
    let output = check();
    let said = String::from_utf8(output.stderr).unwrap();
    let expected =
        format!("{}: service shop: {} is missing: ", file.display(), front.path("shop.pem").display());
    assert!(said.starts_with(&expected), "{said}");
    assert_eq!(output.status.code(), Some(78));
    let state = front.path("state");
    let output = command(&front, &["service-manager", "--state-dir", state.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(78));
    issue(&front);
    assert_eq!(check().status.code(), Some(0));
}
