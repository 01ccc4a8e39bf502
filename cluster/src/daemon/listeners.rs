//! Listening TCP sockets: bound here, or passed on by whoever started the daemon under the
//! convention of sd_listen_fds(3), so that they outlive it.

use std::env;
use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{self, Command};

use socket2::{Domain, Protocol, Socket, Type};
use tracing::{info, warn};

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
    let passed = passed_count(env::var_os("LISTEN_PID").as_deref(), env::var_os("LISTEN_FDS").as_deref());
    let passed = sys::take_passed_files(passed);
    if !passed.is_empty() {
        return passed.into_iter().map(|file| adopt(file, address)).collect();
    }
    // Two daemons that both ask for SO_REUSEPORT would share the connections without a word, so
    // the first socket is bound without it to see whether the address is free.
    let free = bind(address, false)?.local_addr()?;
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
    command.env("LISTEN_FDS", listeners.len().to_string());
    let files =
        listeners.iter().map(|listener| Ok(listener.try_clone()?.into())).collect::<io::Result<Vec<_>>>()?;
    sys::pass_files(&mut command, &files)?;
    Ok(command)
}

/// How many sockets were passed to this very process; a child of it may see the variables as well.
fn passed_count(pid: Option<&OsStr>, count: Option<&OsStr>) -> usize {
    let number = |text: Option<&OsStr>| text?.to_str()?.parse::<u32>().ok();
    match (number(pid), number(count)) {
        (Some(pid), Some(count)) if pid == process::id() => count as usize,
        _ => 0,
    }
}

/// A passed socket, checked and set up as ours are.
fn adopt(file: OwnedFd, address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::from(file);
    let is_listener =
        socket.is_listener().unwrap_or(false) && socket.r#type().is_ok_and(|kind| kind == Type::STREAM);
    let Some(bound) = socket.local_addr()?.as_socket().filter(|_| is_listener) else {
        let text = "a file passed by LISTEN_FDS is no listening TCP socket; check the socket unit";
        return Err(io::Error::new(ErrorKind::InvalidInput, text));
    };
    if bound == address || address.port() == 0 {
        info!(%bound, "listening on a socket that was passed on");
    } else {
        warn!(%bound, configured = %address, "the socket that was passed on has another address than cluster.toml says");
    }
    socket.set_cloexec(true)?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    Ok(socket.into())
}

fn bind(address: SocketAddr, is_shared: bool) -> io::Result<TcpListener> {
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
    use std::ffi::OsStr;
    use std::io::ErrorKind;
    use std::net::{Ipv4Addr, SocketAddr};
    use std::process;

    use super::{listener, listeners, passed_count};

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

    #[test]
    fn sockets_passed_to_another_process_are_not_ours() {
        let (ours, other) = (process::id().to_string(), (process::id() + 1).to_string());
        let count = |pid: &str, fds: &str| passed_count(Some(OsStr::new(pid)), Some(OsStr::new(fds)));
        assert_eq!(count(&ours, "2"), 2);
        assert_eq!(count(&other, "2"), 0);
        assert_eq!(count(&ours, "two"), 0);
        assert_eq!(passed_count(None, Some(OsStr::new("2"))), 0);
    }
}
