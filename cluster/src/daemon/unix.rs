//! Listening Unix sockets, on which the daemons of one machine and the command talk.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use socket2::{Domain, SockAddr, SockRef, Socket, Type};
use tokio::net::UnixListener;

/// What sockaddr_un(7) has room for, without the closing zero.
const PATH_BYTES_MAX: usize = 107;

/// Connections that wait to be accepted, as std has it.
const BACKLOG: i32 = 128;

/// The locks beside the sockets of this process, by the sockets' paths. Kept until it ends, as its
/// listeners are.
static LOCKS: Mutex<BTreeMap<PathBuf, OwnedFd>> = Mutex::new(BTreeMap::new());

/// A listening socket at `path`, for the owner and the group (0660). One that a daemon which was
/// killed left behind is removed. From then on the path is this process's until it ends.
///
/// # Errors
/// Somebody answers on it or has locked it, something else is there, the path is too long, or its directory does
/// not let us; each says what to do.
///
/// # Panics
/// Outside a tokio runtime.
pub fn unix_listener(path: &Path) -> io::Result<UnixListener> {
    let length = path.as_os_str().as_bytes().len();
    if length > PATH_BYTES_MAX {
        let text = format!(
            "the socket path {} has {length} bytes and may have {PATH_BYTES_MAX}; choose a shorter runtime_dir, or shorter names of the cluster and the service",
            path.display()
        );
        return Err(io::Error::new(ErrorKind::InvalidInput, text));
    }
    let mut locks = LOCKS.lock().unwrap_or_else(PoisonError::into_inner);
    if !locks.contains_key(path) {
        locks.insert(path.to_owned(), lock(path)?);
    }
    // Within this process the lock is ours in any case; the mutex and the probe tell who was first.
    remove_stale(path)?;
    let listener = net::UnixListener::bind(path).map_err(|error| cannot_listen(path, &error))?;
    fs::set_permissions(path, Permissions::from_mode(0o660))?;
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

/// What makes the path this process's, for a successor to have as well: the lock is theirs together, until
/// both have ended. `None`: there is none.
pub fn unix_lock(path: &Path) -> Option<OwnedFd> {
    let locks = LOCKS.lock().unwrap_or_else(PoisonError::into_inner);
    locks.get(path)?.try_clone().ok()
}

/// The listening socket and the lock of `path`, as they come from a predecessor; what is of another path is
/// closed, and a socket is bound here.
///
/// # Errors
/// As for a socket that is bound here.
///
/// # Panics
/// Outside a tokio runtime.
pub fn unix_listener_handed(path: &Path, listener: OwnedFd, lock: OwnedFd) -> io::Result<UnixListener> {
    let listener = net::UnixListener::from(listener);
    if listener.local_addr()?.as_pathname() != Some(path) {
        drop((listener, lock));
        return unix_listener(path);
    }
    LOCKS.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), lock);
    // Whoever connects is told the process that listened last, and the predecessor is about to end.
    SockRef::from(&listener).listen(BACKLOG)?;
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

/// Makes this process the only one that looks after the socket at `path`: of two daemons that start
/// at once, both may find a stale one, and the later would remove the earlier's. The file stays, for
/// to remove it would bring the race back.
fn lock(path: &Path) -> io::Result<OwnedFd> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".lock");
    let flags = OFlags::CREATE | OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = rustix::fs::open(Path::new(&beside), flags, Mode::RUSR | Mode::WUSR)
        .map_err(|error| cannot_listen(path, &error.into()))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(Errno::WOULDBLOCK) => {
            let text = format!(
                "another process has locked {}: it listens on {} or is about to; stop it first",
                beside.display(),
                path.display()
            );
            Err(io::Error::new(ErrorKind::AddrInUse, text))
        }
        Err(error) => Err(cannot_listen(path, &error.into())),
    }
}

/// Removes the socket at `path` when nobody listens on it any more.
fn remove_stale(path: &Path) -> io::Result<()> {
    let probe = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // A blocking connect would wait for as long as the other side's backlog is full.
    probe.set_nonblocking(true)?;
    let answer = probe.connect(&SockAddr::unix(path)?);
    match answer.map_err(|error| error.kind()) {
        Err(ErrorKind::NotFound) => Ok(()),
        Err(ErrorKind::ConnectionRefused) if is_socket(path) => {
            fs::remove_file(path).map_err(|error| cannot_listen(path, &error))
        }
        Ok(()) | Err(ErrorKind::WouldBlock) => {
            let text = format!("another process answers on {}; stop it first", path.display());
            Err(io::Error::new(ErrorKind::AddrInUse, text))
        }
        Err(ErrorKind::ConnectionRefused) => {
            let text = format!("{} is there and is not a socket; move it away", path.display());
            Err(io::Error::new(ErrorKind::AlreadyExists, text))
        }
        Err(kind) => Err(cannot_listen(path, &io::Error::from(kind))),
    }
}

fn is_socket(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket())
}

fn cannot_listen(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot listen on {}: {error}; check its directory", path.display()))
}
