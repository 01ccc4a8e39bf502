//! System calls: the relay runs in a process of its own, under strace, and everything that process does
//! between two requests counts. The process is this test binary once more, with one test of it, `subject`;
//! the two talk through its standard input, whose end is its end.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::client::{Client, DEADLINE, END};
use crate::descriptors;
use crate::origin::Origin;
use crate::rows::{self, REQUESTS, Row};
use crate::scratch::Scratch;
use crate::subject::Subject;
use crate::trace::Calls;

const NOT_TRACED: &str = "no relay ran under strace. Where ptrace is not permitted strace cannot trace: a \
    container needs SYS_PTRACE (docker run --cap-add SYS_PTRACE), and these tests themselves cannot be run under a \
    tracer. It said: ";

rows::hold_each!(hold);

/// The other process.
#[test]
#[ignore = "is run by the others, as a process of its own"]
fn subject() {
    let input = std::io::stdin().as_fd().try_clone_to_owned().unwrap();
    let mut line = BufReader::new(UnixStream::from(input));
    let mut words = [String::new(), String::new()];
    words.iter_mut().for_each(|word| assert!(line.read_line(word).unwrap() > 0));
    let [row, origin] = words.each_ref().map(|word| word.trim_end());
    let subject = Subject::start(Row::named(row), origin.parse().unwrap());
    writeln!(line.get_mut(), "{}", subject.address).unwrap();
    let rest = line.read_to_end(&mut Vec::new()).unwrap();
    assert_eq!(rest, 0, "nothing more is said");
}

fn hold(row: Row) {
    descriptors::make_room_for(row.upstreams);
    let origin = Origin::start();
    let traced = Traced::start(row, origin.address);
    let mut client = Client::new(row, traced.address);
    client.warm_up();
    client.run();
    client.ask(END);
    let calls = Calls::of(&traced.finish());
    let least = 4 * u64::from(REQUESTS);
    assert!(
        calls.count() >= least,
        "the trace was not understood, no request does with less than four calls"
    );
    row.hold(calls.count(), row.system_calls_max, &format!("system calls ({})", calls.per(REQUESTS)));
}

/// The other process, and strace around it.
struct Traced {
    strace: Child,
    line: UnixStream,
    trace: Scratch,
    address: SocketAddr,
}

impl Traced {
    fn start(row: Row, origin: SocketAddr) -> Traced {
        let trace = Scratch::new();
        let (mut line, theirs) = UnixStream::pair().unwrap();
        let spawned = Command::new("strace")
            // Of what goes through a socket as much as names the target.
            .args(["-f", "-qq", "-s", "32", "-e", "signal=none", "-o"])
            .arg(trace.path())
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "traced::subject", "--ignored", "--nocapture", "--test-threads=1"])
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let mut strace = match spawned {
            Ok(strace) => strace,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                panic!("strace is missing: apt-get install strace")
            }
            Err(error) => panic!("strace cannot be started: {error}"),
        };
        line.set_read_timeout(Some(DEADLINE)).unwrap();
        // Where it has ended already there is nobody to write to; to read tells.
        let _ = write!(line, "{}\n{origin}\n", row.name);
        let mut said = String::new();
        let heard = BufReader::new(&line).read_line(&mut said);
        let Ok(address) = said.trim_end().parse() else {
            let is_silent = heard.is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
            assert!(!is_silent, "the relay's process does not start in time");
            panic!("{NOT_TRACED}{}", words_of(&mut strace));
        };
        Traced { strace, line, trace, address }
    }

    /// Lets it end, and gives what strace wrote.
    fn finish(mut self) -> String {
        drop(self.line);
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.strace.try_wait().unwrap() {
                break status;
            }
            assert!(began.elapsed() < DEADLINE, "the relay's process does not end");
            thread::sleep(Duration::from_millis(1));
        };
        assert!(status.success(), "the relay's process failed: {}", words_of(&mut self.strace));
        fs::read_to_string(self.trace.path()).unwrap()
    }
}

/// What an ended process said.
fn words_of(child: &mut Child) -> String {
    let mut words = String::new();
    child.stderr.take().unwrap().read_to_string(&mut words).unwrap();
    words
}
