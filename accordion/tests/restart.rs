//! A service-manager that systemd starts anew, with its listening sockets kept: each life is a process, and
//! systemd is the test.
#![allow(clippy::unwrap_used)] // in a test an unwrap is the assertion

#[path = "program/running.rs"]
#[expect(dead_code, reason = "what a daemon says is looked at by other tests")]
mod running;
#[path = "program/systemd.rs"]
mod systemd;
#[path = "program/visitors.rs"]
mod visitors;

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use running::{PATIENCE, Running, until};
use systemd::Systemd;
use visitors::Visitors;

const RESTARTS: usize = 10;

/// What a WebSocket's client hears of a server that goes away (RFC 6455, sections 5.5.1 and 7.4.1).
const GOING_AWAY: &[u8] = &[0x88, 0x02, 0x03, 0xe9];

/// A front end without a pool.
struct Ground {
    place: TempDir,
    systemd: Systemd,
}

#[test]
fn no_connection_is_refused_and_no_request_lost_while_it_is_restarted_ten_times() {
    let ground = Ground::new();
    let listen = free_address();
    ground.write(listen, 2);
    let mut life = ground.start();
    let mut tunnel = web_socket(listen);
    let visitors = Visitors::to(listen);
    for restart in 0..RESTARTS {
        let before = visitors.answered();
        until("requests are answered", || (visitors.answered() > before + 20).then_some(()));
        // So that there are more sockets than workers now and then, and fewer.
        ground.write(listen, 1 + restart % 3);
        life.signal(Signal::TERM);
        if restart == 0 {
            let asked = Instant::now();
            let mut words = [0; 4];
            tunnel.read_exact(&mut words).unwrap();
            assert_eq!(words, GOING_AWAY);
            assert!(asked.elapsed() < Duration::from_secs(5), "it is told at once");
            tunnel.write_all(&[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9]).unwrap();
        }
        assert_eq!(life.ended().code(), Some(0));
        // Nobody is there, and yet nobody is turned away.
        drop(TcpStream::connect(listen).unwrap());
        life = ground.start();
    }
    let before = visitors.answered();
    until("requests are answered", || (visitors.answered() > before + 20).then_some(()));
    let (answered, losses) = visitors.finish();
    assert!(losses.is_empty(), "{answered} answered, {} lost: {losses:#?}", losses.len());
    assert!(answered > 20 * RESTARTS);
    let name = format!("accordion/http/{}", listen.to_string().replace(':', "-"));
    assert_eq!(ground.systemd.stored(), [name.as_str(); 3], "each is kept once");
}

#[test]
fn the_sockets_of_an_address_that_was_changed_meanwhile_are_given_up() {
    let ground = Ground::new();
    let (before, after) = (free_address(), free_address());
    ground.write(before, 2);
    let mut life = ground.start();
    life.signal(Signal::TERM);
    assert_eq!(life.ended().code(), Some(0));
    drop(TcpStream::connect(before).unwrap());
    ground.write(after, 1);
    let _life = ground.start();
    TcpStream::connect(after).unwrap();
    let name = |address: SocketAddr| format!("accordion/http/{}", address.to_string().replace(':', "-"));
    until("the store has only the new one", || (ground.systemd.stored() == [name(after)]).then_some(()));
    TcpStream::connect(before).unwrap_err();
}

impl Ground {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let systemd = Systemd::new(place.path());
        Self { place, systemd }
    }

    fn write(&self, listen: SocketAddr, workers: usize) {
        let file = format!(
            "[cluster]\nname = \"t\"\n[service.shop]\nfront_end = \"127.0.0.1\"\nlisten = \"{listen}\"\n\
             capacity = 8\nworkers = {workers}\nready = \"/healthz\"\n\
             command = [\"{{accordion}}\", \"demo-service\", \"--port\", \"{{port}}\", \"--address\", \"{{address}}\"]\n",
        );
        fs::write(self.place.path().join("cluster.toml"), file).unwrap();
    }

    /// The service-manager, once it is ready.
    fn start(&self) -> Running {
        self.systemd.messages();
        let mut command = self.systemd.command(Path::new(env!("CARGO_BIN_EXE_accordion")));
        command.arg("service-manager");
        for (option, name) in
            [("--config", "cluster.toml"), ("--runtime-dir", "run"), ("--state-dir", "state")]
        {
            command.arg(option).arg(self.place.path().join(name));
        }
        let life = Running::spawn(&mut command);
        let is_ready = |message: &String| message.starts_with("READY=1");
        until("it is ready", || self.systemd.messages().iter().any(is_ready).then_some(()));
        life
    }
}

/// A WebSocket that says nothing.
fn web_socket(address: SocketAddr) -> TcpStream {
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

fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}
