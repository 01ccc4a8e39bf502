//! The client's end of a connection to a proxy under test, over TCP or a Unix socket, with a deadline on
//! every wait; and the replies it reads, framed as the RFC says.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

/// Where a proxy under test listens.
#[derive(Debug, Clone)]
pub(crate) enum Door {
    Tcp(SocketAddr),
    /// A peer cannot be given a port that is surely free; a path is.
    #[allow(dead_code, reason = "only the comparison with other proxies uses it")]
    Unix(PathBuf),
}

pub(crate) struct Wire {
    stream: Stream,
    read: Vec<u8>,
    end: Option<End>,
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// How reading ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// An orderly end.
    Eof,
    Reset,
    /// Nothing came in time.
    Deadline,
}

/// A reply as it came.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) status: u16,
    /// Start line, fields and trailers, lower-cased.
    pub(crate) fields: String,
    /// The body without its framing.
    pub(crate) body: Vec<u8>,
    pub(crate) framing: Framing,
    /// None while it is whole; else how its connection ended in the middle.
    pub(crate) broken: Option<End>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Framing {
    #[default]
    None,
    Length,
    Chunked,
    UntilClose,
    /// What came is no HTTP.
    Garbage,
}

impl Wire {
    pub(crate) fn open(door: &Door, deadline: Duration) -> io::Result<Wire> {
        let stream = match door {
            Door::Tcp(address) => {
                let tcp = TcpStream::connect(address)?;
                tcp.set_nodelay(true)?;
                tcp.set_read_timeout(Some(deadline))?;
                tcp.set_write_timeout(Some(deadline))?;
                Stream::Tcp(tcp)
            }
            Door::Unix(path) => {
                let unix = UnixStream::connect(path)?;
                unix.set_read_timeout(Some(deadline))?;
                unix.set_write_timeout(Some(deadline))?;
                Stream::Unix(unix)
            }
        };
        Ok(Wire { stream, read: Vec::new(), end: None })
    }

    /// Sends; a connection that the other side has ended meanwhile shows when it is read.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = match &mut self.stream {
            Stream::Tcp(tcp) => tcp.write_all(bytes),
            Stream::Unix(unix) => unix.write_all(bytes),
        };
    }

    pub(crate) fn finish(&mut self) {
        let _ = match &mut self.stream {
            Stream::Tcp(tcp) => tcp.shutdown(Shutdown::Write),
            Stream::Unix(unix) => unix.shutdown(Shutdown::Write),
        };
    }

    /// How the connection ended, if it did.
    pub(crate) fn end(&self) -> Option<End> {
        self.end
    }

    /// The next reply. None: the connection ended, or the deadline passed, before its first byte.
    pub(crate) fn reply(&mut self, bodiless: bool) -> Option<Received> {
        if self.read.is_empty() && !self.more() {
            return None;
        }
        let mut reply = Received::default();
        let Some(head) = self.until(b"\r\n\r\n") else {
            reply.framing = Framing::Garbage;
            reply.fields = String::from_utf8_lossy(&std::mem::take(&mut self.read)).into_owned();
            reply.broken = self.end;
            return Some(reply);
        };
        reply.fields = String::from_utf8_lossy(&head).to_ascii_lowercase();
        reply.status = status_of(&head);
        reply.framing = framing_of(&reply, bodiless);
        let whole = match reply.framing {
            Framing::None => true,
            Framing::Length => self.read_length(&mut reply),
            Framing::Chunked => self.read_chunks(&mut reply).is_some(),
            Framing::UntilClose => {
                while self.more() {}
                reply.body = std::mem::take(&mut self.read);
                self.end == Some(End::Eof)
            }
            Framing::Garbage => false,
        };
        if !whole {
            reply.broken = self.end;
        }
        Some(reply)
    }

    fn read_length(&mut self, reply: &mut Received) -> bool {
        let length = reply.field("content-length").and_then(|value| value.parse::<usize>().ok());
        let Some(length) = length else { return false };
        while self.read.len() < length && self.more() {}
        let count = length.min(self.read.len());
        reply.body = self.read.drain(..count).collect();
        count == length
    }

    fn read_chunks(&mut self, reply: &mut Received) -> Option<()> {
        loop {
            let line = self.until(b"\r\n")?;
            let text = String::from_utf8_lossy(&line).trim().to_owned();
            let size = usize::from_str_radix(&text, 16).ok()?;
            if size == 0 {
                break;
            }
            while self.read.len() < size + 2 && self.more() {}
            let count = size.min(self.read.len());
            reply.body.extend(self.read.drain(..count));
            if self.until(b"\r\n")? != b"\r\n" {
                return None;
            }
        }
        loop {
            let line = self.until(b"\r\n")?;
            if line == b"\r\n" {
                return Some(());
            }
            reply.fields.push_str(&String::from_utf8_lossy(&line).to_ascii_lowercase());
        }
    }

    fn until(&mut self, end: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self.read.windows(end.len()).position(|window| window == end) {
                return Some(self.read.drain(..at + end.len()).collect());
            }
            if !self.more() {
                return None;
            }
        }
    }

    fn more(&mut self) -> bool {
        if self.end.is_some() {
            return false;
        }
        let mut buffer = [0; 16 * 1024];
        let read = match &mut self.stream {
            Stream::Tcp(tcp) => tcp.read(&mut buffer),
            Stream::Unix(unix) => unix.read(&mut buffer),
        };
        match read {
            Ok(0) => self.end = Some(End::Eof),
            Ok(count) => self.read.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                self.end = Some(End::Deadline);
            }
            Err(_) => self.end = Some(End::Reset),
        }
        self.end.is_none()
    }
}

impl Received {
    fn field(&self, name: &str) -> Option<&str> {
        self.fields.lines().skip(1).find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
    }
}

fn status_of(head: &[u8]) -> u16 {
    let line = String::from_utf8_lossy(head);
    let mut words = line.split(' ');
    let version = words.next().unwrap_or_default();
    let status = words.next().and_then(|word| word.trim().parse().ok());
    if version.starts_with("HTTP/1.") { status.unwrap_or(0) } else { 0 }
}

/// RFC 9112 6.3.
fn framing_of(reply: &Received, bodiless: bool) -> Framing {
    if reply.status == 0 {
        Framing::Garbage
    } else if bodiless || reply.status < 200 || matches!(reply.status, 204 | 304) {
        Framing::None
    } else if reply.field("transfer-encoding").is_some() {
        Framing::Chunked
    } else if reply.field("content-length").is_some() {
        Framing::Length
    } else {
        Framing::UntilClose
    }
}
