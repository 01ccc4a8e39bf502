//! One end of a TCP connection that a test drives by hand: a client of the relay, or a service behind it.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::SockRef;

/// No wait of a test lasts longer; reaching it fails the test.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

pub(crate) struct Peer {
    tcp: TcpStream,
    read: Vec<u8>,
}

/// A message as it came: start line, headers with lower-cased names, and the body its framing gives.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) start: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Vec<(String, String)>,
}

/// How the other side ended a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Close {
    Fin,
    Reset,
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

    pub(crate) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    pub(crate) fn try_clone(&self) -> TcpStream {
        self.tcp.try_clone().unwrap()
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.tcp.write_all(bytes.as_ref()).unwrap();
    }

    /// Sends until nothing more goes in for a while.
    pub(crate) fn send_what_fits(&mut self, mut bytes: &[u8]) -> usize {
        let all = bytes.len();
        self.tcp.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
        while !bytes.is_empty()
            && let Ok(count) = self.tcp.write(bytes)
        {
            bytes = &bytes[count..];
        }
        self.tcp.set_write_timeout(Some(DEADLINE)).unwrap();
        all - bytes.len()
    }

    /// Ends the sending side.
    pub(crate) fn finish(&self) {
        self.tcp.shutdown(Shutdown::Write).unwrap();
    }

    /// Ends the connection in the way given.
    pub(crate) fn end(self, close: Close) {
        if close == Close::Reset {
            SockRef::from(&self.tcp).set_linger(Some(Duration::ZERO)).unwrap();
        }
    }

    /// The head alone.
    pub(crate) fn head(&mut self) -> Message {
        let text = String::from_utf8(self.until(b"\r\n\r\n")).unwrap();
        let (start, headers) = text.split_once("\r\n").unwrap();
        Message { start: start.to_owned(), headers: lines(headers), body: Vec::new(), trailers: Vec::new() }
    }

    /// A message with the body that `Content-Length` or the chunked coding gives.
    pub(crate) fn message(&mut self) -> Message {
        let mut message = self.head();
        if message.header("transfer-encoding") == Some("chunked") {
            while let Some(chunk) = self.chunk() {
                message.body.extend(chunk);
            }
            message.trailers = self.trailers();
        } else if let Some(length) = message.header("content-length") {
            message.body = self.bytes(length.parse().unwrap());
        }
        message
    }

    /// The next chunk of the chunked coding; none for the last, whose trailers follow.
    pub(crate) fn chunk(&mut self) -> Option<Vec<u8>> {
        let size = String::from_utf8(self.until(b"\r\n")).unwrap();
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        if size == 0 {
            return None;
        }
        let chunk = self.bytes(size);
        assert_eq!(self.bytes(2), b"\r\n");
        Some(chunk)
    }

    /// The trailer section after the last chunk.
    pub(crate) fn trailers(&mut self) -> Vec<(String, String)> {
        let mut text = String::new();
        loop {
            let line = String::from_utf8(self.until(b"\r\n")).unwrap();
            if line == "\r\n" {
                return lines(&text);
            }
            text += &line;
        }
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.read.len() < count {
            assert_eq!(self.read_more(), None, "the connection ended too early, after {:?}", self.text());
        }
        self.read.drain(..count).collect()
    }

    /// What was read further than asked for.
    pub(crate) fn take_buffered(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.read)
    }

    /// Everything up to the end of the connection, which may be a reset.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        self.rest_and_close().0
    }

    /// Everything up to the end of the connection, and how it ended.
    pub(crate) fn rest_and_close(&mut self) -> (Vec<u8>, Close) {
        loop {
            if let Some(close) = self.read_more() {
                return (std::mem::take(&mut self.read), close);
            }
        }
    }

    /// Fails unless the other side ends the connection without another byte.
    pub(crate) fn expect_end(&mut self) -> Close {
        let (rest, close) = self.rest_and_close();
        assert!(rest.is_empty(), "unexpected {:?}", String::from_utf8_lossy(&rest));
        close
    }

    /// Like `expect_end`, and it must come within `limit`.
    pub(crate) fn expect_end_within(&mut self, limit: Duration) -> Close {
        self.tcp.set_read_timeout(Some(limit)).unwrap();
        self.expect_end()
    }

    fn until(&mut self, end: &[u8]) -> Vec<u8> {
        loop {
            if let Some(at) = self.read.windows(end.len()).position(|window| window == end) {
                return self.read.drain(..at + end.len()).collect();
            }
            assert_eq!(self.read_more(), None, "the connection ended after {:?}", self.text());
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.read[..self.read.len().min(200)]).into_owned()
    }

    fn read_more(&mut self) -> Option<Close> {
        let mut buffer = [0; 64 * 1024];
        match self.tcp.read(&mut buffer) {
            Ok(0) => Some(Close::Fin),
            Ok(count) => {
                self.read.extend_from_slice(&buffer[..count]);
                None
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Some(Close::Reset),
            Err(error) => {
                panic!("nothing to read after {} bytes, {:?}: {error}", self.read.len(), self.text())
            }
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

    pub(crate) fn reason(&self) -> Option<&str> {
        self.header("x-accordion-reason")
    }

    pub(crate) fn status(&self) -> u16 {
        self.start.split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

fn lines(text: &str) -> Vec<(String, String)> {
    let lines = text.split("\r\n").filter(|line| !line.is_empty());
    let pairs = lines.map(|line| line.split_once(':').unwrap());
    pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect()
}

/// One chunk of the chunked coding.
pub(crate) fn chunk(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}
