use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use super::*;

const ANYWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

const LIMIT: Duration = Duration::from_secs(20);

/// Long enough that a byte which is not held would have come.
const A_WHILE: Duration = Duration::from_millis(200);

/// A link with one connection through it.
struct Bench {
    link: Link,
    front: TcpStream,
    node: TcpStream,
    _runtime: Runtime,
}

fn bench() -> Bench {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let node = TcpListener::bind(ANYWHERE).unwrap();
    let link = Link::start(runtime.handle(), &[(ANYWHERE, node.local_addr().unwrap())]).unwrap();
    let front = TcpStream::connect(link.addresses()[0]).unwrap();
    let node = node.accept().unwrap().0;
    for stream in [&front, &node] {
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.set_nodelay(true).unwrap();
    }
    Bench { link, front, node, _runtime: runtime }
}

/// These are the next bytes.
fn comes(stream: &mut TcpStream, bytes: &[u8]) {
    let mut read = vec![0; bytes.len()];
    stream.read_exact(&mut read).unwrap();
    assert_eq!(read, bytes);
}

fn nothing_comes(stream: &mut TcpStream) {
    stream.set_read_timeout(Some(A_WHILE)).unwrap();
    let read = stream.read(&mut [0]);
    assert!(read.as_ref().is_err_and(|fault| fault.kind() == ErrorKind::WouldBlock), "{read:?}");
    stream.set_read_timeout(Some(LIMIT)).unwrap();
}

#[test]
fn what_is_held_one_way_comes_in_its_order_when_it_may_and_the_other_way_is_open_meanwhile() {
    let Bench { link, mut front, mut node, _runtime } = bench();
    front.write_all(b"before").unwrap();
    comes(&mut node, b"before");
    link.set(Ways { to_node: Manner::Hold, to_front: Manner::Pass });
    for piece in [b"one", b"two"] {
        front.write_all(piece).unwrap();
    }
    node.write_all(b"back").unwrap();
    comes(&mut front, b"back");
    nothing_comes(&mut node);
    front.shutdown(std::net::Shutdown::Write).unwrap();
    link.set(Ways::default());
    comes(&mut node, b"onetwo");
    assert_eq!(node.read(&mut [0]).unwrap(), 0, "its end comes last");
}

#[test]
fn what_is_delayed_takes_as_long_as_it_should_and_nothing_overtakes() {
    let Bench { link, mut front, mut node, _runtime } = bench();
    let delay = |millis| Manner::Delay { least: Duration::from_millis(millis), most: A_WHILE };
    link.set(Ways { to_node: delay(100), to_front: Manner::Pass });
    let sent = Instant::now();
    front.write_all(b"slow").unwrap();
    comes(&mut node, b"slow");
    assert!(sent.elapsed() >= Duration::from_millis(100), "{:?}", sent.elapsed());
    front.write_all(b"first").unwrap();
    link.set(Ways::default());
    front.write_all(b"second").unwrap();
    comes(&mut node, b"firstsecond");
}

#[test]
fn a_reset_reaches_both_sides_whatever_is_held() {
    let Bench { link, mut front, mut node, _runtime } = bench();
    link.set(Ways { to_node: Manner::Hold, to_front: Manner::Hold });
    front.write_all(b"lost").unwrap();
    nothing_comes(&mut node);
    link.reset();
    for stream in [&mut front, &mut node] {
        let read = stream.read(&mut [0]);
        assert!(read.as_ref().is_err_and(|fault| fault.kind() == ErrorKind::ConnectionReset), "{read:?}");
    }
}

#[test]
fn a_connection_that_was_not_waited_for_is_never_made_and_one_that_was_is() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let node = TcpListener::bind(ANYWHERE).unwrap();
    let link = Link::start(runtime.handle(), &[(ANYWHERE, node.local_addr().unwrap())]).unwrap();
    let here = link.addresses()[0];
    link.set(Ways { to_node: Manner::Pass, to_front: Manner::Hold });
    drop(TcpStream::connect(here).unwrap());
    let mut front = TcpStream::connect(here).unwrap();
    front.write_all(b"patient").unwrap();
    link.set(Ways::default());
    comes(&mut node.accept().unwrap().0, b"patient");
}
