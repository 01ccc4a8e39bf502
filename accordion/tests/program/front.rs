//! A front end as a test has it: its cluster.toml, what stands in for its systemd, its clients' connections.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::running::{PATIENCE, Running, until};
use crate::systemd::Systemd;

/// What a WebSocket's client hears of a server that goes away (RFC 6455, sections 5.5.1 and 7.4.1).
pub(crate) const GOING_AWAY: &[u8] = &[0x88, 0x02, 0x03, 0xe9];

/// A front end of one service.
pub(crate) struct Front {
    place: TempDir,
    pub(crate) systemd: Systemd,
}

impl Front {
    pub(crate) fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let systemd = Systemd::new(place.path());
        Self { place, systemd }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Its cluster.toml, with these lines in the service's part.
    pub(crate) fn write(&self, listen: SocketAddr, lines: &str, nodes: &str) {
        let file = format!(
            "[cluster]\nname = \"t\"\n{nodes}[service.shop]\nfront_end = \"127.0.0.1\"\nlisten = \"{listen}\"\n\
             capacity = 8\nready = \"/healthz\"\n{lines}\n\
             command = [\"{{accordion}}\", \"demo-service\", \"--port\", \"{{port}}\", \"--address\", \"{{address}}\"]\n",
        );
        fs::write(self.path("cluster.toml"), file).unwrap();
    }

    /// The service-manager, once it is ready.
    pub(crate) fn start(&self, program: &Path) -> Running {
        self.systemd.messages();
        let mut command = self.systemd.command(program);
        let life = Running::spawn(
            self.options(command.arg("service-manager")).arg("--state-dir").arg(self.path("state")),
        );
        let is_ready = |message: &String| message.starts_with("READY=1");
        until("it is ready", || self.systemd.messages().iter().any(is_ready).then_some(()));
        life
    }

    /// The command with what all have in common.
    pub(crate) fn options<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.arg("--config").arg(self.path("cluster.toml")).arg("--runtime-dir").arg(self.path("run"))
    }
}

/// A WebSocket that says nothing.
pub(crate) fn web_socket(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let ask = "GET /ws HTTP/1.1\r\nhost: demo\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
               sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(ask.as_bytes()).unwrap();
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    stream
}

/// So many that nobody listens on, all free at the same moment, so that they differ.
pub(crate) fn free_addresses<const COUNT: usize>() -> [SocketAddr; COUNT] {
    let bound = [(); COUNT].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    bound.map(|listener| listener.local_addr().unwrap())
}
