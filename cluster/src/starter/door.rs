//! How a guard that systemd started comes to the files of its daemon: a socket in the starter's directory, which
//! it is told of in its environment, and by which it gets them.
//!
//! systemd 252 takes open files with a unit only from a caller that speaks D-Bus by itself.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::sockopt::socket_peercred;
use rustix::process::Pid;

use super::FILES;
use super::asker::unit_of;
use super::files;
use super::mark::Mark;

/// Where a guard gets its stdin, stdout and stderr, if it has not got them by birth.
pub(crate) const VARIABLE: &str = "ACCORDION_GUARD_FILES";

/// From systemd's word that it starts the unit to its guard at the door.
pub(super) const GUARD_TIMEOUT: Duration = Duration::from_secs(10);

/// What comes with the files.
const WORD: &str = "files\n";

/// The socket of one copy. It is gone from the directory once this is dropped.
#[derive(Debug)]
pub(super) struct Door {
    path: PathBuf,
    listener: UnixListener,
}

impl Door {
    pub(super) fn open(directory: &Path, mark: &Mark) -> io::Result<Self> {
        let path = directory.join(mark.to_string());
        let listener = UnixListener::bind(&path)?;
        let door = Self { path, listener };
        // Who comes is looked at; see `admit`.
        fs::set_permissions(&door.path, Permissions::from_mode(0o666))?;
        door.listener.set_nonblocking(true)?;
        Ok(door)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Waits for the guard, which is a process of that unit and user, and gives it the files. Its number is
    /// answered.
    pub(super) fn admit(
        &self,
        unit: &str,
        uid: u32,
        files: &[OwnedFd; FILES],
        patience: Duration,
    ) -> Result<u32, String> {
        let until = Instant::now() + patience;
        loop {
            let guard = self.wait(until).map_err(|error| match error.kind() {
                ErrorKind::TimedOut => format!("its guard did not begin within {patience:?}"),
                _ => format!("its guard cannot be heard: {error}"),
            })?;
            let Ok(peer) = socket_peercred(&guard) else { continue };
            // Anybody may knock.
            if peer.uid.as_raw() != uid || !is_in(peer.pid, unit) {
                continue;
            }
            let files = [files[0].as_fd(), files[1].as_fd(), files[2].as_fd()];
            files::send(&guard, WORD, &files).map_err(|error| format!("its guard is gone: {error}"))?;
            return Ok(peer.pid.as_raw_pid().unsigned_abs());
        }
    }

    fn wait(&self, until: Instant) -> io::Result<UnixStream> {
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => return Ok(stream),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ErrorKind::TimedOut.into());
            }
            let left = Timespec::try_from(left).map_err(io::Error::other)?;
            match poll(&mut [PollFd::new(&self.listener, PollFlags::IN)], Some(&left)) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// The guard's side: its stdin, stdout and stderr become the daemon's pipes.
pub(crate) fn come_for_files(path: &Path) -> io::Result<()> {
    let stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(GUARD_TIMEOUT))?;
    let (_, files) = files::receive(&stream, WORD.len())?;
    let [stdin, stdout, stderr] =
        <[OwnedFd; FILES]>::try_from(files).map_err(|_| io::Error::from(ErrorKind::InvalidData))?;
    rustix::stdio::dup2_stdin(&stdin)?;
    rustix::stdio::dup2_stdout(&stdout)?;
    rustix::stdio::dup2_stderr(&stderr)?;
    Ok(())
}

fn is_in(process: Pid, unit: &str) -> bool {
    let cgroups = fs::read_to_string(format!("/proc/{}/cgroup", process.as_raw_pid()));
    cgroups.is_ok_and(|text| unit_of(&text) == Some(unit))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use rustix::process::getuid;

    use super::*;

    fn files() -> [OwnedFd; FILES] {
        [(); FILES].map(|()| fs::File::open("/dev/null").unwrap().into())
    }

    #[test]
    fn who_is_not_of_the_unit_gets_nothing() {
        let place = tempfile::tempdir().unwrap();
        let door = Door::open(place.path(), &Mark::new()).unwrap();
        let mut stranger = UnixStream::connect(door.path()).unwrap();
        let unit = "accordion-shop-0123456789abcdef.service";
        let fault = door.admit(unit, getuid().as_raw(), &files(), Duration::from_millis(50)).unwrap_err();
        assert_eq!(fault, "its guard did not begin within 50ms");
        assert_eq!(stranger.read(&mut [0]).unwrap(), 0);
        drop(door);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }
}
