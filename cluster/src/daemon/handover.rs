//! A daemon's process hands its work to a successor that it starts itself: words of one letter go both ways
//! over a pair of sockets, and files with them. What the words mean is the daemon's.
//!
//! The successor finds its end as its standard input, for that is the one number that can be given to a
//! process without a descriptor of another thread's getting into the way.

use std::env;
use std::fs::File;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recv, recvmsg, sendmsg,
};
use rustix::process::getppid;
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::process::{Child, Command};

use super::passed::FILES_PER_MESSAGE;

/// Says to the successor whose it is. A process that inherits it from there is somebody else's child.
const VARIABLE: &str = "ACCORDION_PREDECESSOR";

/// What is said to this process alone.
const VARIABLES_OF_OURS: [&str; 5] =
    ["LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID", "LISTEN_PIDFDID", "WATCHDOG_PID"];

/// How this process was started, from which its successor is.
#[derive(Debug, Clone)]
pub struct Program {
    path: PathBuf,
}

/// One end between a process and its successor.
#[derive(Debug)]
pub struct Handover {
    stream: UnixStream,
}

impl Program {
    /// Of this process. To be asked at its start: the file may be another one later, which is then what the
    /// successor runs.
    ///
    /// # Errors
    /// The running program has no path.
    pub fn of_this_process() -> io::Result<Self> {
        let running = env::current_exe()?;
        let is_running = |path: &Path| {
            let identity = |path: &Path| path.metadata().map(|file| (file.dev(), file.ino())).ok();
            identity(path).is_some() && identity(path) == identity(Path::new("/proc/self/exe"))
        };
        // As it was called, which may be by way of a link that leads to another version by then.
        let called = env::args_os().next().map(PathBuf::from).filter(|path| path.components().count() > 1);
        let called = called.and_then(|path| std::path::absolute(path).ok());
        Ok(Self { path: called.filter(|path| is_running(path)).unwrap_or(running) })
    }

    /// Starts the successor with the arguments of this process, and gives it the other end.
    ///
    /// # Errors
    /// It cannot be started.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start_successor(&self) -> io::Result<(Handover, Child)> {
        let (ours, theirs) = net::UnixStream::pair()?;
        let mut command = Command::new(&self.path);
        command.args(env::args_os().skip(1)).stdin(Stdio::from(OwnedFd::from(theirs)));
        for variable in VARIABLES_OF_OURS {
            command.env_remove(variable);
        }
        command.env(VARIABLE, std::process::id().to_string());
        let child = command.spawn().map_err(|error| {
            io::Error::new(error.kind(), format!("{} cannot be started: {error}", self.path.display()))
        })?;
        Ok((Handover::of(ours)?, child))
    }
}

impl Handover {
    /// The end of a process that was started as a successor.
    ///
    /// # Errors
    /// Its standard input is not what a predecessor gives.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn taken() -> io::Result<Option<Self>> {
        let said = env::var(VARIABLE).ok().and_then(|pid| pid.parse().ok());
        if said.is_none() || said != getppid().map(|parent| parent.as_raw_pid()) {
            return Ok(None);
        }
        let stream = net::UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        // No program that is started from here gets it.
        rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
        Self::of(stream).map(Some)
    }

    /// An end that came by another one.
    ///
    /// # Errors
    /// It is no such end.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn passed_on(file: OwnedFd) -> io::Result<Self> {
        Self::of(net::UnixStream::from(file))
    }

    /// Whether the other process is gone, and everything was heard that it said.
    pub fn is_gone(&self) -> bool {
        matches!(recv(&self.stream, &mut [0], RecvFlags::PEEK | RecvFlags::DONTWAIT), Ok((_, 0)))
    }

    fn of(stream: net::UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self { stream: UnixStream::from_std(stream)? })
    }

    /// Says a word, with these files.
    ///
    /// # Errors
    /// The other process is gone, or these are more files than a message takes (250).
    pub async fn say(&self, word: u8, files: &[BorrowedFd<'_>]) -> io::Result<()> {
        let say = || {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES_PER_MESSAGE))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            if !files.is_empty() && !control.push(SendAncillaryMessage::ScmRights(files)) {
                return Err(io::Error::from(ErrorKind::InvalidInput));
            }
            sendmsg(&self.stream, &[IoSlice::new(&[word])], &mut control, SendFlags::NOSIGNAL)?;
            Ok(())
        };
        self.stream.async_io(Interest::WRITABLE, say).await
    }

    /// The next word, and what came with it. May be given up: nothing is lost.
    ///
    /// # Errors
    /// The other process is gone.
    pub async fn hear(&self) -> io::Result<(u8, Vec<OwnedFd>)> {
        let hear = || {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES_PER_MESSAGE))];
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let mut word = [0];
            // One at a time: a message that is longer could be two, each with files of its own.
            let mut bytes = [IoSliceMut::new(&mut word)];
            let heard = recvmsg(&self.stream, &mut bytes, &mut control, RecvFlags::CMSG_CLOEXEC)?;
            if heard.bytes == 0 {
                return Err(io::Error::new(ErrorKind::UnexpectedEof, "the other process is gone"));
            }
            let mut files = Vec::new();
            for message in control.drain() {
                if let RecvAncillaryMessage::ScmRights(some) = message {
                    files.extend(some);
                }
            }
            Ok((word[0], files))
        };
        self.stream.async_io(Interest::READABLE, hear).await
    }
}

impl AsFd for Handover {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[tokio::test]
    async fn words_come_one_by_one_each_with_its_files() {
        let (one, other) = net::UnixStream::pair().unwrap();
        let (one, other) = (Handover::of(one).unwrap(), Handover::of(other).unwrap());
        let (mut reader, mut writer) = io::pipe().unwrap();
        one.say(b'a', &[]).await.unwrap();
        one.say(b'b', &[writer.as_fd(), reader.as_fd()]).await.unwrap();
        one.say(b'c', &[]).await.unwrap();
        assert!(matches!(other.hear().await.unwrap(), (b'a', files) if files.is_empty()));
        let (word, files) = other.hear().await.unwrap();
        assert_eq!((word, files.len()), (b'b', 2));
        assert!(matches!(other.hear().await.unwrap(), (b'c', files) if files.is_empty()));
        drop(writer.write(b"x"));
        let mut byte = [0];
        reader.read_exact(&mut byte).unwrap();
        assert!(!other.is_gone());
        drop(one);
        assert!(other.is_gone());
        assert_eq!(other.hear().await.unwrap_err().kind(), ErrorKind::UnexpectedEof);
        assert!(Handover::taken().unwrap().is_none(), "this process is nobody's successor");
    }
}
