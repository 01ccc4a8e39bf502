//! One end of a TCP connection that a test drives by hand: a client of the relay, or a service behind it.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// No wait of a test lasts longer; reaching it fails the test.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

pub(crate) struct Peer {
    tcp: TcpStream,
    read: Vec<u8>,
}

/// A message as it came: start line and headers, lower-cased names, and the body its framing gives.
pub(crate) struct Message {
    pub(crate) start: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Peer {
    pub(crate) fn connect(address: SocketAddr) -> Peer {
        Peer::of(TcpStream::connect(address).unwrap())
    }

    pub(crate) fn of(tcp: TcpStream) -> Peer {
        tcp.set_read_timeout(Some(DEADLINE)).unwrap();
        tcp.set_write_timeout(Some(DEADLINE)).unwrap();
        tcp.set_nodelay(true).unwrap();
        Peer { tcp, read: Vec::new() }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.tcp.write_all(bytes.as_ref()).unwrap();
    }

    pub(crate) fn try_clone(&self) -> TcpStream {
        self.tcp.try_clone().unwrap()
    }

    /// Ends the sending side.
    pub(crate) fn finish(&self) {
        self.tcp.shutdown(Shutdown::Write).unwrap();
    }

    /// A message with the body that `Content-Length` or the chunked coding gives.
    pub(crate) fn message(&mut self) -> Message {
        let mut message = self.head();
        if message.header("transfer-encoding") == Some("chunked") {
            while let Some(chunk) = self.chunk() {
                message.body.extend(chunk);
            }
        } else if let Some(length) = message.header("content-length") {
            message.body = self.bytes(length.parse().unwrap());
        }
        message
    }

    /// The head alone.
    pub(crate) fn head(&mut self) -> Message {
        let text = self.until(b"\r\n\r\n");
        let text = String::from_utf8(text).unwrap();
        let mut lines = text.trim_end().split("\r\n");
        let start = lines.next().unwrap().to_owned();
        let headers = lines
            .map(|line| line.split_once(':').unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Message { start, headers, body: Vec::new() }
    }

    /// The next chunk of the chunked coding; none at its end. There are no trailers.
    pub(crate) fn chunk(&mut self) -> Option<Vec<u8>> {
        let size = String::from_utf8(self.until(b"\r\n")).unwrap();
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        let chunk = self.bytes(size);
        assert_eq!(self.bytes(2), b"\r\n");
        (size > 0).then_some(chunk)
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.read.len() < count {
            assert!(self.read_more(), "the connection ended too early");
        }
        self.read.drain(..count).collect()
    }

    /// What was read further than asked for.
    pub(crate) fn take_buffered(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.read)
    }

    /// Everything up to the end of the connection, which may be a reset.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.read_more() {}
        std::mem::take(&mut self.read)
    }

    /// Fails unless the other end closes, or has closed, without another byte.
    pub(crate) fn expect_end(&mut self) {
        let rest = self.rest();
        assert!(rest.is_empty(), "unexpected {:?}", String::from_utf8_lossy(&rest));
    }

    fn until(&mut self, end: &[u8]) -> Vec<u8> {
        loop {
            if let Some(at) = self.read.windows(end.len()).position(|window| window == end) {
                return self.read.drain(..at + end.len()).collect();
            }
            let so_far = String::from_utf8_lossy(&self.read).into_owned();
            assert!(self.read_more(), "the connection ended after {so_far:?}");
        }
    }

    fn read_more(&mut self) -> bool {
        let mut buffer = [0; 64 * 1024];
        match self.tcp.read(&mut buffer) {
            Ok(count) => {
                self.read.extend_from_slice(&buffer[..count]);
                count > 0
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => panic!("nothing to read: {error}"),
        }
    }
}

impl Message {
    /// The only header of that name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let values = self.all(name);
        assert!(values.len() < 2, "{name} came {} times", values.len());
        values.first().copied()
    }

    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(each, _)| each == name).map(|(_, value)| value.as_str()).collect()
    }

    pub(crate) fn status(&self) -> u16 {
        self.start.split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}
