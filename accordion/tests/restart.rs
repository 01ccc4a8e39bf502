//! A service-manager that systemd starts anew, with its listening sockets kept: each life is a process, and
//! systemd is the test.
#![allow(clippy::unwrap_used)] // in a test an unwrap is the assertion

#[path = "program/front.rs"]
mod front;
#[path = "program/running.rs"]
#[expect(dead_code, reason = "what a daemon says is looked at by other tests")]
mod running;
#[path = "program/systemd.rs"]
#[expect(dead_code, reason = "the order of messages is looked at by another test")]
mod systemd;
#[path = "program/visitors.rs"]
mod visitors;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use front::{Front, GOING_AWAY, free_addresses, web_socket};
use running::until;
use visitors::Visitors;

const RESTARTS: usize = 10;

#[test]
fn no_connection_is_refused_and_no_request_lost_while_it_is_restarted_ten_times() {
    let front = Front::new();
    let [listen] = free_addresses();
    front.write(listen, &workers(2), "");
    let mut life = front.start(program());
    let mut tunnel = web_socket(listen);
    let visitors = Visitors::to(listen);
    for restart in 0..RESTARTS {
        let before = visitors.answered();
        until("requests are answered", || (visitors.answered() > before + 20).then_some(()));
        // So that there are more sockets than workers now and then, and fewer.
        front.write(listen, &workers(1 + restart % 3), "");
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
        life = front.start(program());
    }
    let before = visitors.answered();
    until("requests are answered", || (visitors.answered() > before + 20).then_some(()));
    let (answered, losses) = visitors.finish();
    assert!(losses.is_empty(), "{answered} answered, {} lost: {losses:#?}", losses.len());
    assert!(answered > 20 * RESTARTS);
    let name = format!("accordion/http/{}", listen.to_string().replace(':', "-"));
    assert_eq!(front.systemd.stored(), [name.as_str(); 3], "each is kept once");
}

#[test]
fn the_sockets_of_an_address_that_was_changed_meanwhile_are_given_up() {
    let front = Front::new();
    let [before, after] = free_addresses();
    front.write(before, &workers(2), "");
    let mut life = front.start(program());
    life.signal(Signal::TERM);
    assert_eq!(life.ended().code(), Some(0));
    drop(TcpStream::connect(before).unwrap());
    front.write(after, &workers(1), "");
    let _life = front.start(program());
    TcpStream::connect(after).unwrap();
    let name = |address: SocketAddr| format!("accordion/http/{}", address.to_string().replace(':', "-"));
    until("the store has only the new one", || (front.systemd.stored() == [name(after)]).then_some(()));
    TcpStream::connect(before).unwrap_err();
}

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_accordion"))
}

fn workers(count: usize) -> String {
    format!("workers = {count}")
}
