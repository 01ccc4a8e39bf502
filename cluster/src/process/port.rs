//! A free port for a copy of a service: the next of its range that nobody listens on.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use socket2::{Domain, Protocol, Socket, Type};

/// Where the next search begins, counted from the start of whichever range. It begins at random, so
/// that daemons of one machine do not race for the same ports, and goes on from search to search,
/// so that a port is not reused while old connections to it may still be on their way.
static CURSOR: LazyLock<AtomicU32> = LazyLock::new(|| AtomicU32::new(fastrand::u32(..)));

/// The next free port on `address`. Free at this moment: somebody else may take it before the
/// service does, and then the service says so and ends.
///
/// # Errors
/// `AddrInUse` when every port of the range is taken; whatever else the address gave.
pub(super) fn free(address: IpAddr, ports: &RangeInclusive<u16>) -> io::Result<SocketAddr> {
    for _ in ports.clone() {
        let candidate = SocketAddr::new(address, nth(ports, CURSOR.fetch_add(1, Ordering::Relaxed)));
        match probe(candidate) {
            Ok(()) => return Ok(candidate),
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::from(ErrorKind::AddrInUse))
}

/// The n-th port of the range, counted round and round.
fn nth(ports: &RangeInclusive<u16>, n: u32) -> u16 {
    let count = u32::from(*ports.end()) - u32::from(*ports.start()) + 1;
    let offset = u16::try_from(n % count).expect("an offset within a range of u16 is a u16");
    ports.start() + offset
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
    use std::net::{IpAddr, Ipv4Addr, TcpListener};

    use super::{free, nth};

    /// An address of their own, so that the tests' ports are nobody else's.
    const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 77, 0, 1));

    #[test]
    fn counting_goes_round_the_range() {
        assert_eq!([5, 6, 7, 8].map(|n| nth(&(100..=102), n)), [102, 100, 101, 102]);
        assert_eq!(nth(&(0..=u16::MAX), u32::MAX), u16::MAX);
    }

    #[test]
    fn a_port_is_not_reused_at_once() {
        let ports: HashSet<u16> = (0..50).map(|_| free(ADDRESS, &(23000..=23999)).unwrap().port()).collect();
        assert_eq!(ports.len(), 50);
    }

    #[test]
    fn a_port_in_use_is_left_out_and_a_full_range_is_said() {
        let address = IpAddr::V4(Ipv4Addr::new(127, 77, 0, 2));
        let first = TcpListener::bind((address, 0)).unwrap();
        let port = first.local_addr().unwrap().port();
        assert_eq!(free(address, &(port..=port)).unwrap_err().kind(), ErrorKind::AddrInUse);
        drop(first);
        assert_eq!(free(address, &(port..=port)).unwrap().port(), port);
    }
}
