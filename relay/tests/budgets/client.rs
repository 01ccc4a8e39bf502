//! The client: one request at a time, each answered before the next, so that no two share a system call.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::rows::{BODY_BYTES, Connection, REQUESTS, Row};

/// No wait lasts longer; reaching it fails the test.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

/// The targets of the first request that is counted and of the first that is not any more.
pub(crate) const BEGIN: &str = "/begin";
pub(crate) const END: &str = "/end";

pub(crate) struct Client {
    row: Row,
    address: SocketAddr,
    kept: Option<TcpStream>,
}

impl Client {
    pub(crate) fn new(row: Row, address: SocketAddr) -> Client {
        Client { row, address, kept: None }
    }

    /// The requests before those that are counted.
    pub(crate) fn warm_up(&mut self) {
        (0..self.row.warm_up()).for_each(|_| self.ask("/warm-up"));
    }

    /// The requests that are counted.
    pub(crate) fn run(&mut self) {
        self.ask(BEGIN);
        (1..REQUESTS).for_each(|_| self.ask("/counted"));
    }

    /// One request and its answer.
    pub(crate) fn ask(&mut self, target: &str) {
        let mut tcp = self.kept.take().unwrap_or_else(|| self.connect());
        tcp.write_all(self.request(target).as_bytes()).unwrap();
        read_answer(&mut tcp);
        match self.row.connection {
            Connection::Kept => self.kept = Some(tcp),
            Connection::ClosedByRelay => assert_eq!(tcp.read(&mut [0]).unwrap(), 0, "the relay closes it"),
            Connection::ClosedByClient => (),
        }
    }

    fn connect(&self) -> TcpStream {
        let tcp = TcpStream::connect(self.address).unwrap();
        tcp.set_nodelay(true).unwrap();
        tcp.set_read_timeout(Some(DEADLINE)).unwrap();
        tcp
    }

    fn request(&self, target: &str) -> String {
        let method = if self.row.has_body { "POST" } else { "GET" };
        let mut request = format!(
            "{method} {target} HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: budgets/1.0\r\nAccept: */*\r\n"
        );
        if self.row.connection == Connection::ClosedByRelay {
            request += "Connection: close\r\n";
        }
        if self.row.has_body {
            request += &format!("Content-Length: {BODY_BYTES}\r\n\r\n{}", "y".repeat(BODY_BYTES));
        } else {
            request += "\r\n";
        }
        request
    }
}

fn read_answer(tcp: &mut TcpStream) {
    const HEAD_END: &[u8] = b"\r\n\r\n";
    let mut answer = Vec::with_capacity(4096);
    let mut part = [0; 4096];
    loop {
        let count = tcp.read(&mut part).expect("the relay answers");
        assert!(count > 0, "the relay closed the connection after {:?}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&part[..count]);
        let head = answer.windows(HEAD_END.len()).position(|window| window == HEAD_END);
        if let Some(head) = head
            && answer.len() >= head + HEAD_END.len() + BODY_BYTES
        {
            assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&answer));
            return;
        }
    }
}
