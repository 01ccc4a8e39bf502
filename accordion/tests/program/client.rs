//! A client that writes bytes and reads bytes, so that a test sees what is really on the wire.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::running::PATIENCE;

/// One connection.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The head as it came, in lower case.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    /// A connection with this already written.
    pub(crate) fn sending(address: SocketAddr, text: &str) -> Self {
        let mut client = Self::connect(address);
        client.send(text);
        client
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).unwrap();
    }

    /// Sends a request without a body and reads the answer.
    pub(crate) fn ask(&mut self, method: &str, target: &str) -> Answer {
        self.send(&format!("{method} {target} HTTP/1.1\r\nhost: demo\r\n\r\n"));
        let mut answer = self.head();
        if method != "HEAD" {
            answer.body = self.bytes(answer.length().expect("no content-length"));
        }
        answer
    }

    /// The answer to a request that was sent.
    pub(crate) fn answer(&mut self) -> Answer {
        let mut answer = self.head();
        answer.body = self.bytes(answer.length().expect("no content-length"));
        answer
    }

    /// Only the head of an answer.
    pub(crate) fn head(&mut self) -> Answer {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(self.stream.read_line(&mut head).unwrap(), 0, "the connection ended after {head:?}");
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_lowercase(), body: Vec::new() }
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Everything until `words` have come.
    pub(crate) fn until(&mut self, words: &str) -> String {
        let mut text = String::new();
        while !text.contains(words) {
            assert_ne!(self.stream.read_line(&mut text).unwrap(), 0, "the connection ended after {text:?}");
        }
        text
    }

    /// Everything until the connection ends.
    pub(crate) fn rest(&mut self) -> String {
        let mut text = String::new();
        self.stream.read_to_string(&mut text).unwrap();
        text
    }
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    fn length(&self) -> Option<usize> {
        self.header("content-length")?.parse().ok()
    }
}
