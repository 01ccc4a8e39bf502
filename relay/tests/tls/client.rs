//! A client of TLS that a test drives by hand.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection};

use crate::peer::DEADLINE;

pub(crate) struct Client {
    tcp: TcpStream,
    session: ClientConnection,
    read: Vec<u8>,
}

/// How the other side ended a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It said so.
    Goodbye,
    /// It did not: this may be a part.
    Cut,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr, name: &str, config: Arc<ClientConfig>) -> Client {
        Client::over(TcpStream::connect(address).unwrap(), name, config)
    }

    /// Shakes hands.
    pub(crate) fn over(mut tcp: TcpStream, name: &str, config: Arc<ClientConfig>) -> Client {
        tcp.set_read_timeout(Some(DEADLINE)).unwrap();
        tcp.set_write_timeout(Some(DEADLINE)).unwrap();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut session = ClientConnection::new(config, name).unwrap();
        while session.is_handshaking() {
            session.complete_io(&mut tcp).unwrap();
        }
        Client { tcp, session, read: Vec::new() }
    }

    pub(crate) fn shown(&self) -> CertificateDer<'static> {
        self.session.peer_certificates().unwrap()[0].clone()
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let mut bytes = bytes.as_ref();
        while !bytes.is_empty() {
            let count = self.session.writer().write(bytes).unwrap();
            bytes = &bytes[count..];
            self.push();
        }
    }

    /// Says that no more comes, and goes on reading.
    pub(crate) fn say_goodbye(&mut self) {
        self.session.send_close_notify();
        self.push();
    }

    fn push(&mut self) {
        while self.session.wants_write() {
            self.session.write_tls(&mut self.tcp).unwrap();
        }
    }

    /// The head of a message, as text in small letters.
    pub(crate) fn head(&mut self) -> String {
        let end = loop {
            if let Some(at) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            assert_eq!(self.read_more(), None, "it ended after {:?}", String::from_utf8_lossy(&self.read));
        };
        String::from_utf8(self.read.drain(..end).collect()).unwrap().to_ascii_lowercase()
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.read.len() < count {
            assert_eq!(self.read_more(), None, "it ended after {} of {count} bytes", self.read.len());
        }
        self.read.drain(..count).collect()
    }

    /// Everything up to the end, and how it ended.
    pub(crate) fn rest(&mut self) -> (Vec<u8>, End) {
        loop {
            if let Some(end) = self.read_more() {
                return (std::mem::take(&mut self.read), end);
            }
        }
    }

    fn read_more(&mut self) -> Option<End> {
        let mut space = [0; 64 * 1024];
        loop {
            match self.session.reader().read(&mut space) {
                Ok(0) => return Some(End::Goodbye),
                Ok(count) => {
                    self.read.extend_from_slice(&space[..count]);
                    return None;
                }
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Some(End::Cut),
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}"),
            }
            match self.session.read_tls(&mut self.tcp) {
                Ok(_) => drop(self.session.process_new_packets().unwrap()),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return Some(End::Cut),
                Err(error) => panic!("nothing to read after {} bytes: {error}", self.read.len()),
            }
        }
    }
}
