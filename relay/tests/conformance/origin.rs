//! The service behind a proxy under test: it answers as its script says and writes down every byte it got.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::case::{Answer, Then};

pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    answers: Vec<Answer>,
    log: Mutex<Log>,
    changed: Condvar,
}

/// What it saw so far.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) links: Vec<Link>,
    /// Requests other than follow-ups, for the next answer.
    asked: usize,
    is_closing: bool,
}

/// One connection from the proxy.
pub(crate) struct Link {
    pub(crate) raw: Vec<u8>,
    pub(crate) requests: Vec<Request>,
    pub(crate) is_ended: bool,
    /// None once it is reset.
    tcp: Option<TcpStream>,
}

/// A request, whole or as far as it came.
#[derive(Default, Clone)]
pub(crate) struct Request {
    /// Start line, fields and trailers, lower-cased.
    pub(crate) fields: String,
    /// Decoded.
    pub(crate) body: Vec<u8>,
    pub(crate) is_whole: bool,
}

impl Request {
    pub(crate) fn is_follow_up(&self) -> bool {
        self.fields.lines().next().is_some_and(|line| line.contains("/follow-up"))
    }
}

impl Origin {
    pub(crate) fn start(answers: Vec<Answer>) -> Origin {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let shared = Arc::new(Shared { answers, log: Mutex::default(), changed: Condvar::new() });
        let accepted_for = Arc::clone(&shared);
        let accepting = thread::spawn(move || accept(&listener, &accepted_for));
        Origin { address, shared, accepting: Some(accepting) }
    }

    /// Waits until it holds; false at the deadline.
    pub(crate) fn wait(&self, deadline: Duration, mut holds: impl FnMut(&Log) -> bool) -> bool {
        let began = Instant::now();
        let mut log = self.shared.log();
        while !holds(&log) {
            let Some(left) = deadline.checked_sub(began.elapsed()) else { return false };
            log = self.shared.changed.wait_timeout(log, left).expect("no holder panics").0;
        }
        true
    }

    /// Looks at what it saw.
    pub(crate) fn look<T>(&self, at: impl FnOnce(&Log) -> T) -> T {
        at(&self.shared.log())
    }

    /// Sends on the newest connection, asked or not.
    pub(crate) fn say(&self, bytes: &[u8]) {
        let tcp = self.look(|log| log.links.last().and_then(|link| link.tcp.as_ref()?.try_clone().ok()));
        if let Some(mut tcp) = tcp {
            let _ = tcp.write_all(bytes);
        }
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        {
            let mut log = self.shared.log();
            log.is_closing = true;
            for tcp in log.links.iter().filter_map(|link| link.tcp.as_ref()) {
                let _ = tcp.shutdown(Shutdown::Both);
            }
        }
        // Wakes the accept, which then sees that it is over.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

impl Log {
    /// The requests of the case, the follow-up apart.
    pub(crate) fn requests(&self) -> Vec<&Request> {
        let all = self.links.iter().flat_map(|link| &link.requests);
        all.filter(|request| !request.is_follow_up()).collect()
    }
}

impl Shared {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().expect("no holder panics")
    }

    fn change(&self, change: impl FnOnce(&mut Log)) {
        change(&mut self.log());
        self.changed.notify_all();
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut serving = Vec::new();
    while let Ok((tcp, _)) = listener.accept() {
        let Ok(kept) = tcp.try_clone() else { break };
        let mut log = shared.log();
        if log.is_closing {
            break;
        }
        let index = log.links.len();
        log.links.push(Link { raw: Vec::new(), requests: Vec::new(), is_ended: false, tcp: Some(kept) });
        drop(log);
        let _ = tcp.set_nodelay(true);
        let served_for = Arc::clone(shared);
        serving.push(thread::spawn(move || {
            let mut served = Served { tcp, index, shared: served_for, read: Vec::new() };
            match served.run() {
                Some(()) => served.reset(),
                None => served.drain(),
            }
            served.shared.change(|log| log.links[index].is_ended = true);
        }));
    }
    for served in serving {
        let _ = served.join();
    }
}

/// One connection at work.
struct Served {
    tcp: TcpStream,
    index: usize,
    shared: Arc<Shared>,
    read: Vec<u8>,
}

impl Served {
    /// None: the rest, if any, is only read. Something: the connection is to be reset.
    fn run(&mut self) -> Option<()> {
        loop {
            let head = self.until(b"\r\n\r\n")?;
            let fields = String::from_utf8_lossy(&head).to_ascii_lowercase();
            let request = Request { fields: fields.clone(), ..Request::default() };
            let is_follow_up = request.is_follow_up();
            let answer = self.next_answer(is_follow_up);
            self.note(|requests| requests.push(request));
            self.send(&answer.at_head);
            self.body(&fields)?;
            self.note(|requests| {
                if let Some(request) = requests.last_mut() {
                    request.is_whole = true;
                }
            });
            match (&answer.at_end, answer.then) {
                (None, Then::Rest) => {}
                (Some(bytes), _) => self.send(bytes),
                (None, _) => self.send(&default_answer(&fields)),
            }
            match answer.then {
                Then::Keep | Then::Rest => {}
                Then::Close => {
                    let _ = self.tcp.shutdown(Shutdown::Write);
                    return None;
                }
                Then::Reset => return Some(()),
            }
        }
    }

    fn next_answer(&self, is_follow_up: bool) -> Answer {
        if is_follow_up {
            return Answer::default();
        }
        let mut log = self.shared.log();
        let asked = log.asked;
        log.asked += 1;
        self.shared.answers.get(asked).or(self.shared.answers.last()).cloned().unwrap_or_default()
    }

    fn body(&mut self, fields: &str) -> Option<()> {
        let field = |name: &str| {
            let mut lines = fields.lines().skip(1);
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
        };
        if field("transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
            return self.chunks();
        }
        let length = field("content-length").and_then(|value| value.parse::<usize>().ok()).unwrap_or(0);
        self.take(length)
    }

    fn chunks(&mut self) -> Option<()> {
        loop {
            let line = self.until(b"\r\n")?;
            let line = String::from_utf8_lossy(&line).trim().to_owned();
            let size = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
            if line.contains(';') {
                let seen = format!("chunk extension {line}\r\n").to_ascii_lowercase();
                self.note(|requests| requests.last_mut().expect("it has begun").fields.push_str(&seen));
            }
            if size == 0 {
                break;
            }
            self.take(size)?;
            if self.until(b"\r\n")? != b"\r\n" {
                return None;
            }
        }
        loop {
            let line = self.until(b"\r\n")?;
            if line == b"\r\n" {
                return Some(());
            }
            let line = String::from_utf8_lossy(&line).to_ascii_lowercase();
            self.note(|requests| requests.last_mut().expect("it has begun").fields.push_str(&line));
        }
    }

    fn take(&mut self, count: usize) -> Option<()> {
        let mut left = count;
        while left > 0 {
            if self.read.is_empty() {
                self.more()?;
            }
            let now = left.min(self.read.len());
            let bytes: Vec<u8> = self.read.drain(..now).collect();
            left -= now;
            self.note(|requests| requests.last_mut().expect("it has begun").body.extend(bytes));
        }
        Some(())
    }

    fn until(&mut self, end: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self.read.windows(end.len()).position(|window| window == end) {
                return Some(self.read.drain(..at + end.len()).collect());
            }
            self.more()?;
        }
    }

    fn more(&mut self) -> Option<()> {
        let mut buffer = [0; 16 * 1024];
        let count = loop {
            match self.tcp.read(&mut buffer) {
                Ok(count) => break count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break 0,
            }
        };
        let bytes = &buffer[..count];
        self.read.extend_from_slice(bytes);
        let index = self.index;
        self.shared.change(|log| log.links[index].raw.extend_from_slice(bytes));
        (count > 0).then_some(())
    }

    /// Reads on, for the record, until the proxy ends the connection.
    fn drain(&mut self) {
        while self.more().is_some() {}
    }

    /// The reset leaves with the last copy of the socket, which is this one's.
    fn reset(&mut self) {
        let _ = SockRef::from(&self.tcp).set_linger(Some(Duration::ZERO));
        self.shared.log().links[self.index].tcp = None;
    }

    fn send(&mut self, bytes: &[u8]) {
        // A proxy that has ended the connection meanwhile shows when it is read.
        let _ = self.tcp.write_all(bytes);
    }

    fn note(&self, note: impl FnOnce(&mut Vec<Request>)) {
        let index = self.index;
        self.shared.change(|log| note(&mut log.links[index].requests));
    }
}

/// A 200 that names the request it answers, so that an answer to the wrong one shows.
fn default_answer(fields: &str) -> Vec<u8> {
    let mut words = fields.lines().next().unwrap_or_default().split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let body = format!("answer to {method} {target}");
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    if method == "head" { head.into_bytes() } else { [head, body].concat().into_bytes() }
}
