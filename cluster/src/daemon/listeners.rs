//! Listening TCP sockets that are bound here. Those that were passed on are in `passed`.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;

use socket2::{Domain, Protocol, Socket, Type};

use super::passed::Passed;
use crate::sys;

/// Connections that may wait to be accepted; the kernel lowers it to net.core.somaxconn.
const BACKLOG: i32 = 4096;

/// Sockets listening on `address`: those that were passed to this process (LISTEN_FDS with our
/// LISTEN_PID), however many; otherwise `count` with SO_REUSEPORT, bound here, among which the
/// kernel spreads the connections. They do not block, and what they accept has TCP_NODELAY.
///
/// # Errors
/// The address is in use or not ours, or what was passed is no TCP listener; the text says what to
/// do.
pub fn listeners(address: SocketAddr, count: usize) -> io::Result<Vec<TcpListener>> {
    let passed = Passed::take().starters(address)?;
    if passed.is_empty() { bind_free(address, count) } else { Ok(passed) }
}

/// `count` sockets on `address` that nobody has.
pub(super) fn bind_free(address: SocketAddr, count: usize) -> io::Result<Vec<TcpListener>> {
    // Two daemons that both ask for SO_REUSEPORT would share the connections without a word, so
    // the first socket is bound without it to see whether the address is free.
    let free = bind(address, false)?.local_addr()?;
    (0..count.max(1)).map(|_| bind(free, true)).collect()
}

/// `count` sockets listening on `address` while this process still listens on `own`, which it will close.
pub(super) fn bind_beside(
    own: SocketAddr,
    address: SocketAddr,
    count: usize,
) -> io::Result<Vec<TcpListener>> {
    let is_any = address.ip().is_unspecified() || own.ip().is_unspecified();
    // The look whether somebody is there would meet our own sockets.
    let is_own = own.port() == address.port() && (is_any || own.ip() == address.ip());
    let free = if is_own { address } else { bind(address, false)?.local_addr()? };
    (0..count.max(1)).map(|_| bind(free, true)).collect()
}

/// One socket listening on `address`. It does not block, and what it accepts has TCP_NODELAY.
///
/// # Errors
/// The address is in use or not ours; the text says what to do.
pub fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    bind(address, false)
}

/// A command that runs `program` and passes `listeners` to it in the way that `listeners()`
/// understands. Arguments may be added to it.
///
/// # Errors
/// There are no file descriptors left.
pub fn with_listeners(program: &Path, listeners: &[TcpListener]) -> io::Result<Command> {
    // Only the new process knows its number, and exec keeps it; a shell is the shortest way to say so.
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "export LISTEN_PID=$$; exec \"$0\" \"$@\""]).arg(program);
    command.env("LISTEN_FDS", listeners.len().to_string()).env_remove("LISTEN_FDNAMES");
    let files =
        listeners.iter().map(|listener| Ok(listener.try_clone()?.into())).collect::<io::Result<Vec<_>>>()?;
    sys::pass_files(&mut command, &files)?;
    Ok(command)
}

pub(super) fn bind(address: SocketAddr, is_shared: bool) -> io::Result<TcpListener> {
    try_bind(address, is_shared).map_err(|error| cannot_listen(address, &error))
}

fn try_bind(address: SocketAddr, is_shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Old connections in TIME_WAIT must not keep a restarted daemon from its address.
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(is_shared)?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn cannot_listen(address: SocketAddr, error: &io::Error) -> io::Error {
    let port = address.port();
    let remedy = match error.kind() {
        ErrorKind::AddrInUse => format!(
            "the address is in use: stop the program that has it (ss -ltnp 'sport = :{port}') or choose another port in cluster.toml"
        ),
        ErrorKind::AddrNotAvailable => {
            format!("{} is no address of this machine; check cluster.toml", address.ip())
        }
        ErrorKind::PermissionDenied => {
            format!("port {port} needs the right to bind it (CAP_NET_BIND_SERVICE) or choose one above 1023")
        }
        _ => error.to_string(),
    };
    io::Error::new(error.kind(), format!("cannot listen on {address}: {remedy}"))
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::net::{Ipv4Addr, SocketAddr};

    use super::{listener, listeners};

    const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

    #[test]
    fn several_listeners_share_one_address() {
        let listeners = listeners(ANY_PORT, 3).unwrap();
        let address = listeners[0].local_addr().unwrap();
        assert_eq!(listeners.len(), 3);
        assert!(listeners.iter().all(|listener| listener.local_addr().unwrap() == address));
    }

    #[test]
    fn an_address_in_use_is_named_with_the_remedy_even_when_its_owner_would_share_it() {
        let first = listeners(ANY_PORT, 1).unwrap();
        let address = first[0].local_addr().unwrap();
        for second in [listeners(address, 2).map(drop), listener(address).map(drop)] {
            let error = second.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AddrInUse);
            assert!(
                error
                    .to_string()
                    .starts_with(&format!("cannot listen on {address}: the address is in use: "))
            );
        }
    }
}
