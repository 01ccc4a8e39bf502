//! A front end and a node in a process of their own, so that what it needs of memory is theirs alone. The process
//! is this test binary once more, with one test of it; the two talk through its standard input, whose end is
//! its end.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

use relay::Settings;

use crate::peer::{DEADLINE, Peer};
use crate::rig::{GET, OK, Origin, Rig};

/// The other process.
pub(crate) struct Subject {
    child: Child,
    line: UnixStream,
    pub(crate) address: SocketAddr,
    peak: u64,
}

impl Subject {
    /// Relays to `origin`, and has done so once.
    pub(crate) fn start(origin: &Origin) -> Subject {
        let (mut line, theirs) = UnixStream::pair().unwrap();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "subject::subject", "--ignored", "--nocapture", "--test-threads=1"])
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        line.set_read_timeout(Some(DEADLINE)).unwrap();
        writeln!(line, "{}", origin.address).unwrap();
        let mut address = String::new();
        BufReader::new(&line).read_line(&mut address).unwrap();
        let address = address.trim_end().parse().unwrap();
        let mut subject = Subject { child, line, address, peak: 0 };
        let mut client = Peer::connect(address);
        client.send(GET);
        let mut service = origin.accept();
        service.message();
        service.send(OK.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
        client.message();
        subject.peak = subject.peak_kib();
        subject
    }

    /// KiB by which the most memory it ever had has grown since the start.
    pub(crate) fn grown_kib(&self) -> u64 {
        self.peak_kib() - self.peak
    }

    fn peak_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        let _ = self.line.shutdown(std::net::Shutdown::Write);
        let _ = self.child.wait();
    }
}

/// The other process's side.
#[test]
#[ignore = "is run by the others, as a process of its own"]
fn subject() {
    let input = std::io::stdin().as_fd().try_clone_to_owned().unwrap();
    let mut line = BufReader::new(UnixStream::from(input));
    let mut origin = String::new();
    assert!(line.read_line(&mut origin).unwrap() > 0);
    let rig = Rig::chain_to(origin.trim_end().parse().unwrap(), Settings::default());
    writeln!(line.get_mut(), "{}", rig.address).unwrap();
    assert_eq!(line.read_to_end(&mut Vec::new()).unwrap(), 0, "nothing more is said");
}
