//! What stands in for systemd: hears a daemon's words, keeps the descriptors that it is given, and starts the
//! daemon's next life with them.

use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;

use rustix::fs::fstat;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

/// Numbers below this are not used by anything that comes and goes, so that files can be passed on by them.
const NUMBERS_KEPT: i32 = 60;

/// One unit.
pub(crate) struct Systemd {
    path: PathBuf,
    heard: Arc<Mutex<Heard>>,
}

/// What it has heard, and what it keeps.
#[derive(Default)]
struct Heard {
    messages: Vec<String>,
    stored: Vec<(String, OwnedFd)>,
}

impl Systemd {
    /// A unit whose socket is in this directory.
    pub(crate) fn new(directory: &Path) -> Self {
        reserve();
        let path = directory.join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let heard = Arc::<Mutex<Heard>>::default();
        let hears = Arc::downgrade(&heard);
        thread::spawn(move || {
            while let Some((message, files)) = receive(&socket) {
                let Some(heard) = hears.upgrade() else { return };
                heard.lock().unwrap().take(message, files);
            }
        });
        Self { path, heard }
    }

    /// A command of the daemon, which gets all that is kept, as it is at a restart.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let heard = self.heard.lock().unwrap();
        let copy = |(_, file): &(String, OwnedFd)| TcpListener::from(file.try_clone().unwrap());
        let listeners: Vec<_> = heard.stored.iter().map(copy).collect();
        let names: Vec<_> = heard.stored.iter().map(|(name, _)| name.as_str()).collect();
        let mut command = cluster::daemon::with_listeners(program, &listeners).unwrap();
        command.env("LISTEN_FDNAMES", names.join(":")).env("NOTIFY_SOCKET", &self.path);
        command
    }

    /// The names of all that is kept.
    pub(crate) fn stored(&self) -> Vec<String> {
        self.heard.lock().unwrap().stored.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Takes what was heard so far, once there is a message with these words.
    pub(crate) fn messages_until(&self, words: &str) -> Option<Vec<String>> {
        let messages = &mut self.heard.lock().unwrap().messages;
        messages.iter().any(|message| message.contains(words)).then(|| std::mem::take(messages))
    }

    /// Takes what was heard so far.
    pub(crate) fn messages(&self) -> Vec<String> {
        std::mem::take(&mut self.heard.lock().unwrap().messages)
    }
}

impl Heard {
    fn take(&mut self, message: String, files: Vec<OwnedFd>) {
        let name = message.lines().find_map(|line| line.strip_prefix("FDNAME="));
        if message.contains("FDSTOREREMOVE=1") {
            let name = name.expect("FDSTOREREMOVE without a name");
            self.stored.retain(|(stored, _)| stored != name);
        } else if message.contains("FDSTORE=1") {
            for file in files {
                let number = |file: &OwnedFd| fstat(file).unwrap().st_ino;
                // One that it has already is not kept twice.
                if !self.stored.iter().any(|(_, stored)| number(stored) == number(&file)) {
                    self.stored.push((name.expect("FDSTORE without a name").to_owned(), file));
                }
            }
        }
        self.messages.push(message);
    }
}

fn receive(socket: &UnixDatagram) -> Option<(String, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut bytes = [0; 4096];
    let received =
        recvmsg(socket, &mut [IoSliceMut::new(&mut bytes)], &mut control, RecvFlags::CMSG_CLOEXEC).ok()?;
    let mut files = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(some) = message {
            files.extend(some);
        }
    }
    Some((String::from_utf8(bytes[..received.bytes].to_vec()).unwrap(), files))
}

/// Takes the low numbers for good: other threads open and close files while some are passed on.
fn reserve() {
    static TAKEN: OnceLock<Vec<OwnedFd>> = OnceLock::new();
    TAKEN.get_or_init(|| {
        let null = OwnedFd::from(std::fs::File::open("/dev/null").unwrap());
        let mut taken = Vec::new();
        loop {
            let one = null.try_clone().unwrap();
            if std::os::fd::AsRawFd::as_raw_fd(&one) >= NUMBERS_KEPT {
                return taken;
            }
            taken.push(one);
        }
    });
}
