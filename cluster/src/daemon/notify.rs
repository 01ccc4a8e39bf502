//! What a daemon tells whoever started it, in the words of sd_notify(3): that it is ready, how it is,
//! that its loops still turn, that it reloads or ends, and what it listens on, to be kept for its next life. All
//! of it is nothing where nobody asked to be told.

use std::collections::VecDeque;
use std::env;
use std::ffi::OsStr;
use std::fmt::Write;
use std::io::{self, ErrorKind, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix, sendmsg_addr};
use sd_notify::NotifyState;
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tracing::warn;

use super::passed::{FILES_PER_MESSAGE, Kept, Store};

/// How old the line that `systemctl status` shows may be.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// What systemd must know is told again after this, and for so long.
const TELL_AGAIN: Duration = Duration::from_millis(20);
const TELL_MAX: Duration = Duration::from_secs(5);

/// So many signs of life fall into the time that systemd waits for one.
const SIGNS_PER_WATCHDOG: u32 = 3;

/// Tells systemd. It is to be owned by the loop that matters: a sign of life from anywhere else would go on
/// when that loop hangs.
#[derive(Debug)]
pub struct Notify {
    systemd: Option<Systemd>,
    is_watched: bool,
    /// The status that systemd has; empty: none, or not the last one.
    told: String,
    /// It is ready, and systemd could not be told yet.
    is_ready_untold: bool,
    /// What the store of descriptors has not learned yet.
    unstored: VecDeque<Change>,
}

/// A change of the store.
#[derive(Debug)]
enum Change {
    Remove(String),
    Add(Kept),
}

/// Who listens, and when.
#[derive(Debug)]
struct Systemd {
    socket: UnixDatagram,
    address: SocketAddrUnix,
    signs: Interval,
    has_failed: bool,
}

impl Notify {
    /// By NOTIFY_SOCKET and WATCHDOG_USEC of the environment.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn new() -> Self {
        let watchdog = sd_notify::watchdog_enabled().filter(|time| !time.is_zero());
        let every = watchdog.map_or(TELL_EVERY, |time| TELL_EVERY.min(time / SIGNS_PER_WATCHDOG));
        let systemd = env::var_os("NOTIFY_SOCKET").and_then(|address| match Systemd::at(&address, every) {
            Ok(systemd) => Some(systemd),
            Err(error) => {
                warn!(?address, %error, "NOTIFY_SOCKET is no socket that can be used");
                None
            }
        });
        Self {
            systemd,
            is_watched: watchdog.is_some(),
            told: String::new(),
            is_ready_untold: false,
            unstored: VecDeque::new(),
        }
    }

    /// Has systemd keep what the daemon listens on, for its next life.
    pub fn store(&mut self, store: Store) {
        if self.systemd.is_some() {
            self.unstored.extend(store.stale.into_iter().map(Change::Remove));
            self.unstored.extend(store.new.into_iter().map(Change::Add));
            self.tell_store();
        }
    }

    /// The daemon listens and is wired; `status` is for a person.
    pub fn ready(&mut self, status: String) {
        self.is_ready_untold = true;
        self.say(status, false);
    }

    /// Answers when the next sign of life is due; never where nobody waits for one.
    pub async fn due(&mut self) {
        match &mut self.systemd {
            Some(systemd) => {
                systemd.signs.tick().await;
            }
            None => std::future::pending().await,
        }
    }

    /// The loop that calls this turns; `status` is for a person.
    pub fn alive(&mut self, status: String) {
        self.say(status, self.is_watched);
    }

    /// cluster.toml is read again from here to `reloaded`. Both words must come in one message: since
    /// version 253 systemd waits in vain otherwise.
    pub fn reloading(&mut self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => {
                self.tell(&[NotifyState::Reloading, now]);
            }
            Err(error) => {
                warn!(%error, "the clock could not be read, so systemd does not hear of the reload")
            }
        }
    }

    /// What was read is in force as far as it can be, or was refused.
    pub fn reloaded(&mut self) {
        self.is_ready_untold = !self.tell(&[NotifyState::Ready]);
    }

    /// The daemon is another process from here on, whose word counts now, and not ours.
    pub async fn successor(mut self, pid: u32) {
        let give_up_at = Instant::now() + TELL_MAX;
        while !self.tell(&[NotifyState::MainPid(pid)]) && Instant::now() < give_up_at {
            tokio::time::sleep(TELL_AGAIN).await;
        }
    }

    /// The daemon ends, and needs at most `within` for it, whatever the unit says.
    pub fn stopping(&mut self, within: Duration) {
        // What is not kept by now is not to be listened on for longer than by the daemon itself.
        self.unstored.clear();
        let within = u32::try_from(within.as_micros()).unwrap_or(u32::MAX);
        self.tell(&[NotifyState::Stopping, NotifyState::ExtendTimeoutUsec(within)]);
    }

    /// Tells what systemd does not know yet.
    fn say(&mut self, status: String, is_sign: bool) {
        self.tell_store();
        let mut words = Vec::new();
        if self.is_ready_untold {
            words.push(NotifyState::Ready);
        }
        if is_sign {
            words.push(NotifyState::Watchdog);
        }
        if status != self.told {
            words.push(NotifyState::Status(&status));
        }
        if words.is_empty() {
            return;
        }
        if self.tell(&words) {
            self.is_ready_untold = false;
            self.told = status;
        } else {
            self.told.clear();
        }
    }

    fn tell_store(&mut self) {
        while let (Some(systemd), Some(change)) = (&mut self.systemd, self.unstored.front()) {
            let (word, name, files) = match change {
                Change::Remove(name) => ("FDSTOREREMOVE=1", name, &[][..]),
                Change::Add(Kept { name, files }) => ("FDSTORE=1", name, &files[..]),
            };
            let name = format!("FDNAME={name}");
            let is_told = systemd.tell_with(&[NotifyState::Custom(word), NotifyState::Custom(&name)], files);
            if !is_told {
                return;
            }
            self.unstored.pop_front();
        }
    }

    /// Whether it was told.
    fn tell(&mut self, words: &[NotifyState<'_>]) -> bool {
        self.systemd.as_mut().is_none_or(|systemd| systemd.tell(words))
    }
}

impl Default for Notify {
    fn default() -> Self {
        Self::new()
    }
}

impl Systemd {
    fn at(address: &OsStr, every: Duration) -> io::Result<Self> {
        let address = match address.as_bytes().strip_prefix(b"@") {
            Some(name) => SocketAddrUnix::new_abstract_name(name)?,
            None => SocketAddrUnix::new(address)?,
        };
        let socket = UnixDatagram::unbound()?;
        // Whoever does not read, as a systemd that has crashed does not, holds up no daemon.
        socket.set_nonblocking(true)?;
        let mut signs = tokio::time::interval_at(Instant::now() + every, every);
        signs.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self { socket, address, signs, has_failed: false })
    }

    fn tell(&mut self, words: &[NotifyState<'_>]) -> bool {
        self.tell_with(words, &[])
    }

    /// The same, with files.
    fn tell_with(&mut self, words: &[NotifyState<'_>], files: &[OwnedFd]) -> bool {
        let mut message = String::new();
        for word in words {
            writeln!(message, "{word}").expect("memory takes all that is written");
        }
        let Err(error) = self.send(message.as_bytes(), files) else { return true };
        if error.kind() != ErrorKind::WouldBlock && !self.has_failed {
            self.has_failed = true;
            warn!(%error, "systemd could not be told how the daemon is");
        }
        false
    }

    fn send(&self, message: &[u8], files: &[OwnedFd]) -> io::Result<()> {
        let files: Vec<_> = files.iter().map(AsFd::as_fd).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES_PER_MESSAGE))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !files.is_empty() && !control.push(SendAncillaryMessage::ScmRights(&files)) {
            return Err(io::Error::from(ErrorKind::InvalidInput));
        }
        let message = [IoSlice::new(message)];
        sendmsg_addr(&self.socket, &self.address, &message, &mut control, SendFlags::NOSIGNAL)?;
        Ok(())
    }
}
