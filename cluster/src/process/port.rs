//! A free port for a copy of a service: one of its range that nobody listens on, and that no other
//! copy had a moment ago.

mod ledger;

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use socket2::{Domain, Protocol, Socket, Type};

use ledger::Ledger;

/// Of this whole process. Its search begins at random, so that daemons of one machine do not race for
/// the same ports.
static LEDGER: LazyLock<Mutex<Ledger>> =
    LazyLock::new(|| Mutex::new(Ledger::beginning_at(fastrand::u32(..))));

/// A port that a copy of a service has until this is dropped; then it rests.
#[derive(Debug)]
pub(super) struct Port {
    socket: SocketAddr,
}

/// A free port on `address`. Free at this moment: somebody else may take it before the service does, and
/// then the service says so and ends.
///
/// # Errors
/// `AddrInUse` when every port of the range is taken; whatever else the address gave.
pub(super) fn free(address: IpAddr, ports: &RangeInclusive<u16>) -> io::Result<Port> {
    let mut ledger = ledger();
    ledger.forget_rested(Instant::now());
    let tried = ledger.candidates(address, ports).map(|socket| (socket, probe(socket)));
    let mut usable = tried.filter(|(_, probed)| !is_in_use(probed));
    let (socket, probed) = usable.next().ok_or(ErrorKind::AddrInUse)?;
    drop(usable);
    probed?;
    ledger.take(socket, ports);
    Ok(Port { socket })
}

/// The port that a copy of an earlier life of this daemon has.
pub(super) fn hold(socket: SocketAddr) -> Port {
    ledger().hold(socket);
    Port { socket }
}

impl Port {
    /// Where the service is to listen.
    pub(super) fn socket(&self) -> SocketAddr {
        self.socket
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        ledger().give_back(self.socket, Instant::now());
    }
}

/// What a thread that panicked left there is whole: each change is one step.
fn ledger() -> MutexGuard<'static, Ledger> {
    LEDGER.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_in_use(probed: &io::Result<()>) -> bool {
    probed.as_ref().is_err_and(|error| error.kind() == ErrorKind::AddrInUse)
}

/// Binds without SO_REUSEADDR, as a service may, so that a port with old connections is not free.
fn probe(address: SocketAddr) -> io::Result<()> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.bind(&address.into())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::io::ErrorKind;
    use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

    use super::{free, hold};

    /// An address of their own, so that the tests' ports are nobody else's.
    fn address(last: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(127, 77, 0, last))
    }

    #[test]
    fn a_port_is_not_reused_at_once() {
        let ports: HashSet<u16> =
            (0..50).map(|_| free(address(1), &(23000..=23999)).unwrap().socket().port()).collect();
        assert_eq!(ports.len(), 50);
    }

    #[test]
    fn a_port_in_use_is_left_out_and_a_full_range_is_said() {
        let first = TcpListener::bind((address(2), 0)).unwrap();
        let port = first.local_addr().unwrap().port();
        assert_eq!(free(address(2), &(port..=port)).unwrap_err().kind(), ErrorKind::AddrInUse);
        drop(first);
        assert_eq!(free(address(2), &(port..=port)).unwrap().socket().port(), port);
    }

    #[test]
    fn a_copy_that_does_not_listen_yet_has_its_port_all_the_same() {
        let ports = 23000..=23001;
        let both = [free(address(3), &ports).unwrap(), free(address(3), &ports).unwrap()];
        assert_ne!(both[0].socket(), both[1].socket());
        assert_eq!(free(address(3), &ports).unwrap_err().kind(), ErrorKind::AddrInUse);
    }

    #[test]
    fn a_port_of_an_earlier_life_is_held_whether_or_not_anybody_listens_there() {
        let ports = 23000..=23001;
        let held = hold(SocketAddr::new(address(5), 23000));
        let first = free(address(5), &ports).unwrap();
        assert_eq!(first.socket().port(), 23001);
        assert_eq!(free(address(5), &ports).unwrap_err().kind(), ErrorKind::AddrInUse);
        drop(held);
        assert_eq!(free(address(5), &ports).unwrap().socket().port(), 23000);
    }

    #[test]
    fn of_ports_that_all_had_a_copy_lately_the_one_that_rests_longest_is_taken() {
        let ports = 23000..=23002;
        let [one, two, three] = [(); 3].map(|()| free(address(4), &ports).unwrap());
        let sockets = [two.socket(), three.socket(), one.socket()];
        drop(two);
        drop(three);
        drop(one);
        let again = [(); 3].map(|()| free(address(4), &ports).unwrap());
        assert_eq!([0, 1, 2].map(|index: usize| again[index].socket()), sockets);
    }
}
