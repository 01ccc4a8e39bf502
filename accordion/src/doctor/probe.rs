//! Whether somebody listens on a TCP port, within a bounded time, and what it means when not.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::time::Duration;

use tokio::net::TcpStream;

/// For one question: far more than any answer takes within a building, and still no wait for a person.
pub(super) const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// What became of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Port {
    /// Somebody took it.
    Open,
    /// The machine is there and nobody listens.
    Closed,
    /// Nothing came back.
    Silent,
    /// There is no way there; what the system says.
    Unreachable(String),
}

/// Tries it.
pub(super) async fn port(address: SocketAddr) -> Port {
    match tokio::time::timeout(PROBE_TIMEOUT, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Port::Open,
        Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => Port::Closed,
        Ok(Err(error)) if error.kind() == ErrorKind::TimedOut => Port::Silent,
        Ok(Err(error)) => Port::Unreachable(error.to_string()),
        Err(_) => Port::Silent,
    }
}

/// Whether the address is one of this machine's.
pub(super) fn is_here(address: IpAddr) -> bool {
    match TcpListener::bind((address, 0)) {
        Ok(_) => true,
        Err(error) => error.kind() != ErrorKind::AddrNotAvailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_open_and_a_closed_port_are_told_apart() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(port(address).await, Port::Open);
        drop(listener);
        assert_eq!(port(address).await, Port::Closed);
    }

    #[test]
    fn an_address_for_documentation_is_no_address_of_this_machine() {
        assert!(is_here(IpAddr::from([127, 0, 0, 1])));
        assert!(!is_here(IpAddr::from([192, 0, 2, 1])));
    }
}
