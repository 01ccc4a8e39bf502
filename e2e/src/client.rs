//! A plain HTTP/1.1 client over a real socket: one request at a time, and every fault is a word.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The header lines, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

/// One client connection.
pub struct Connection {
    reader: BufReader<TcpStream>,
    is_answering: bool,
}

impl Answer {
    /// The value of the first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl Connection {
    /// Connects; each read waits `limit` at most.
    pub fn open(address: SocketAddr, limit: Duration) -> std::io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, limit)?;
        stream.set_read_timeout(Some(limit))?;
        stream.set_nodelay(true)?;
        Ok(Self { reader: BufReader::new(stream), is_answering: false })
    }

    /// Sends one request and reads its answer to the end.
    pub fn request(&mut self, method: &str, target: &str, body: &[u8]) -> std::io::Result<Answer> {
        let head =
            format!("{method} {target} HTTP/1.1\r\nhost: e2e\r\ncontent-length: {}\r\n\r\n", body.len());
        let mut message = head.into_bytes();
        message.extend_from_slice(body);
        self.is_answering = false;
        self.reader.get_mut().write_all(&message)?;
        self.answer(method == "HEAD")
    }

    /// Whether the other side has not closed it yet, as far as is known here.
    pub fn is_open(&self) -> bool {
        let stream = self.reader.get_ref();
        let is_told = stream.set_nonblocking(true).is_ok();
        let seen = stream.peek(&mut [0]);
        let is_waiting = seen.is_err_and(|fault| fault.kind() == std::io::ErrorKind::WouldBlock);
        is_told && is_waiting && stream.set_nonblocking(false).is_ok()
    }

    /// Whether the answer to the last request has begun: its status line was read.
    pub fn is_answering(&self) -> bool {
        self.is_answering
    }

    fn answer(&mut self, is_head: bool) -> std::io::Result<Answer> {
        let status_line = self.line()?;
        self.is_answering = true;
        let status = status_line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| bad(format!("status line {status_line:?}")))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| bad(format!("header {line:?}")))?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut answer = Answer { status, headers, body: Vec::new() };
        if !is_head {
            self.body(&mut answer)?;
        }
        Ok(answer)
    }

    fn body(&mut self, answer: &mut Answer) -> std::io::Result<()> {
        if answer.header("transfer-encoding").is_some() {
            loop {
                let line = self.line()?;
                let size =
                    usize::from_str_radix(&line, 16).map_err(|_| bad(format!("chunk size {line:?}")))?;
                let mut chunk = vec![0; size];
                self.reader.read_exact(&mut chunk)?;
                answer.body.append(&mut chunk);
                self.line()?;
                if size == 0 {
                    return Ok(());
                }
            }
        }
        let length = answer.header("content-length").and_then(|length| length.parse::<usize>().ok());
        answer.body.resize(length.ok_or_else(|| bad("no length".to_owned()))?, 0);
        self.reader.read_exact(&mut answer.body)
    }

    fn line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        if self.reader.read_line(&mut line)? == 0 {
            return Err(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "the connection ended"));
        }
        line.truncate(line.trim_end().len());
        Ok(line)
    }
}

/// One GET on a connection of its own.
pub fn get(address: SocketAddr, target: &str, limit: Duration) -> std::io::Result<Answer> {
    Connection::open(address, limit)?.request("GET", target, b"")
}

fn bad(what: String) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidData, what)
}
